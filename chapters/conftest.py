"""How stored outputs are made, for nbval and for `make notebooks`."""

import os

os.environ.update(
    DECODELIB_MODEL="storybook",
    # Explorers leave their data, not the number of a widget in some kernel.
    DECODELIB_STATIC="1",
    # In float64, on the CPU, digits come out the same on every machine.
    DECODELIB_DTYPE="float64",
    CUDA_VISIBLE_DEVICES="",
    OMP_NUM_THREADS="1",
    HF_HUB_OFFLINE="1",
    PYDEVD_DISABLE_FILE_VALIDATION="1",
)

"""Settings under which the stored outputs were made, for `pytest --nbval chapters`."""

import os

# float64 on the CPU prints the same digits on every machine; static explorers leave only data.
STORED = {
    "DECODELIB_MODEL": "storybook",
    "DECODELIB_STATIC": "1",
    "DECODELIB_DTYPE": "float64",
    "HF_HUB_OFFLINE": "1",
    "CUDA_VISIBLE_DEVICES": "",
    "PYDEVD_DISABLE_FILE_VALIDATION": "1",
}
os.environ.update(STORED)

"""decodelib as a reader imports it: without the tests' checks of shapes and types."""

import importlib
import sys


def plain_library():
    """Return a second copy of decodelib, imported without the hook of conftest.py."""
    checked = {name: sys.modules.pop(name) for name in list(sys.modules) if _is_ours(name)}
    finders = list(sys.meta_path)
    sys.meta_path[:] = [f for f in finders if "jaxtyping" not in type(f).__module__]
    try:
        plain = importlib.import_module("decodelib")
        importlib.import_module("decodelib.distributions")
    finally:
        sys.meta_path[:] = finders
        for name in [name for name in sys.modules if _is_ours(name)]:
            del sys.modules[name]
        sys.modules.update(checked)
    return plain


def _is_ours(name):
    return name == "decodelib" or name.startswith("decodelib.")

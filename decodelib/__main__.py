"""`python -m decodelib "Once upon a time" --top-p 0.9`: see `decodelib.cli`."""

from __future__ import annotations

import sys

from decodelib.cli import main

if __name__ == "__main__":
    sys.exit(main())

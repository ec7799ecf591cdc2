"""`decodelib claims MODEL`: the book's claims, measured on another model."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path


def claims(arguments: Sequence[str]) -> int:
    """Run the book's chapters on a model and report its claims; return the exit status."""
    places = (Path.cwd(), Path(__file__).resolve().parents[2])
    roots = [place for place in places if (place / "tools" / "claims_on.py").is_file()]
    if not roots:
        print(
            "decodelib claims runs the book's notebooks, which are not part of the package: call "
            "it in a clone of the repository",
            file=sys.stderr,
        )
        return 2
    path = os.pathsep.join(filter(None, [str(roots[0]), os.environ.get("PYTHONPATH")]))
    command = [sys.executable, "-m", "tools.claims_on", *arguments]
    return subprocess.run(command, env=os.environ | {"PYTHONPATH": path}, check=False).returncode

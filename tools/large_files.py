"""Fail if git tracks a file over 1 MB that is not meant to be: history keeps it for ever."""

import subprocess
import sys
from pathlib import Path

LIMIT_BYTES = 1_000_000
MEANT = {"decodelib/models/storybook/model.safetensors"}

tracked = subprocess.run(["git", "ls-files", "-z"], capture_output=True, text=True, check=True)
paths = {Path(name) for name in tracked.stdout.split("\0") if name and name not in MEANT}
large = sorted(p for p in paths if p.is_file() and p.stat().st_size > LIMIT_BYTES)
for path in large:
    print(f"{path} has {path.stat().st_size / 1e6:.1f} MB; the limit is 1 MB")
sys.exit(bool(large))

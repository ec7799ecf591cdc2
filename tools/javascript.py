"""Check the JavaScript as `make lint` does: format and lint (biome) and types (tsc).

Needs node and npm; without them a line says that nothing was checked, which is an error only in
GitHub's runs. The two tools are installed from tools/js/package-lock.json the first time and when
that file changes.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
TOOLS = ROOT / "tools" / "js"
BIN = TOOLS / "node_modules" / ".bin"
INSTALLED = TOOLS / "node_modules" / ".package-lock.json"


def not_checked(reason: str) -> int:
    """Say why nothing was checked; return the exit status: an error only in GitHub's runs."""
    print(f"JavaScript is not checked: {reason}", flush=True)
    return 1 if os.environ.get("GITHUB_ACTIONS") else 0


def is_installed() -> bool:
    lock = TOOLS / "package-lock.json"
    return INSTALLED.exists() and INSTALLED.stat().st_mtime >= lock.stat().st_mtime


def install(npm: str) -> bool:
    """Install the tools as locked; return whether that worked."""
    command = [npm, "ci", "--no-audit", "--no-fund", "--silent"]
    if subprocess.run(command, cwd=TOOLS, check=False).returncode:
        return False
    INSTALLED.touch()
    return True


def main() -> int:
    npm = shutil.which("npm")
    if shutil.which("node") is None or npm is None:
        return not_checked("node and npm are not installed.")
    if not is_installed() and not install(npm):
        return not_checked("npm could not install biome and typescript.")
    commands = {
        "biome": [str(BIN / "biome"), "ci", "--error-on-warnings", "--colors=off"],
        "tsc": [str(BIN / "tsc"), "--project", str(TOOLS)],
    }
    failed = [
        name
        for name, command in commands.items()
        if subprocess.run(command, cwd=ROOT, check=False).returncode
    ]
    if failed:
        print(f"JavaScript: {' and '.join(failed)} failed.", flush=True)
        return 1
    print("JavaScript: formatted, linted, types checked.", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())

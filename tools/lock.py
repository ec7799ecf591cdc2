"""Write requirements.txt: the versions of everything that pyproject.toml asks for, on any platform.

    python -m tools.lock             # keep the versions that are there, add what is missing
    python -m tools.lock --upgrade   # the newest of everything

uv resolves. What it chooses for torch's CUDA packages is left out: torch's own pins stand for them,
and a machine with a CPU build of torch needs none of them.
"""

import re
import subprocess
import sys

from tools.book import ROOT

LOCK = ROOT / "requirements.txt"
HEADER = """\
# What the book, the library and the tests are built and tested with.
# Install with pip install -r requirements.txt. Written by make lock from pyproject.toml.
-e .
"""
CUDA = re.compile(r"(nvidia|cuda|triton)\b")


def main(arguments: list[str]) -> int:
    known = LOCK.read_text(encoding="utf-8")
    pins = [line for line in known.splitlines() if line and not line.startswith(("#", "-"))]
    LOCK.write_text("\n".join(pins) + "\n", encoding="utf-8")  # uv keeps the versions it finds here
    command = ["uv", "pip", "compile", "pyproject.toml", "--universal", "--python-version", "3.11"]
    command += ["--all-extras", "--group", "dev", "--no-header", "--no-annotate", "--quiet"]
    run = subprocess.run([*command, "--output-file", LOCK.name, *arguments], cwd=ROOT, check=False)
    if run.returncode:
        LOCK.write_text(known, encoding="utf-8")
        return run.returncode
    chosen = LOCK.read_text(encoding="utf-8").splitlines(keepends=True)
    LOCK.write_text(HEADER + "".join(line for line in chosen if not CUDA.match(line)), "utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

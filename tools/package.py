"""Build the source distribution and the wheel into dist/, and check that they are whole.

    python -m tools.package --repository https://host/owner/decodelib

On a package index a README stands alone, so its links and its picture need full addresses. They are
written into a copy, as are the project's URLs; the repository itself names no address of its own.
Needs the dependency group "release".
"""

from __future__ import annotations

import argparse
import re
import shutil
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path

from tools.book import ROOT

LINK = re.compile(r"(!?)\[([^\]]*)\]\((?!https?://|#)([^)]+)\)")
NOT_PACKED = (".ci/", ".git", ".pre-commit-config.yaml")
"""What the repository's host reads and a source distribution has no use for."""


def tracked_files() -> list[str]:
    listed = subprocess.run(
        ["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    return [name for name in listed.stdout.split("\0") if name and (ROOT / name).is_file()]


def absolute_links(markdown: str, repository: str) -> str:
    """Return a README whose pictures and links point into the repository's main branch."""
    return LINK.sub(
        lambda m: f"{m[1]}[{m[2]}]({repository}/{'raw' if m[1] else 'blob'}/main/{m[3]})", markdown
    )


def with_urls(pyproject: str, repository: str) -> str:
    """Return pyproject.toml with the project's addresses."""
    pages = {"Source": "", "Issues": "/issues", "Changelog": "/blob/main/CHANGELOG.md"}
    urls = "\n".join(f'{name} = "{repository}{path}"' for name, path in pages.items())
    table = f"[project.urls]\n{urls}\n\n[project.scripts]"
    return pyproject.replace("[project.scripts]", table, 1)


def missing_from(sdist: Path) -> list[str]:
    """Return the tracked files that a source distribution lacks."""
    with tarfile.open(sdist) as archive:
        packed = {name.partition("/")[2] for name in archive.getnames()}
    return [f for f in tracked_files() if f not in packed and not f.startswith(NOT_PACKED)]


def build(output: Path, repository: str | None) -> list[Path]:
    """Build both distributions from a copy of the tracked files; return their paths."""
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder) / "decodelib"
        for name in tracked_files():
            (copy / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, copy / name)
        if repository:
            for file, stamp in (("README.md", absolute_links), ("pyproject.toml", with_urls)):
                text = (copy / file).read_text(encoding="utf-8")
                (copy / file).write_text(stamp(text, repository.rstrip("/")), encoding="utf-8")
        command = [sys.executable, "-m", "build", "--outdir", str(output), str(copy)]
        subprocess.run(command, check=True)
    return [next(output.glob("*.tar.gz")), next(output.glob("*.whl"))]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--repository", help="the repository's address, for links and URLs")
    parser.add_argument("--output", type=Path, default=ROOT / "dist")
    args = parser.parse_args()
    shutil.rmtree(args.output, ignore_errors=True)
    distributions = build(args.output.resolve(), args.repository)
    if missing := missing_from(distributions[0]):
        print(f"The source distribution lacks {len(missing)} files: {', '.join(missing[:5])}")
        return 1
    check = [sys.executable, "-m", "twine", "check", "--strict", *map(str, distributions)]
    return subprocess.run(check, check=False).returncode


if __name__ == "__main__":
    sys.exit(main())

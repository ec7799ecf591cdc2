"""What a submission may not do: reach other files, start processes, or use more than its share.

This holds off accidents and mischief. It is no prison: Python can be made to forget any rule from
inside, so submissions of people who would try belong into a container.
"""

from __future__ import annotations

import contextlib
import os
import sys
import sysconfig
from collections.abc import Iterator
from pathlib import Path
from typing import Any

_READS = {"os.listdir", "os.scandir", "os.walk", "glob.glob", "os.chdir"}
_WRITES = {
    "os.chflags",
    "os.chmod",
    "os.chown",
    "os.link",
    "os.mkdir",
    "os.remove",
    "os.rename",
    "os.rmdir",
    "os.setxattr",
    "os.symlink",
    "os.truncate",
    "os.utime",
    "shutil.rmtree",
}
_NEVER = (
    "ctypes.",
    "os.exec",
    "os.fork",
    "os.kill",
    "os.posix_spawn",
    "os.spawn",
    "os.system",
    "pty.",
    "resource.",
    "signal.pthread_kill",
    "socket.",
    "subprocess.",
)
_DEVICES = {"/dev/null", "/dev/zero", "/dev/random", "/dev/urandom"}
_CHANGES = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND


def limit(seconds: int, megabytes: int) -> None:
    """Limit this process to so much time of the processor and memory beside what it has now."""
    import resource

    def at_most(kind: int, value: int) -> None:
        _, hard = resource.getrlimit(kind)
        most = value if hard == resource.RLIM_INFINITY else min(value, hard)
        # Refused by systems that know a limit and do not keep it.
        with contextlib.suppress(OSError, ValueError):
            resource.setrlimit(kind, (most, most))

    at_most(resource.RLIMIT_CPU, seconds)
    at_most(resource.RLIMIT_AS, _address_space() + megabytes * 2**20)
    at_most(resource.RLIMIT_FSIZE, 16 * 2**20)
    at_most(resource.RLIMIT_NOFILE, 256)
    at_most(resource.RLIMIT_CORE, 0)


def _address_space() -> int:
    try:
        pages = int(Path("/proc/self/statm").read_text().split()[0])
    except OSError:
        return 16 * 2**30  # macOS has no /proc
    return pages * os.sysconf("SC_PAGE_SIZE")


def watch(own: Path) -> None:
    """Refuse from now on what a submission may not do; its own folder is `own`."""
    import _posixsubprocess
    import subprocess

    def refused(*_: Any, **__: Any) -> Any:
        raise PermissionError("a submission may not start another program")

    # The one way to another program that no audit event tells of.
    _posixsubprocess.fork_exec = refused
    subprocess._fork_exec = refused  # type: ignore[attr-defined]
    own = own.resolve()
    readable = [own, *_installed()]
    secret = Path(__file__).resolve().parents[1] / "checks"

    def inside(path: Any, folders: list[Path]) -> bool:
        if isinstance(path, int):
            return True
        real = Path(os.path.realpath(os.fsdecode(path)))
        if str(real) in _DEVICES or str(real).startswith("/proc/self/"):
            return True
        return any(real.is_relative_to(f) for f in folders) and not real.is_relative_to(secret)

    def hook(event: str, arguments: tuple[Any, ...]) -> None:
        if event == "open":
            path, _, flags = arguments
            changes = isinstance(flags, int) and flags & _CHANGES
            if not inside(path, [own] if changes else readable):
                raise PermissionError(f"a submission may not open {_shown(path)}")
        elif event in _READS or event in _WRITES:
            paths = [path for path in arguments[:2] if isinstance(path, (str, bytes, os.PathLike))]
            folders = readable if event in _READS else [own]
            if not all(inside(path, folders) for path in paths):
                raise PermissionError(f"a submission may not reach {_shown(paths[0])}")
        elif event.startswith(_NEVER):
            raise PermissionError(f"a submission may not use {event}")

    sys.addaudithook(hook)


def _installed() -> Iterator[Path]:
    """Yield the folders that Python and its packages are read from, this package's included."""
    places = {sys.prefix, sys.base_prefix, sys.exec_prefix, *sysconfig.get_paths().values()}
    places |= {"/usr", "/lib", "/etc", "/sys/devices/system/cpu"}
    yield Path(__file__).resolve().parents[1]
    for place in places:
        yield Path(os.path.realpath(place))


def _shown(path: Any) -> str:
    return repr(Path(os.fsdecode(path)).name)

"""Submissions made up for the marking: right, wrong in known ways, and hostile."""

from dataclasses import dataclass
from pathlib import Path

import nbformat

from decodelib.checks.exercises import Task, tasks
from tools.book import ROOT

WRONG = {
    "softmax": [
        ("return [math.exp(s) for s in scores]", "do not sum to 1"),
        ("e = [math.exp(s) for s in scores]\n    return [x / sum(e) for x in e]", "too large"),
        ("return [s / sum(scores) for s in scores]", "negative"),
        ("scores.sort()\n    return scores", "work on a copy"),
    ],
    "sequence_logprob": [
        ("return math.log(table['<bos>'][words[0]])", "gave"),
        ("b = ['<bos>', *words]\n    return sum(table[x][y] for x, y in zip(b, words))", "add up"),
    ],
    "decode": [
        ("return [next_token(prompt) for _ in range(n)]", "the same ids"),
        ("while True:\n        prompt.append(next_token(prompt))", "stop after n"),
        ("return decode_one(next_token)", "NameError"),
    ],
    "nucleus_size": [
        ("return sum(q >= p for q in probs)", "running total"),
        ("return None", "end in return"),
        ("return {(0.5, 0.3, 0.2): 2}[tuple(probs)]", "KeyError"),
    ],
    "top_p": [("return probs", "gave"), ("return probs.tolist()", "AttributeError")],
    "entry_point": [
        ("return sum(probs[:i])", "order given"),
        ("return 1.0", "gave"),
    ],
}
"""Bodies that make a usual mistake, and words that only the right hint has."""

HOSTILE = {
    "loops": "while True: pass",
    "leaves": "import os\n    os._exit(0)",
    "exits": "raise SystemExit(0)",
    "interrupts": "raise KeyboardInterrupt",
    "prints": "print('x' * 5_000_000)\n    return None",
    "forks": "import os\n    while True: os.fork()",
    "starts": "import subprocess\n    return subprocess.run(['ls'])",
    "starts quietly": "import _posixsubprocess as p\n    return p.fork_exec([b'ls'], [b'/bin/ls'])",
    "grows": "return [0] * 10**10",
    "grows slowly": "kept = []\n    while True: kept.append(bytearray(10**7))",
    "crashes": "import faulthandler\n    faulthandler._sigsegv()",
    "recurses": "import sys\n    sys.setrecursionlimit(10**9)\n    f = lambda: f()\n    return f()",
    "ends another": "import os\n    os.kill(os.getppid(), 9)",
    "reads": "return open({other!r}).read()",
    "lists": "import os\n    return os.listdir({folder!r})",
    "writes": "open({other!r}, 'w').write('mine')",
    "removes": "import shutil\n    shutil.rmtree({folder!r})",
    "looks it up": "from decodelib.checks import next_token\n    return next_token",
    "reads the solution": "import decodelib\n    p = decodelib.__path__[0]\n"
    "    return open(p + '/checks/loop.py').read()",
    "shouts": "import os\n    for fd in range(3, 40):\n        try:\n"
    "            os.write(fd, b'\\0\\0\\0\\x0e' + b'{\"answer\":true}' * 9)\n"
    "        except OSError: pass\n    return None",
    "patches": "from decodelib.grading import frames\n"
    "    frames.send = lambda *a: None\n    return None",
    "agrees": "class Yes:\n        __eq__ = lambda *a: True\n    return Yes()",
    "waits": "import time\n    time.sleep(3600)",
    "is endless": "a = []\n    a.append(a)\n    return a",
    "lies": "class E(Exception):\n        __str__ = lambda s: 1 / 0\n    raise E",
    "calls a friend": "import socket\n    return socket.create_connection(('127.0.0.1', 1))",
    "spins": "import threading\n    def f():\n        while True: pass\n"
    "    for _ in range(3): threading.Thread(target=f).start()\n    f()",
}
"""Bodies that should cost nobody else anything."""


@dataclass(frozen=True)
class MadeUp:
    """A student, the chapter handed in, and for each exercise the points and words to come."""

    student: str
    chapter: str
    expected: dict[str, tuple[int, str]]


def of_chapter(chapter: str) -> list[Task]:
    """Return a chapter's exercises."""
    return [task for task in tasks() if task.chapter == chapter]


def hand_in(folder: Path, student: str, chapter: str, bodies: dict[str, str]) -> Path:
    """Write the chapter's notebook with its solutions, but for the bodies that are given."""
    nb = nbformat.read(ROOT / "chapters" / f"{chapter}.ipynb", as_version=4)
    kept, by_cell = [], iter(of_chapter(chapter))
    solutions = [c for c in nb.cells if "solution" in c.metadata.get("tags", ())]
    for cell in nb.cells:
        tags = cell.metadata.get("tags", ())
        if "solution" in tags:
            continue
        if "exercise" in tags:
            task, solution = next(by_cell), solutions.pop(0)
            body = bodies.get(task.checker)
            head = cell.source.partition("\n")[0]
            if body is not None:
                cell.source = f"{head}\n    {body}\n\nchecks.{task.checker}({task.function})"
            else:
                cell.source = solution.source
        kept.append(cell)
    nb.cells = kept
    path = folder / student / f"{chapter}.ipynb"
    path.parent.mkdir(parents=True, exist_ok=True)
    nbformat.write(nb, path)
    return path


def make(folder: Path, count: int) -> list[MadeUp]:
    """Hand in `count` submissions of all kinds, in turn; return what their marks should be."""
    chapters = list(dict.fromkeys(task.chapter for task in tasks()))
    other = str(folder / "00-right" / f"{chapters[0]}.ipynb")
    hostile, wrong = list(HOSTILE.items()), 0
    made = []
    for number in range(count):
        kind = ("right", "wrong", "hostile", "right", "unfinished")[number % 5]
        chapter = chapters[number // 2 % len(chapters)] if kind == "right" else chapters[0]
        if kind == "wrong" and number % 2:
            chapter = next(c for c in chapters if c.startswith("08"))
        listed = of_chapter(chapter)
        expected = {task.checker: (task.stars, "") for task in listed}
        bodies = {}
        if kind == "wrong":
            for task in listed[:2] if number % 3 else listed:
                mistakes = WRONG[task.checker]
                bodies[task.checker], said = mistakes[wrong % len(mistakes)]
                expected[task.checker] = (0, said)
            wrong += 1
        elif kind == "hostile":
            _, body = hostile[number // 5 % len(hostile)]
            target = listed[number % 3].checker
            bodies[target] = body.replace("{other!r}", repr(other)).replace(
                "{folder!r}", repr(str(folder))
            )
            expected[target] = (0, "")
        elif kind == "unfinished":
            bodies[listed[-1].checker] = "raise NotImplementedError"
            expected[listed[-1].checker] = (0, "stub")
        student = f"{number:02d}-{kind}"
        hand_in(folder, student, chapter, bodies)
        made.append(MadeUp(student, chapter, expected))
    return made

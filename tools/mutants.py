"""Plant one mistake at a time in a copy of the library, and see that the tests catch each.

`python tools/mutants.py` prints a table and writes it to tests/mutants.md; the exit status is 1 if
a mistake goes unnoticed. Takes about a quarter of an hour, so it is run by hand.
"""

import os
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

from tqdm import tqdm

ROOT = Path(__file__).resolve().parent.parent
REPORT = ROOT / "tests" / "repository" / "mutants.md"


@dataclass(frozen=True)
class Mutant:
    """A mistake: in `file`, the text `old` (which must occur once) becomes `new`."""

    what: str
    file: str
    old: str
    new: str
    tests: str


PROCESSORS = (
    "tests/test_distributions.py tests/processors/test_truncation.py "
    "tests/processors/test_temperatures.py tests/processors/test_penalties.py "
    "tests/processors/test_xtc.py"
)
ROWS = "tests/kernels/test_rows.py"
BANS = "tests/processors/test_bans.py"
PENALTIES = "tests/processors/test_penalties.py"
CUTOFFS = "tests/processors/test_cutoffs.py"
BEAMS = "tests/strategies/test_beam.py tests/strategies/test_transformers_generate.py"
EXACT = (
    "tests/strategies/test_sampling.py tests/strategies/test_exact_speculative.py "
    "tests/strategies/test_stochastic.py tests/strategies/test_diverse.py "
    "tests/strategies/test_contrastive_decoding.py tests/processors/test_mirostat.py"
)
STOPPING = "tests/decoding/test_stopping.py tests/decoding/test_loop.py"

MUTANTS = [
    Mutant(
        "top-p loses the token that crosses",
        "distributions.py",
        "member = F.pad(mass[..., :-1], (1, 0)) < enough",
        "member = mass < enough",
        PROCESSORS,
    ),
    Mutant(
        "top-p adds a token after an exact hit",
        "distributions.py",
        "member = F.pad(mass[..., :-1], (1, 0)) < enough",
        "member = F.pad(mass[..., :-1], (1, 0)) <= enough + 2e-7",
        PROCESSORS,
    ),
    Mutant(
        "equals at the end of the nucleus go to the higher ids",
        "distributions.py",
        "order = logits.argsort(dim=-1, descending=True, stable=True)",
        "order = len(logits[0]) - 1 - logits.flip(-1).argsort(-1, descending=True, stable=True)",
        PROCESSORS,
    ),
    Mutant(
        "top-k keeps all that equal the k-th",
        "distributions.py",
        "(level & (level.cumsum(-1) <= spare))",
        "level",
        PROCESSORS,
    ),
    Mutant(
        "min-p excludes the exact bound",
        "distributions.py",
        "torch.where(bound < top, bound - slack, bound)",
        "bound + slack",
        PROCESSORS,
    ),
    Mutant(
        "a long row's nucleus loses the token that crosses",
        "kernels/rows.py",
        "return float(ranked[extra]), extra + 1",
        "return float(ranked[max(0, extra - 1)]), max(1, extra)",
        ROWS,
    ),
    Mutant(
        "a long row's nucleus adds a token after an exact hit",
        "kernels/rows.py",
        "mass[:-1].searchsorted(enough)",
        "mass[:-1].searchsorted(enough + 2e-7)",
        ROWS,
    ),
    Mutant(
        "all equals at the boundary of a long row are kept",
        "kernels/rows.py",
        "if excess:  # of those",
        "if False:  # of those",
        ROWS,
    ),
    Mutant(
        "a flat long row is cut at the head",
        "kernels/rows.py",
        "if mass[-1] >= enough:",
        "if True:",
        ROWS,
    ),
    Mutant(
        "the largest of a long row are one short",
        "kernels/rows.py",
        "last = logits.topk(k).values[..., -1]",
        "last = logits.topk(k).values[..., max(0, k - 2)]",
        ROWS,
    ),
    Mutant(
        "n-gram blocking bans what begins an n-gram",
        "processors/bans.py",
        "times.scatter_add(-1, grams[..., -1], continues",
        "times.scatter_add(-1, grams[..., 0], continues",
        BANS,
    ),
    Mutant(
        "a bad word is banned wherever its last token stands",
        "processors/bans.py",
        "banned[..., word[-1]] |= _ends_with(input_ids, word[:-1])",
        "banned[..., word[-1]] = True",
        BANS,
    ),
    Mutant(
        "presence counts a token each time",
        "processors/penalties.py",
        ".clamp(max=1)",
        "",
        PENALTIES,
    ),
    Mutant(
        "the window of a penalty is one token short",
        "processors/penalties.py",
        "counted[..., -self.window :]",
        "counted[..., 1 - self.window :]",
        PENALTIES,
    ),
    Mutant(
        "what follows the prompt is skipped too",
        "processors/penalties.py",
        'if self._processor.skip == "prompt":',
        "if True:",
        PENALTIES,
    ),
    Mutant(
        "top-H does not renormalise",
        "processors/cutoffs.py",
        "surprise / mass + mass.log()",
        "surprise",
        CUTOFFS,
    ),
    Mutant(
        "p-less cuts at the square root of its bound",
        "processors/cutoffs.py",
        "(2 * log_probs(widen(logits))).logsumexp(-1, keepdim=True)",
        "(2 * log_probs(widen(logits))).logsumexp(-1, keepdim=True) / 2",
        CUTOFFS,
    ),
    Mutant(
        "at least so many tokens is one fewer",
        "processors/truncation.py",
        "_largest(logits, min(count, logits.shape[-1]))",
        "_largest(logits, min(count - 1, logits.shape[-1]))",
        CUTOFFS,
    ),
    Mutant(
        "XTC removes protected tokens",
        "processors/xtc.py",
        "excluded &= ~protected",
        "pass",
        "tests/processors/test_xtc.py",
    ),
    Mutant(
        "beams finish below the beam",
        "strategies/beam.py",
        "elif rank < width:",
        "elif rank <= width:",
        BEAMS,
    ),
    Mutant(
        "the length penalty counts one token too few",
        "strategies/beam.py",
        "length = len(hypothesis.transcript.token_ids)\n        score",
        "length = max(1, len(hypothesis.transcript.token_ids) - 1)\n        score",
        BEAMS,
    ),
    Mutant(
        "the length penalty is upside down",
        "strategies/beam.py",
        "return logprob / length**self.length_penalty",
        "return logprob * length**self.length_penalty",
        BEAMS,
    ),
    Mutant(
        "the search stops with one hypothesis missing",
        "strategies/beam.py",
        "if len(finished) < self.num_beams:",
        "if len(finished) < self.num_beams - 1:",
        BEAMS,
    ),
    Mutant(
        "a draft is accepted by the wrong ratio",
        "strategies/speculative.py",
        "(p / q).clamp(max=1)",
        "(q / p).clamp(max=1)",
        EXACT,
    ),
    Mutant(
        "after a rejection the target is drawn from, not the residual",
        "strategies/speculative.py",
        "left = (p - q).clamp(min=0)",
        "left = p.clone()",
        EXACT,
    ),
    Mutant(
        "a draft cache is rewound by one too many",
        "strategies/speculative.py",
        "draft_cache.rewind(max(0, unread - 1))",
        "draft_cache.rewind(unread)",
        EXACT,
    ),
    Mutant(
        "Gumbel noise is not conditioned on the parent",
        "strategies/stochastic.py",
        "return conditioned.masked_fill",
        "return gumbel.masked_fill",
        EXACT,
    ),
    Mutant(
        "the stop string that is completed last ends the text",
        "decoding/stopping.py",
        "return min(found, default=None)",
        "return max(found, default=None)",
        STOPPING,
    ),
    Mutant(
        "text shows the beginning of a stop string",
        "decoding/stopping.py",
        "longest = min(len(text), max(map(len, self.stop), default=1) - 1)",
        "longest = min(len(text), max(map(len, self.stop), default=1) - 2)",
        STOPPING,
    ),
    Mutant(
        "one token too many",
        "decoding/transcript.py",
        "elif len(self.token_ids) >= stopping.max_new_tokens:",
        "elif len(self.token_ids) > stopping.max_new_tokens:",
        STOPPING,
    ),
    Mutant(
        "a character whose last byte is missing is shown",
        "decoding/detokenizer.py",
        "LONGEST_UNFINISHED = 3",
        "LONGEST_UNFINISHED = 2",
        "tests/decoding/test_detokenizer.py",
    ),
    Mutant(
        "a character beside broken bytes is lost",
        "decoding/detokenizer.py",
        "if finished and UNFINISHED not in finished:",
        "if False:",
        "tests/decoding/test_detokenizer.py",
    ),
    Mutant(
        "a seed of more than 32 bits is cut",
        "kernels/seeds.py",
        "    if high:\n",
        "    if False:\n",
        "tests/decoding/test_ambient.py",
    ),
    Mutant(
        "beams keep too few candidates for a model with several ends",
        "strategies/beam.py",
        "max(2, 1 + len(self.stopping.ends))",
        "2",
        BEAMS,
    ),
    Mutant(
        "EOS comes one token too early",
        "decoding/stopping.py",
        "if length < self.min_new_tokens",
        "if length < self.min_new_tokens - 1",
        STOPPING,
    ),
    Mutant(
        "the last interval of the draw is missed",
        "decoding/samplers.py",
        "torch.searchsorted(cdf, target, right=True)",
        "torch.searchsorted(cdf, target, right=False)",
        "tests/decoding/test_samplers.py",
    ),
    Mutant(
        "a draw among the few tokens left gives a place, not an id",
        "decoding/samplers.py",
        "ids[_draw(logits[:, ids], uniforms)]",
        "_draw(logits[:, ids], uniforms)",
        "tests/decoding/test_samplers.py",
    ),
    Mutant(
        "a row of a batch is multiplied by another kernel than alone",
        "kernels/linear.py",
        "return rows + -rows % 3",
        "return rows",
        "tests/kernels/test_linear.py",
    ),
    Mutant(
        "a graphed step looks at what was in the buffer before",
        "graphs/step.py",
        "(self._positions <= self.now)",
        "(self._positions <= self.now + 1)",
        "tests/graphs/test_model.py",
    ),
    Mutant(
        "a graphed step looks at the padding of a short row",
        "graphs/step.py",
        "(self._positions >= starts[:, None])",
        "(self._positions >= 0 * starts[:, None])",
        "tests/graphs/test_model.py",
    ),
    Mutant(
        "a graph is warmed up and not taken back",
        "graphs/step.py",
        "                restore()\n",
        "                pass\n",
        "tests/graphs/test_step.py",
    ),
]


def is_caught(mutant: Mutant, folder: Path) -> bool:
    """Plant the mistake in a fresh copy of the library under `folder`, and run its tests."""
    library = folder / "decodelib"
    shutil.rmtree(library, ignore_errors=True)
    shutil.copytree(ROOT / "decodelib", library, ignore=shutil.ignore_patterns("__pycache__"))
    path = library / mutant.file
    source = path.read_text(encoding="utf-8")
    if source.count(mutant.old) != 1:
        raise SystemExit(f"{mutant.what}: {mutant.file} must hold its text once; update the list")
    path.write_text(source.replace(mutant.old, mutant.new), encoding="utf-8")
    command = [sys.executable, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider"]
    run = subprocess.run(
        [*command, *mutant.tests.split()],
        cwd=folder,
        env=os.environ | {"PYTHONPATH": str(folder), "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    if run.returncode not in (0, 1):
        raise SystemExit(f"{mutant.what}: the tests did not run\n{run.stdout}{run.stderr}")
    return run.returncode == 1


def main() -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for part in ("tests", "pyproject.toml", "chapters", "tools"):
            source = ROOT / part
            if source.is_dir():
                shutil.copytree(source, folder / part)
            else:
                shutil.copy(source, folder / part)
        caught = {mutant: is_caught(mutant, folder) for mutant in tqdm(MUTANTS, unit="mutant")}
    rows = [
        f"| {mutant.what} | `{mutant.file}` | {'caught' if ok else 'NOT CAUGHT'} |"
        for mutant, ok in caught.items()
    ]
    head = [
        "# Planted mistakes",
        "",
        "Made by `python tools/mutants.py`: each is planted alone, and the tests are run.",
        "",
        f"{sum(caught.values())} of {len(caught)} are caught.",
        "",
        "| mistake | file | |",
        "|---|---|---|",
    ]
    report = "\n".join([*head, *rows]) + "\n"
    REPORT.write_text(report, encoding="utf-8")
    print(report)
    if not all(caught.values()):
        sys.exit(1)


if __name__ == "__main__":
    main()

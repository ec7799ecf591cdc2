"""Rows of logits, settings for them, and what decodelib makes of both: shared by several tests."""

from __future__ import annotations

import math

import numpy as np
import torch

from decodelib.distributions import entropy
from decodelib.viz import DistributionExplorer
from decodelib.viz.distribution.steps import STEPS, processor

ORDER = list(STEPS)


def off() -> dict:
    """Settings that change nothing."""
    return {name: knob.neutral for name, knob in STEPS.items()} | {"order": ORDER}


ANSWER = """
function answer({ records = [], cases = [], seeds = [] }) {
  const { unpack, row, apply, draw } = DecodeExplorer.logits;
  const rows = records.map((record) => row(unpack(record)));
  const results = cases.map(([index, settings]) => {
    const data = rows[index];
    const r = apply(data, settings);
    const some = [0, 1, 2, r.kept - 1, r.kept, data.logits.length - 1]
      .filter((i) => i >= 0 && i < data.logits.length);
    return {
      kept: r.kept, mass: r.mass, steps: r.steps.map((s) => s.kept),
      sets: r.steps.map((s) => s.set),
      facts: [r.before.entropy, r.after.entropy, r.before.varentropy, r.after.varentropy],
      p: some.map((i) => [i, r.pBefore(i), r.pAfter(i)]),
    };
  });
  const everything = rows.slice(0, 3).map((data) => Array.from(data.logits));
  const draws = seeds.map(([at, settings, seed, n]) => draw(apply(rows[at], settings), seed, n));
  return { results, everything, draws };
}
"""
"""What the explorers' JavaScript makes of rows and settings; runs in node and in the browser."""


def words(vocab: int) -> list[str]:
    return [f"w{i}" for i in range(vocab)]


def model_like_logits(vocab: int, seed: int = 0) -> torch.Tensor:
    """A heavy-tailed row with a language model's range: about 20 nats from first to last."""
    rng = np.random.default_rng(seed)
    row = -1.05 * np.log(np.arange(1, vocab + 1)) + rng.normal(0, 1.2, vocab)
    return torch.tensor(rng.permutation(row), dtype=torch.float32)


def rows_and_settings(seed: int, count: int) -> tuple[list[list[float]], list[tuple[int, dict]]]:
    """Random and adversarial rows (ties everywhere, exact hits, extremes) and settings for them."""
    rng = np.random.default_rng(seed)
    rows = [
        [0.0],
        [0.0, 0.0],
        [5.0] * 40,
        [math.log(p) for p in (0.4, 0.2, 0.15, 0.1, 0.06, 0.05, 0.03, 0.01)],
        [math.log(p) for p in (0.5, 0.3, 0.2)],
        [math.log(p) for p in (0.5, 0.1, 0.1, 0.1, 0.1, 0.1)],
        [math.log(p) for p in (0.2, 0.2, 0.2, 0.1, 0.1, 0.1, 0.05, 0.05)],
        [1.0] * 6 + [0.0] * 30,
        [1000.0, 999.0, -1000.0, -1000.0],
        [300.0 - i for i in range(280)],
        np.round(rng.gumbel(size=299), 1).tolist(),
        model_like_logits(8_192, 1).tolist(),
        (0.1 * model_like_logits(2_000, 2)).tolist(),
        np.round(model_like_logits(1_000, 3).numpy(), 1).tolist(),
        model_like_logits(50_257, 4).tolist(),
    ]
    rows += [
        (rng.gumbel(size=int(rng.integers(1, 400))) * rng.choice([0.1, 1, 2, 8])).tolist()
        for _ in range(40)
    ]
    bounds = [
        0.001,
        0.01,
        0.1,
        0.2,
        0.25,
        0.3,
        0.4,
        0.5,
        0.6,
        0.75,
        0.8,
        0.85,
        0.9,
        0.95,
        0.99,
        0.999,
        1.0,
    ]
    cases = []
    for number in range(count):
        index = number % len(rows)
        if len(rows[index]) > 10_000 and number > 6 * len(rows):
            index = 3  # six settings on the large row are enough of the test's time
        vocab = len(rows[index])
        settings = {
            "temperature": float(
                rng.choice([0.01, 0.05, 0.5, 0.7, 1, 1, 1, 1.3, 3, 10, rng.uniform(0.05, 3)])
            ),
            "top_k": int(rng.choice([0, 0, 1, 2, 5, 40, max(1, vocab - 1), vocab, vocab + 9])),
            "top_p": float(rng.choice([*bounds, 1.0, 1.0, rng.uniform(0.001, 1)])),
            "min_p": float(rng.choice([0, 0, *bounds, rng.uniform(0, 1)])),
            "typical_p": float(rng.choice([*bounds, rng.uniform(0.001, 1)])) if number % 2 else 1.0,
            "eta": float(rng.choice([0, 0, 0, 1e-4, 2e-3, *bounds[:-1], rng.uniform(0, 0.9)])),
            "top_n_sigma": float(rng.choice([0, 0, 0, 0.05, 1, 1.5, 2, 3, 100, rng.uniform(0, 4)])),
            "order": rng.permutation(ORDER).tolist() if rng.random() < 0.6 else ORDER,
        }
        if rng.random() < 0.3:  # one step alone meets the row as it is, ties and all
            alone = rng.choice(ORDER)
            settings |= {name: knob.neutral for name, knob in STEPS.items() if name != alone}
        cases.append((index, settings))
    return rows, cases


def explorers_of(rows: list[list[float]]) -> list[DistributionExplorer]:
    return [DistributionExplorer.from_logits(row, words(len(row))) for row in rows]


def expected(explorer: DistributionExplorer, settings: dict):
    for name, value in settings.items():
        setattr(explorer, name, value)
    return explorer.distribution()


def hangs_on_rounding(explorer: DistributionExplorer, settings: dict) -> bool:
    """Whether typical has to rank unequal tokens that are equally far from the entropy.

    (.5, .1, .1, .1, .1, .1) has them, on either side of it. Which comes first is up to the last
    digit of a sum in decodelib; in the browser it is the more probable one.
    """
    if settings["typical_p"] == 1:
        return False
    no_ids = torch.empty(1, 0, dtype=torch.long)
    logits = next(iter(explorer._logits.values()))[None]
    for name in settings["order"][: settings["order"].index("typical_p")]:
        if (step := processor(name, settings[name])) is not None:
            logits = step(no_ids, logits)
    surprisals = -logits.log_softmax(-1)[logits.isfinite()].unique()
    distances = (surprisals - entropy(logits)).abs().sort().values
    return bool((distances.diff() < 1e-9).any())


def assert_all_agree(
    results: list[dict], explorers: list[DistributionExplorer], cases: list[tuple[int, dict]]
) -> None:
    """Every result is decodelib's, but for a few whose own answer hangs on a rounding error."""
    assert len(results) == len(cases)
    left_out = 0
    for result, (index, settings) in zip(results, cases, strict=True):
        if hangs_on_rounding(explorers[index], settings):
            left_out += 1
        else:
            assert_agrees(result, expected(explorers[index], settings), (index, settings))
    assert left_out < len(cases) / 30


def assert_agrees(result: dict, shown, where: object) -> None:
    """Kept sets equal after every step, everything else within 1e-9."""
    assert result["steps"] == [kept for _, kept in shown.kept_after], where
    assert result["kept"] == shown.kept, where
    for step, ranges in enumerate(result["sets"]):
        left = (shown.removed_at > step).nonzero()[:, 0].tolist()
        assert left == [i for start, end in ranges for i in range(start, end)], where
    facts = [shown.entropy_before, shown.entropy, shown.varentropy_before, shown.varentropy]
    assert np.allclose(result["facts"], facts, rtol=1e-9, atol=1e-9), where
    assert abs(result["mass"] - shown.mass) < 1e-9, where
    for rank, before, after in result["p"]:
        assert abs(before - float(shown.before[rank])) < 1e-9, where
        assert abs(after - float(shown.after[rank])) < 1e-9, where

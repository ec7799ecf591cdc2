"""decodelib beside transformers on this machine: `make bench`, or `python -m benchmarks --help`.

Times are medians over repeated runs in this process; nothing here passes or fails.
"""

import argparse
from collections.abc import Callable

import torch
from torch.utils.benchmark import Timer
from transformers import (
    GPT2LMHeadModel,
    MinPLogitsWarper,
    TemperatureLogitsWarper,
    TopKLogitsWarper,
    TopPLogitsWarper,
)
from transformers.utils.logging import disable_progress_bar

import decodelib as dl
from decodelib.load import STORYBOOK

GPT2_VOCAB = 50_257
PROMPT = "Once upon a time there was a king who"
PAIRS = [
    (dl.Temperature(0.7), TemperatureLogitsWarper(0.7)),
    (dl.TopK(40), TopKLogitsWarper(40)),
    (dl.TopP(0.9), TopPLogitsWarper(0.9)),
    (dl.MinP(0.05), MinPLogitsWarper(0.05)),
]


def median_seconds(call: Callable[[], object], least_total_s: float) -> float:
    """The median time of one call, after a warm-up; with the GPU waited for if there is one."""
    timer = Timer("call()", globals={"call": call}, num_threads=torch.get_num_threads())
    return timer.blocked_autorange(min_run_time=least_total_s).median


def compare_processors(batch: int, device: torch.device, least_total_s: float) -> None:
    """Microseconds per call on logits the size of GPT-2's, as peaked as a language model's are."""
    logits = 3 * torch.randn(batch, GPT2_VOCAB, generator=torch.Generator().manual_seed(0))
    logits, input_ids = logits.to(device), torch.zeros(batch, 1, dtype=torch.long, device=device)
    print(f"\nOne call on logits [{batch}, {GPT2_VOCAB}], microseconds")
    print(f"{'':20}{'decodelib':>12}{'transformers':>14}")
    for ours, theirs in PAIRS:
        times = [
            median_seconds(lambda p=p: p(input_ids, logits), least_total_s) for p in (ours, theirs)
        ]
        print(f"{ours!r:20}{1e6 * times[0]:>12,.0f}{1e6 * times[1]:>14,.0f}")


def compare_generation(
    batch: int, new_tokens: int, device: torch.device, least_total_s: float
) -> None:
    """Tokens per second of whole generations with the embedded model, in float32."""
    lm = dl.load("storybook", device=device, dtype="float32")
    theirs = GPT2LMHeadModel.from_pretrained(STORYBOOK, dtype=torch.float32).to(device).eval()
    input_ids = lm.encode(PROMPT).repeat(batch, 1).to(device)
    length = {"max_new_tokens": new_tokens, "min_new_tokens": new_tokens}
    whole = {
        **length,
        "pad_token_id": theirs.config.eos_token_id,
        "attention_mask": torch.ones_like(input_ids),
    }
    runs: list[tuple[str, dl.Greedy | dl.Sampling | dl.BeamSearch, dict[str, object]]] = [
        ("greedy", dl.Greedy(), {"do_sample": False}),
        ("sample", dl.Sampling(), {"do_sample": True, "top_k": 0}),
        ("top-p 0.9", dl.Sampling(dl.TopP(0.9)), {"do_sample": True, "top_k": 0, "top_p": 0.9}),
        ("beam 4", dl.BeamSearch(4), {"num_beams": 4, "do_sample": False}),
    ]
    print(f"\nGenerating {new_tokens} tokens for {batch} prompt(s), tokens per second")
    print(f"{'':20}{'decodelib':>12}{'transformers':>14}")
    for name, strategy, options in runs:
        ours_s = median_seconds(
            lambda s=strategy: dl.generate_batch(lm, [PROMPT] * batch, s, **length), least_total_s
        )
        with torch.inference_mode():
            theirs_s = median_seconds(
                lambda o=options: theirs.generate(input_ids, **whole, **o), least_total_s
            )
        total = batch * new_tokens
        print(f"{name:20}{total / ours_s:>12,.0f}{total / theirs_s:>14,.0f}")


def main() -> None:
    parser = argparse.ArgumentParser(prog="benchmarks", description=__doc__)
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument("--batches", type=int, nargs="+", default=[1, 8], help="default: 1 8")
    parser.add_argument("--new-tokens", type=int, default=64, help="default: 64")
    parser.add_argument("--seconds", type=float, default=1.0, help="for each figure, at least")
    args = parser.parse_args()
    device = torch.device(args.device)
    disable_progress_bar()
    print(f"torch {torch.__version__} on {device}, {torch.get_num_threads()} CPU thread(s)")
    for batch in args.batches:
        compare_processors(batch, device, args.seconds)
    for batch in args.batches:
        compare_generation(batch, args.new_tokens, device, args.seconds)


if __name__ == "__main__":
    main()

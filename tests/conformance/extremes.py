"""More rows of the table: one token, none, no numbers, every precision, and settings in order."""

from __future__ import annotations

from .pasts import AFTER_A_TEXT, NEWER
from .rows import (
    BRAIN,
    DEAD_MIN_P,
    DOUBLE,
    EXACT_HITS,
    HALF,
    HIGHER_ID,
    INF,
    K_TOO_LARGE,
    NAN,
    T_LAST,
    TIES,
    UNDERFLOW,
    UPSIDE_DOWN,
    Differs,
    Row,
    passes,
)  # fmt: skip

EVERYTHING = {"temperature": 0.7, "top_k": 2, "top_p": 0.9, "min_p": 0.1}
ZERO = "takes token 0, of which nothing is known"
CONVENTION = "takes a temperature of 0 to mean greedy"

DEGENERATE = [
    Row(
        "a vocabulary of one", EVERYTHING | {"top_k": 5}, (0,), "there is nothing to choose",
        logits=(3.0,), differs={"entropix": Differs("raises", K_TOO_LARGE)},
    ),
    Row(
        "k above V", {"top_k": 10}, (0, 1, 2), "all of three", probs="0.5 0.3 0.2",
        differs={"entropix": Differs("raises", K_TOO_LARGE)},
    ),
    Row(
        "neutral settings", {"temperature": 1.0, "top_k": 3, "top_p": 1.0, "min_p": 0.0}, (0, 1, 2),
        "a neutral setting changes nothing, however small e^-200 is", logits=(0, -200, 1),
        differs={
            "transformers": Differs((0, 2), UNDERFLOW),
            "entropix": Differs((0, 2), UNDERFLOW),
        },
    ),
    Row(
        "all but one at -inf", EVERYTHING, (2,), "the one that is left",
        logits=(-INF, -INF, -3, -INF),
    ),
    Row(
        "all at -inf, drawn", EVERYTHING, "raises", "nothing can be drawn",
        logits=(-INF, -INF, -INF), differs=passes("transformers", "vLLM", "entropix"),
    ),
    Row(
        "all at -inf, greedy", {"greedy": True}, "raises", "nothing is most probable",
        logits=(-INF, -INF, -INF),
        differs={s: Differs((0,), ZERO) for s in ("transformers", "vLLM", "llama.cpp", "entropix")},
    ),
    Row(
        "all at -inf, typical, then eta", {"typical": 0.9, "eta": 0.1}, "raises",
        "nothing can be drawn; of transformers' processors eta alone says so",
        logits=(-INF, -INF, -INF),
    ),
    Row(
        "NaN", {"top_p": 0.9}, "raises", "no order, no sum", logits=(1, NAN, 0),
        differs=passes("transformers", "vLLM", "llama.cpp", "entropix"),
    ),
    Row(
        "+inf", {"top_p": 0.9}, "raises", "an infinite logit is an overflow somewhere before",
        logits=(1, INF, 0), differs=passes("transformers", "vLLM", "llama.cpp", "entropix"),
    ),
    Row(
        "a temperature of 0", {"temperature": 0.0}, "raises",
        "another method: the error names Greedy()", logits=(1, 2, 0),
        differs={
            "vLLM": Differs((1,), CONVENTION), "llama.cpp": Differs((1,), CONVENTION),
            "entropix": Differs("passes on", "divides by it"),
        },
    ),
    Row(
        "top-n-sigma of 0", {"top_n_sigma": 0}, (1,), "no deviation: only the largest",
        logits=(1, 2, 0), differs={"llama.cpp": Differs((0, 1, 2), "0 switches the sampler off")},
    ),
]  # fmt: skip

PRECISION = [
    Row(
        "float16, a cut-off of 1e-8", {"epsilon": 1e-8}, (0, 1), "4e-11 is less than 1e-8",
        logits=(0, -12, -24), dtype=HALF,
        differs={"transformers": Differs((0, 1, 2), "the cut-off itself rounds to 0 in float16")},
    ),
    Row(
        "float16, an overflow", {"temperature": 0.5, "top_p": 0.9}, (0,),
        "a logit beyond the range of float16 is still the largest", logits=(60000, 50000, 0),
        dtype=HALF,
        differs={"transformers": Differs("passes on", "60000 / 0.5 is inf in float16, then NaN")},
    ),
    Row(
        "bfloat16, a long flat row", {"top_p": 0.5}, "2000 tokens, 0 to 1999",
        "half of 4,000 equal tokens", logits=(0,) * 4000, dtype=BRAIN,
        differs={
            "transformers": Differs("1992 tokens, 0 to 1999", "sums in bfloat16", luck=True),
            "entropix": Differs("2000 tokens, 2000 to 3999", UPSIDE_DOWN),
        },
    ),
    Row(
        "bfloat16, ties", {"top_p": 0.5}, (0, 1), "two quarters are a half; the lower ids",
        logits=(0, 0, 0, 0), dtype=BRAIN,
        differs={
            "transformers": Differs((2, 3), HIGHER_ID), "vLLM": Differs((2, 3), HIGHER_ID),
            "entropix": Differs((1, 2, 3), UPSIDE_DOWN),
        },
    ),
    Row(
        "float16, min-p", {"min_p": 0.2}, (0, 1, 2), "0.1 is 0.2 of 0.5, within the rounding",
        probs="0.5 0.1 0.4", dtype=HALF,
    ),
    Row(
        "logits times 100, top-p", {"top_p": 0.9}, (0, 1), "0.731 and 0.269",
        logits=(300, 299, 200, -100), differs={"entropix": Differs((0, 1, 2), UPSIDE_DOWN)},
    ),
    Row(
        "logits times 100, typical", {"typical": 0.9}, (0, 1), "0.731 and 0.269",
        logits=(300, 299, 200, -100),
    ),
    Row(
        "logits times 100, a temperature of 100", {"temperature": 100.0, "top_p": 0.9}, (0, 1, 2),
        "0.420, 0.416, 0.155, 0.008", logits=(300, 299, 200, -100),
        differs={
            "llama.cpp": Differs((0, 1), T_LAST), "entropix": Differs((0, 1, 2, 3), UPSIDE_DOWN),
        },
    ),
    Row(
        "probabilities of 1e-8, epsilon", {"epsilon": 1e-8}, (0, 1, 2, 3), "1e-8 reaches 1e-8",
        probs="0.5 0.49999998 0.00000001 0.00000001",
    ),
    Row(
        "probabilities of 1e-8, min-p", {"min_p": 2e-8}, (0, 1, 2, 3), "1e-8 is 2e-8 of 0.5",
        probs="0.5 0.49999998 0.00000001 0.00000001",
    ),
    Row(
        "probabilities of 1e-8, top-p in float64", {"top_p": 0.99999999}, (0, 1, 2),
        "0.99999998 falls short by one token of 1e-8",
        probs="0.5 0.49999998 0.00000001 0.00000001", dtype=DOUBLE,
        differs={
            "transformers": Differs((0, 1, 3), HIGHER_ID),
            "vLLM": Differs((0, 1, 2, 3), "draws in float32, where this p is 1"),
            "llama.cpp": Differs((0, 1, 2, 3), "draws in float32, where this p is 1"),
            "entropix": Differs((0, 1, 2, 3), UPSIDE_DOWN),
        },
    ),
    Row(
        "probabilities of 1e-8, top-p in float32", {"top_p": 0.99999999}, (0, 1, 2),
        "0.99999998 falls short by one token of 1e-8",
        probs="0.5 0.49999998 0.00000001 0.00000001",
        differs={
            "decodelib": Differs((0, 1), "counts a sum within 1e-7 of p as p, as documented"),
            "transformers": Differs((0, 1, 2, 3), "1e-8 is not quite 1 - p", luck=True),
            "vLLM": Differs((0, 1, 2, 3), "draws in float32, where this p is 1"),
            "llama.cpp": Differs((0, 1, 2, 3), "draws in float32, where this p is 1"),
            "entropix": Differs((0, 1, 2, 3), UPSIDE_DOWN),
        },
    ),
]  # fmt: skip

ORDERS = [
    Row(
        "temperature, then top-p", {"temperature": 0.25, "top_p": 0.7}, (0,),
        "cooled, the best has 0.72", probs="0.4 0.3 0.2 0.1",
        differs={
            "llama.cpp": Differs((0, 1), T_LAST), "entropix": Differs((0, 1, 2, 3), UPSIDE_DOWN),
        },
    ),
    Row(
        "temperature, then min-p", {"temperature": 2.0, "min_p": 0.3}, (0, 1, 2),
        "heated, 0.1 is 0.41 of 0.6", probs="0.6 0.25 0.1 0.05",
        differs={
            "llama.cpp": Differs((0, 1), T_LAST), "entropix": Differs((0, 1, 2, 3), DEAD_MIN_P),
        },
    ),
    Row(
        "top-k, then top-p", {"top_k": 2, "top_p": 0.45}, (0,),
        "of two, the first has 4/7", probs="0.4 0.3 0.2 0.1",
        differs={"entropix": Differs((0, 1), UPSIDE_DOWN)},
    ),
    Row(
        "top-p, then min-p", {"top_p": 0.5, "min_p": 0.6}, (0, 1),
        "0.7 crosses 0.5; 0.3 is 0.75 of 0.4", probs="0.4 0.3 0.2 0.1",
        differs={
            "vLLM": Differs((0,), "applies min-p first: of the two left, the first has 4/7"),
            "entropix": Differs((1, 2, 3), UPSIDE_DOWN),
        },
    ),
    Row(
        "top-k, then min-p", {"top_k": 3, "min_p": 0.6}, (0, 1), "either order gives this",
        probs="0.4 0.3 0.2 0.1", differs={"entropix": Differs((0, 1, 2), DEAD_MIN_P)},
    ),
]  # fmt: skip

SECTIONS = {
    "Ties": TIES,
    "Bounds and exact hits": EXACT_HITS,
    "Rows at the edge": DEGENERATE,
    "Precision": PRECISION,
    "Order of application": ORDERS,
    "After a text": AFTER_A_TEXT,
    "Newer truncations": NEWER,
}
ROWS = [row for section in SECTIONS.values() for row in section]

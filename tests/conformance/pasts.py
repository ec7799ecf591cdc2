"""Rows of which what came before decides what is right, and rows of the newer truncations."""

from __future__ import annotations

from .rows import INF, Differs, Row

SIGNED = "the penalty of a positive logit divides, that of a negative one multiplies"
EIGHT_WORDS = "0.4 0.2 0.12 0.1 0.08 0.05 0.03 0.02"
SUMS = "adds up -p ln p of the 100 most probable tokens without renormalising them"

AFTER_A_TEXT = [
    Row(
        "repetition penalty, a positive logit",
        {"past": (0,), "repetition_penalty": 2, "top_k": 1}, (1,), SIGNED, logits=(2, 1.5, -1),
    ),
    Row(
        "repetition penalty, a negative logit",
        {"past": (0,), "repetition_penalty": 2, "top_k": 1}, (1,), SIGNED, logits=(-1, -1.5, -3),
    ),
    Row(
        "repetition penalty, often is once",
        {"past": (0, 0, 0), "repetition_penalty": 2, "top_k": 1},
        (0,), "how often a token has occurred does not count", logits=(2, 0.9, -1),
    ),
    Row(
        "presence penalty, once for all",
        {"past": (0, 0, 0, 1), "presence_penalty": 0.5, "top_k": 1},
        (0,), "1 - 0.5 is more than 0.9 - 0.5 and than 0", logits=(1, 0.9, 0),
    ),
    Row(
        "frequency penalty, each time",
        {"past": (0, 0, 0, 1), "frequency_penalty": 0.5, "top_k": 1},
        (1,), "0.9 - 0.5 is more than 1 - 1.5 and than 0", logits=(1, 0.9, 0),
    ),
    Row(
        "a negative penalty rewards", {"past": (2,), "frequency_penalty": -2, "top_k": 1},
        (2,), "0 + 2 is more than 1", logits=(1, 0.9, 0),
    ),
    Row(
        "no n-gram twice", {"past": (0, 1, 2, 0), "no_repeat_ngram_size": 2}, (0, 2, 3),
        "0 1 has occurred, and 0 stands last", logits=(0, 0, 0, 0),
    ),
    Row(
        "no n-gram twice, one longer", {"past": (0, 1, 2, 0), "no_repeat_ngram_size": 3},
        (0, 1, 2, 3), "2 0 stands last, and has not occurred before", logits=(0, 0, 0, 0),
    ),
    Row(
        "no n-gram twice, nothing left", {"past": (0, 1, 2), "no_repeat_ngram_size": 1}, (0, 1, 2),
        "every token has occurred, and a text must go on", logits=(3, 2, 1),
        differs={"transformers": Differs("passes on", "removes every token")},
    ),
    Row(
        "DRY, a repetition of two", {"past": (0, 1, 2, 0, 1), "dry": 0.8, "top_k": 1}, (0,),
        "0 1 was followed by 2, whose logit becomes 0.5 - 0.8", logits=(0, -1, 0.5),
    ),
    Row(
        "suppressed tokens", {"suppress_tokens": (0, 2)}, (1, 3), "two of the four are forbidden",
        logits=(3, 2, 1, 0),
    ),
    Row(
        "a bad word of two tokens", {"past": (3, 0), "bad_words_ids": ((0, 1), (2, 2))}, (0, 2, 3),
        "0 stands last, so its word would end with 1; the other has not begun", logits=(3, 2, 1, 0),
    ),
    Row(
        "a bias", {"past": (3,), "logit_bias": {(1,): 2.5, (3, 2): 1.0, (0, 2): 9.0}, "top_k": 2},
        (0, 1), "2 + 2.5, then 3; the word of 3 gives 1 + 1, that of 0 has not begun",
        logits=(3, 2, 1, 0),
    ),
    Row(
        "a bias cannot bring back", {"logit_bias": {(1,): 99.0}}, (0,), "a removed token stays so",
        logits=(1, -INF),
    ),
]  # fmt: skip

NEWER = [
    Row(
        "top-H, the entropy of the renormalised few", {"top_h": 0.4}, (0, 1),
        "H of 2/3, 1/3 is 0.637, of three words 0.977, of all eight 1.736", probs=EIGHT_WORDS,
        differs={"transformers": Differs((0,), SUMS)},
    ),
    Row(
        "top-H, a larger share", {"top_h": 0.7}, (0, 1, 2), "H of four words is 1.222, above 1.215",
        probs=EIGHT_WORDS, differs={"transformers": Differs((0, 1, 2, 3), SUMS)},
    ),
    Row(
        "top-H, two equal halves", {"top_h": 0.5}, (0,), "of equals the lower id",
        logits=(0, 0),
    ),
    Row(
        "p-less, an exact hit", {"p_less": True}, (0, 1), "the sum of p squared is 0.3",
        probs="0.4 0.3 0.2 0.1",
    ),
    Row(
        "p-less, all equal", {"p_less": True}, (0, 1, 2, 3), "each is its own average",
        logits=(0, 0, 0, 0),
    ),
    Row(
        "XTC, a protected top choice", {"xtc_protecting": (0.2, (1,))}, (0, 1, 2),
        "0 and 1 would go, and 1 may not, so nothing does", probs="0.5 0.3 0.2",
    ),
    Row(
        "XTC, a protected token that stays anyway", {"xtc_protecting": (0.2, (2,))}, (2,),
        "the least likely of the top choices is never removed", probs="0.5 0.3 0.2",
    ),
]  # fmt: skip

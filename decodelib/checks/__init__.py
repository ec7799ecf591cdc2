"""What the book checks: the reader's exercises, and its own claims on the model at hand.

from decodelib import checks

checks.nucleus_size(my_nucleus_size)  # give a checker your function, read its verdict
claim = checks.claims_on(lm)  # what a chapter says is so, with what was measured
"""

from decodelib.checks.beam_search import can_stop, expand_and_prune, penalised_score
from decodelib.checks.beyond import acceptance_rate, after_rejection, mirostat_bound
from decodelib.checks.choosing import (
    CONTEXTS,
    OPENINGS,
    by_entropy,
    looping,
    settled_and_open,
    straddling,
)
from decodelib.checks.claims import claims_on
from decodelib.checks.combining import min_p_before, penalise, run_chain
from decodelib.checks.entropix import best_branch, choose_action, in_nats
from decodelib.checks.entropy import entropy_of, typical_mask, varentropy_of
from decodelib.checks.greedy import best_path, greedy_path
from decodelib.checks.loop import decode
from decodelib.checks.many_texts import expected_best, majority, most_alike
from decodelib.checks.min_p import heated_bound, min_p_mask, min_p_on_logits
from decodelib.checks.next_token import sequence_logprob, softmax
from decodelib.checks.notebook import attach
from decodelib.checks.playground import at_least_once, from_settings, pass_at
from decodelib.checks.progress import progress
from decodelib.checks.quality import at_equal, difference_interval, distinct_n
from decodelib.checks.quizzes import Question, Quiz, quiz
from decodelib.checks.random_sampling import chi_square, sample_index, tail_risk
from decodelib.checks.repetition import ends_in_loop
from decodelib.checks.rules import allowed_tokens, given_form, green_z
from decodelib.checks.search_or_sample import best_finished, marginals, usual_surprisal
from decodelib.checks.speed import cache_bytes, least_ms_per_token, nucleus_in_head
from decodelib.checks.stopping import cut_at_stop, held_back, length_probs
from decodelib.checks.temperature import apply_temperature, find_temperature, tempered_tail
from decodelib.checks.top_k import mass_kept, smallest_k, top_k_probs
from decodelib.checks.top_p import entry_point, nucleus_size, top_p
from decodelib.checks.verdict import Exercise, Misconception, Verdict

__all__ = [
    "CONTEXTS",
    "OPENINGS",
    "Exercise",
    "Misconception",
    "Question",
    "Quiz",
    "Verdict",
    "acceptance_rate",
    "after_rejection",
    "allowed_tokens",
    "apply_temperature",
    "at_equal",
    "at_least_once",
    "best_branch",
    "best_finished",
    "best_path",
    "by_entropy",
    "cache_bytes",
    "can_stop",
    "chi_square",
    "choose_action",
    "claims_on",
    "cut_at_stop",
    "decode",
    "difference_interval",
    "distinct_n",
    "ends_in_loop",
    "entropy_of",
    "entry_point",
    "expand_and_prune",
    "expected_best",
    "find_temperature",
    "from_settings",
    "given_form",
    "greedy_path",
    "green_z",
    "heated_bound",
    "held_back",
    "in_nats",
    "least_ms_per_token",
    "length_probs",
    "looping",
    "majority",
    "marginals",
    "mass_kept",
    "min_p_before",
    "min_p_mask",
    "min_p_on_logits",
    "mirostat_bound",
    "most_alike",
    "nucleus_in_head",
    "nucleus_size",
    "pass_at",
    "penalise",
    "penalised_score",
    "progress",
    "quiz",
    "run_chain",
    "sample_index",
    "sequence_logprob",
    "settled_and_open",
    "smallest_k",
    "softmax",
    "straddling",
    "tail_risk",
    "tempered_tail",
    "top_k_probs",
    "top_p",
    "typical_mask",
    "usual_surprisal",
    "varentropy_of",
]

attach()  # to a notebook, where this is imported in one

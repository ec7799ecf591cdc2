"""The exercises of chapter 7: right answers pass, and each usual mistake gets its own hint."""

import heapq

import torch

from decodelib import TopK, checks
from decodelib.distributions import nucleus_size
from tests.helpers.exercise_laws import laws

# Solutions, each written differently from the checker's own.


def top_k_probs(probs, k):
    logits = torch.tensor([probs], dtype=torch.float64).log()
    no_ids = torch.empty(1, 0, dtype=torch.long)
    return TopK(k)(no_ids, logits).softmax(-1)[0].tolist()


def mass_kept(probs, k):
    return sum(heapq.nlargest(k, probs))


def smallest_k(rows, p):
    return int(nucleus_size(torch.tensor(rows, dtype=torch.float64).log(), p).max())


SOLUTIONS = {
    checks.top_k_probs: top_k_probs,
    checks.mass_kept: mass_kept,
    checks.smallest_k: smallest_k,
}


def test_answers_may_be_tensors():
    assert checks.top_k_probs(lambda probs, k: torch.tensor(top_k_probs(probs, k))).passed
    assert checks.mass_kept(lambda probs, k: torch.tensor(mass_kept(probs, k))).passed


# Mistakes, written as a student would, and words that only the right hint has.


def rescaled(probs, keep):
    total = sum(q for q, kept in zip(probs, keep, strict=True) if kept) or 1.0
    return [q / total if kept else 0.0 for q, kept in zip(probs, keep, strict=True)]


def kth(probs, k):
    return heapq.nlargest(k, probs)[-1]


def not_renormalised(probs, k):
    return [q if r > 0 else 0.0 for q, r in zip(probs, top_k_probs(probs, k), strict=True)]


def survivors_alone(probs, k):
    best = heapq.nlargest(k, probs)
    return [q / sum(best) for q in best]


def ranked_order(probs, k):
    alone = survivors_alone(probs, k)
    return alone + [0.0] * (len(probs) - len(alone))


def all_ties(probs, k):
    return rescaled(probs, [q >= kth(probs, k) for q in probs])


def above_the_kth(probs, k):
    return rescaled(probs, [q > kth(probs, k) for q in probs])


def later_ones_of_a_tie(probs, k):
    return top_k_probs(probs[::-1], k)[::-1]


def least_probable(probs, k):
    last = torch.tensor(probs, dtype=torch.float64).argsort(stable=True)[:k].tolist()
    return rescaled(probs, [i in last for i in range(len(probs))])


def first_as_given(probs, k):
    return rescaled(probs, [i < k for i in range(len(probs))])


def mass_of_the_first(probs, k):
    return sum(q for i, q in enumerate(probs) if i < k)


def mass_of_the_least(probs, k):
    return sum(heapq.nsmallest(k, probs))


def mass_cut(probs, k):
    return sum(sorted(probs)[: max(0, len(probs) - k)])


def share_of_the_tokens(probs, k):
    return len(probs[:k]) / len(probs)


def mass_after_renormalising(probs, k):
    return sum(top_k_probs(probs, k))


def mass_with_all_ties(probs, k):
    return sum(q for q in probs if q >= kth(probs, k))


def k_of_the_easiest_row(rows, p):
    return min(smallest_k([row], p) for row in rows)


def k_on_average(rows, p):
    return sum(smallest_k([row], p) for row in rows) / len(rows)


def k_of_the_mixture(rows, p):
    return smallest_k([torch.tensor(rows, dtype=torch.float64).mean(0).tolist()], p)


def count_while(rows, p, more):
    counts = []
    for row in rows:
        mass, count = 0.0, 0
        for q in row:
            if not more(mass, q):
                break
            mass += q
            count += 1
        counts.append(count)
    return max(counts)


def k_without_the_crossing_token(rows, p):
    ranked = [sorted(row, reverse=True) for row in rows]
    return count_while(ranked, p, lambda mass, q: mass + q <= p)


def k_past_an_exact_hit(rows, p):
    ranked = [sorted(row, reverse=True) for row in rows]
    return count_while(ranked, p, lambda mass, q: mass <= p)


def k_of_the_unsorted(rows, p):
    return count_while(rows, p, lambda mass, q: mass < p)


MISTAKES = [
    (checks.top_k_probs, not_renormalised, "do not sum to 1"),
    (checks.top_k_probs, survivors_alone, "survivors alone"),
    (checks.top_k_probs, ranked_order, "belong to other tokens"),
    (checks.top_k_probs, all_ties, "every token that ties"),
    (checks.top_k_probs, above_the_kth, "k-th token is missing"),
    (checks.top_k_probs, later_ones_of_a_tie, "the later ones"),
    (checks.top_k_probs, least_probable, "least probable"),
    (checks.top_k_probs, first_as_given, "order given. Rank"),
    (checks.mass_kept, mass_of_the_first, "order given. Rank"),
    (checks.mass_kept, mass_of_the_least, "least probable"),
    (checks.mass_kept, mass_cut, "mass that is cut"),
    (checks.mass_kept, share_of_the_tokens, "share of the tokens"),
    (checks.mass_kept, mass_after_renormalising, "after renormalising"),
    (checks.mass_kept, mass_with_all_ties, "every token that ties"),
    (checks.mass_kept, kth, "k-th token alone"),
    (checks.smallest_k, k_of_the_easiest_row, "enough for one row"),
    (checks.smallest_k, k_on_average, "average over the rows"),
    (checks.smallest_k, k_of_the_mixture, "mix the rows"),
    (checks.smallest_k, k_without_the_crossing_token, "crosses p is missing"),
    (checks.smallest_k, k_past_an_exact_hit, "exactly p"),
    (checks.smallest_k, k_of_the_unsorted, "Rank each row"),
]

(
    test_the_solution_passes,
    test_each_mistake_gets_the_hint_about_it,
    test_hints_tell_mistakes_apart,
) = laws(SOLUTIONS, MISTAKES)

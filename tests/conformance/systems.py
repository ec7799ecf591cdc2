"""decodelib, transformers, and restatements of llama.cpp, vLLM and entropix from their documents.

A system takes one row of logits and a dict of settings, and returns the logits it would draw from:
-inf for a token it removed. The restatements say in a few lines what the systems do, in float32 as
they do it; they are no copies of their code.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
import transformers
from torch import Tensor
from transformers.generation.logits_process import TopHLogitsWarper

import decodelib as dl
from decodelib.decoding.samplers import argmax

INF = math.inf
Settings = dict[str, object]


@dataclass(frozen=True)
class System:
    """A decoding system: in which order it applies which settings, and what it then keeps."""

    order: tuple[str, ...]
    keep: Callable[[Tensor, Settings], Tensor]
    source: str

    def offers(self, settings: Settings) -> bool:
        greedy = {"greedy"} if "temperature" in self.order else set()
        return set(settings) - {"past"} <= {*self.order} | greedy


def single(value: object) -> float:
    """Return a setting as the float32 it is stored in."""
    return float(torch.tensor(value, dtype=torch.float32))


def only(logits: Tensor, kept: Tensor) -> Tensor:
    """Return the logits of the kept ids, -inf elsewhere."""
    return torch.full_like(logits, -INF).scatter(0, kept, logits[kept])


def taken(logits: Tensor, token: Tensor | int) -> Tensor:
    """Return logits that leave greedy's token alone, whatever its own logit was."""
    return torch.full_like(logits, -INF).index_fill(0, torch.as_tensor(token).reshape(1), 0.0)


# decodelib and transformers themselves


OURS = {
    "temperature": dl.Temperature, "top_k": dl.TopK, "top_p": dl.TopP, "min_p": dl.MinP,
    "typical": dl.Typical, "epsilon": dl.Epsilon, "eta": dl.Eta, "top_n_sigma": dl.TopNSigma,
    "xtc": lambda threshold: dl.XTC(1.0, threshold),
    "xtc_protecting": lambda pair: dl.XTC(1.0, pair[0], protected_ids=pair[1]),
    "top_h": dl.TopH, "p_less": lambda _: dl.PLess(), "repetition_penalty": dl.RepetitionPenalty,
    "presence_penalty": dl.PresencePenalty, "frequency_penalty": dl.FrequencyPenalty,
    "no_repeat_ngram_size": dl.NoRepeatNGram, "dry": dl.DRY, "suppress_tokens": dl.SuppressTokens,
    "bad_words_ids": dl.SuppressTokens, "logit_bias": dl.LogitBias,
}  # fmt: skip
THEIRS = {
    "logit_bias": transformers.SequenceBiasLogitsProcessor,
    "repetition_penalty": lambda r: transformers.RepetitionPenaltyLogitsProcessor(float(r)),
    "no_repeat_ngram_size": transformers.NoRepeatNGramLogitsProcessor,
    "bad_words_ids": lambda words: transformers.NoBadWordsLogitsProcessor([*map(list, words)]),
    "suppress_tokens": lambda ids: transformers.SuppressTokensLogitsProcessor(ids, device="cpu"),
    "top_h": TopHLogitsWarper,
    "temperature": transformers.TemperatureLogitsWarper,
    "top_k": transformers.TopKLogitsWarper,
    "top_p": transformers.TopPLogitsWarper,
    "min_p": transformers.MinPLogitsWarper,
    "typical": transformers.TypicalLogitsWarper,
    "epsilon": transformers.EpsilonLogitsWarper,
    "eta": lambda epsilon: transformers.EtaLogitsWarper(epsilon, device="cpu"),
}


def decodelib(logits: Tensor, settings: Settings) -> Tensor:
    if "greedy" in settings:
        return taken(logits, argmax(logits[None]))
    chain = dl.Chain(*(OURS[name](value) for name, value in settings.items() if name != "past"))
    return chain(past_of(settings), logits[None])[0]


def past_of(settings: Settings) -> Tensor:
    """Return the tokens so far, of shape [1, seq]; one that no row minds if none are stated."""
    return torch.tensor([settings.get("past", (0,))])


def hugging_face(logits: Tensor, settings: Settings) -> Tensor:
    if "greedy" in settings:
        return taken(logits, _greedy_generate(logits))
    for name in TRANSFORMERS_ORDER:
        if name in settings:
            logits = THEIRS[name](settings[name])(past_of(settings), logits[None])[0]
    return logits


@functools.cache
def _tiny_model(vocab: int) -> transformers.GPT2LMHeadModel:
    config = transformers.GPT2Config(
        vocab_size=vocab, n_positions=4, n_embd=4, n_layer=1, n_head=1, bos_token_id=0,
        eos_token_id=None,
    )  # fmt: skip
    return transformers.GPT2LMHeadModel(config).eval()


def _greedy_generate(logits: Tensor) -> Tensor:
    """Return what `generate` picks, by greedy search, when the model says these logits."""

    def say(input_ids: Tensor, scores: Tensor) -> Tensor:
        return logits.float().expand_as(scores).clone()

    output = _tiny_model(len(logits)).generate(
        torch.zeros(1, 1).long(), attention_mask=torch.ones(1, 1).long(), max_new_tokens=1,
        do_sample=False, pad_token_id=0, logits_processor=transformers.LogitsProcessorList([say]),
    )  # fmt: skip
    return output[0, -1]


def eta_as_documented(logits: Tensor, settings: Settings) -> Tensor:
    """The bound of transformers' docstring: sqrt(epsilon * exp(-H)), H under the root."""
    epsilon, probs = float(settings["eta"]), logits.double().softmax(-1)
    entropy = -(probs * probs.log()).nansum()
    bound = min(epsilon, math.sqrt(epsilon * math.exp(-entropy)))
    return torch.where((probs >= bound) | (probs == probs.max()), logits, -INF)


# vLLM: float32, all ties of top-k, top-p as the complement of the tail


def vllm(logits: Tensor, settings: Settings) -> Tensor:
    logits = logits.float()
    temperature = float(settings.get("temperature", 1.0))
    if "greedy" in settings or temperature < 1e-5:
        return taken(logits, logits.argmax())
    logits = logits / temperature
    if min_p := settings.get("min_p"):
        probs = logits.softmax(-1)
        bound = torch.tensor(min_p, dtype=torch.float32) * probs.max()
        logits = logits.masked_fill(probs < bound, -INF)
    if top_k := settings.get("top_k"):
        lowest = logits.topk(min(top_k, len(logits))).values[-1]
        logits = logits.masked_fill(logits < lowest, -INF)
    if settings.get("top_p", 1) < 1:
        ranked, order = logits.sort()
        top_p = torch.tensor(settings["top_p"], dtype=torch.float32)
        tail = ranked.softmax(-1).cumsum(-1) <= 1 - top_p
        tail[-1] = False
        logits = logits.masked_fill(torch.zeros_like(tail).scatter(0, order, tail), -INF)
    return logits


# llama.cpp: float32, a list of candidates that each sampler shortens, temperature last


def llama_cpp(logits: Tensor, settings: Settings) -> Tensor:
    if "greedy" in settings:
        return taken(logits, logits.argmax())
    if torch.isneginf(logits).all():
        raise AssertionError("no candidate can be selected")
    candidates, logits = torch.arange(len(logits)), logits.float().clone()
    for name in LLAMA_CPP_ORDER:
        if name in settings:
            # The order of equals is undefined there; here the lower id comes first.
            order = logits[candidates].argsort(descending=True, stable=True)
            value = settings[name] if name == "top_k" else single(settings[name])
            candidates = LLAMA_CPP_RULES[name](logits, candidates[order], value)
    return only(logits, candidates)


def _sigma(logits: Tensor, ranked: Tensor, n: float) -> Tensor:
    if n <= 0:
        return ranked
    values = logits[ranked][logits[ranked] > -INF]
    return ranked[logits[ranked] >= values.max() - n * values.std(correction=0)]


def _typical(logits: Tensor, ranked: Tensor, mass: float) -> Tensor:
    probs = logits[ranked].softmax(-1)
    shift = (-probs.log() + (probs * probs.log()).nansum()).abs()
    order = shift.argsort(stable=True)
    more = probs[order].cumsum(-1) > mass  # more than the mass: an exact hit is not enough
    return ranked[order[: int(more.int().argmax()) + 1 if more.any() else len(order)]]


def _top_p(logits: Tensor, ranked: Tensor, top_p: float) -> Tensor:
    enough = logits[ranked].softmax(-1).cumsum(-1) >= top_p
    if top_p >= 1 or not enough.any():
        return ranked
    return ranked[: int(enough.int().argmax()) + 1]


def _min_p(logits: Tensor, ranked: Tensor, min_p: float) -> Tensor:
    bound = logits[ranked[0]] + torch.tensor(min_p).log()
    return ranked[(logits[ranked] >= bound) | (ranked == ranked[0])] if min_p > 0 else ranked


def _xtc(logits: Tensor, ranked: Tensor, threshold: float) -> Tensor:
    count = int((logits[ranked].softmax(-1) >= threshold).sum())
    return ranked[count - 1 :] if threshold <= 0.5 and count > 1 else ranked


def _temperature(logits: Tensor, ranked: Tensor, temperature: float) -> Tensor:
    if temperature <= 0:
        return ranked[:1]
    logits /= temperature
    return ranked


LLAMA_CPP_RULES = {
    "top_n_sigma": _sigma, "top_k": lambda logits, ranked, k: ranked[:k], "typical": _typical,
    "top_p": _top_p, "min_p": _min_p, "xtc": _xtc, "temperature": _temperature,
}  # fmt: skip


# entropix: probabilities of the whole vocabulary, min-p on logits it never reads, top-p upside down


def entropix(logits: Tensor, settings: Settings) -> Tensor:
    logits = logits.float()
    if "greedy" in settings:
        return taken(logits, logits.argmax())
    temperature = torch.tensor(float(settings.get("temperature", 1.0)))
    probs = (logits / temperature).softmax(-1)
    top_k = int(settings.get("top_k", len(logits)))
    if top_k > len(logits):
        raise ValueError("the k of top_k must be at most the size of the vocabulary")
    # Of equals the lower id comes first, as in jax.lax.top_k.
    ascending = probs.argsort(descending=True, stable=True)[:top_k].flip(0)
    mass_below = probs[ascending].cumsum(-1) - probs[ascending]
    kept = ascending[mass_below <= settings.get("top_p", 1.0)]
    return only(probs.log(), kept) if not probs.isnan().any() else probs


TRANSFORMERS_ORDER = (
    "logit_bias", "repetition_penalty", "no_repeat_ngram_size", "bad_words_ids", "suppress_tokens",
    "temperature", "top_h", "top_k", "top_p", "min_p", "typical", "epsilon", "eta",
)  # fmt: skip
VLLM_ORDER = ("temperature", "min_p", "top_k", "top_p")
LLAMA_CPP_ORDER = tuple(LLAMA_CPP_RULES)
ENTROPIX_ORDER = ("temperature", "min_p", "top_k", "top_p")

SYSTEMS = {
    "decodelib": System(tuple(OURS), decodelib, "this package; any order, as written"),
    "transformers": System(
        TRANSFORMERS_ORDER, hugging_face, f"transformers {transformers.__version__}, as installed"
    ),
    "transformers' docstring": System(("eta",), eta_as_documented, "EtaLogitsWarper, restated"),
    "vLLM": System(VLLM_ORDER, vllm, "vLLM V1, its native sampler, restated"),
    "llama.cpp": System(LLAMA_CPP_ORDER, llama_cpp, "the default sampler chain, restated"),
    "entropix": System(ENTROPIX_ORDER, entropix, "the sampler of October 2024, restated"),
}


def outcome(system: System, logits: Tensor, settings: Settings) -> tuple[int, ...] | str:
    """Return the ids the system keeps, or "raises", or "passes on" if nothing can be drawn."""
    try:
        result = system.keep(logits.clone(), settings)
    except (ValueError, AssertionError):
        return "raises"
    if not torch.isfinite(result.amax()):
        return "passes on"
    kept = tuple((result > -INF).nonzero()[:, 0].tolist())
    if len(logits) <= LONGEST_LISTED:
        return kept
    return f"{len(kept)} tokens, {kept[0]} to {kept[-1]}"


LONGEST_LISTED = 20
"""Of longer rows, the number of tokens and the ends of their range stand for the set."""

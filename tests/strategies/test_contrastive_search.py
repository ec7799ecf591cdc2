"""Contrastive search equals its definition, restated with full forward passes and nothing else."""

import pytest
import torch
import torch.nn.functional as F
from transformers import GPT2LMHeadModel, PreTrainedTokenizerFast

import decodelib as dl
from decodelib.models.hf import HFModel
from tests.helpers.exact import TREE
from tests.helpers.gpt2 import PROMPTS, STORYBOOK
from tests.helpers.hf_models import CONFIGS, VOCAB, byte_tokenizer, random_model

IDS = [[7], [11, 12, 13], list(range(3, 15))]
SETTINGS = [(4, 0.6), (8, 0.3), (3, 1.0)]


@pytest.fixture(scope="module")
def storybook_hf() -> HFModel:
    """The embedded model, run by transformers."""
    model = GPT2LMHeadModel.from_pretrained(STORYBOOK, dtype=torch.float32)
    tokenizer = PreTrainedTokenizerFast(tokenizer_file=str(STORYBOOK / "tokenizer.json"))
    return HFModel(model, tokenizer, "storybook")


@pytest.fixture(scope="module")
def storybook() -> dl.LanguageModel:
    return dl.load("storybook", device="cpu", dtype="float32")


@pytest.fixture(scope="module", params=["gpt2", "llama", "mistral", "gemma3", "bloom"])
def random_lm(request) -> HFModel:
    config = next(config for name, config in CONFIGS.items() if name.startswith(request.param))
    return HFModel(random_model(config), byte_tokenizer(), request.param)


@torch.no_grad()
def restated(model: torch.nn.Module, ids: list[int], top_k: int, alpha: float, new: int, eos: int):
    """Score every candidate by reading the whole text anew with it at the end."""
    ids, start = list(ids), len(ids)
    while len(ids) < start + new and not (len(ids) > start and ids[-1] == eos):
        probs = model(torch.tensor([ids])).logits[0, -1].double().softmax(-1)
        scores = []
        for candidate in probs.topk(top_k).indices.tolist():
            read = model(torch.tensor([[*ids, candidate]]), output_hidden_states=True)
            hidden = read.hidden_states[-1][0].double()
            likeness = F.cosine_similarity(hidden[-1:], hidden[:-1]).max()
            scores.append(((1 - alpha) * float(probs[candidate]) - alpha * likeness, candidate))
        ids.append(max(scores)[1])
    return ids[start:]


@pytest.mark.parametrize(("top_k", "alpha"), SETTINGS)
def test_contrastive_search_is_its_definition_on_any_model_of_transformers(
    random_lm: HFModel, top_k: int, alpha: float
) -> None:
    gs = dl.generate_batch(random_lm, IDS, dl.ContrastiveSearch(top_k, alpha), max_new_tokens=8)
    for ids, g in zip(IDS, gs, strict=True):
        eos = random_lm.eos_token_id
        assert g.token_ids == restated(random_lm.model, ids, top_k, alpha, 8, eos)


LONG = [pytest.param(prompt, marks=pytest.mark.long) for prompt in PROMPTS[2:]]


@pytest.mark.parametrize("prompt", [*PROMPTS[:2], *LONG])
def test_contrastive_search_is_its_definition_on_storybook_through_either_forward_pass(
    storybook, storybook_hf: HFModel, prompt: str
) -> None:
    ids = storybook.encode(prompt).tolist()
    strategy = dl.ContrastiveSearch(top_k=4, penalty_alpha=0.6)
    own = dl.generate(storybook, ids, strategy, max_new_tokens=20).token_ids
    assert own == restated(storybook_hf.model, ids, 4, 0.6, 20, storybook.eos_token_id)
    assert dl.generate(storybook_hf, ids, strategy, max_new_tokens=20).token_ids == own


def test_the_penalty_changes_the_text_and_without_it_the_search_is_greedy(
    storybook, storybook_hf: HFModel
) -> None:
    for lm in (storybook, storybook_hf):
        greedy = dl.generate(lm, PROMPTS[0], dl.Greedy(), max_new_tokens=30).token_ids
        found = [
            dl.generate(lm, PROMPTS[0], dl.ContrastiveSearch(4, alpha), max_new_tokens=30).token_ids
            for alpha in (0.0, 0.6)
        ]
        assert found[0] == greedy
        assert found[1] != greedy


def test_contrastive_search_obeys_the_rules_for_stopping(storybook) -> None:
    strategy = dl.ContrastiveSearch()
    free = dl.generate(storybook, PROMPTS[0], strategy, max_new_tokens=30)
    stop = free.text[20:25]
    stopped = dl.generate(storybook, PROMPTS[0], strategy, max_new_tokens=30, stop=stop)
    assert stopped.finish_reason == "stop"
    assert stopped.text == free.text[: free.text.index(stop)]
    steps = list(dl.stream(storybook, PROMPTS[0], strategy, max_new_tokens=30, stop=stop))
    assert "".join(step.text for step in steps) == stopped.text
    assert [step.token_id for step in steps] == stopped.token_ids


def test_a_candidate_that_may_not_come_yet_is_none(random_lm: HFModel) -> None:
    g = dl.generate(
        random_lm, IDS[1], dl.ContrastiveSearch(VOCAB, 0.9), max_new_tokens=20, min_new_tokens=20
    )
    assert len(g.token_ids) == 20
    assert random_lm.eos_token_id not in g.token_ids


def test_contrastive_search_needs_hidden_states():
    with pytest.raises(ValueError, match="needs a model with hidden states, and table has none"):
        dl.generate(TREE, "", dl.ContrastiveSearch())

"""Inside a transformers model: its sizes, its attention weights, its first layers alone."""

import copy

import pytest
import torch
import transformers

import decodelib as dl
from decodelib.models.gpt2.attention_maps import attention
from decodelib.models.gpt2.early_exit import first_layers
from decodelib.models.hf import HFModel
from tests.helpers.hf_models import CONFIGS, PROMPTS, SMALL, VOCAB, byte_tokenizer, random_model

LLAMA = "llama: rotary positions, grouped queries"
ALIBI = "bloom: ALiBi, which takes no position ids"


@pytest.fixture(scope="module", params=CONFIGS)
def lm(request: pytest.FixtureRequest) -> HFModel:
    return HFModel(random_model(CONFIGS[request.param]), byte_tokenizer(), "random")


def llama() -> HFModel:
    return HFModel(random_model(CONFIGS[LLAMA]), byte_tokenizer(), "random")


def test_attention_weights_are_those_of_a_model_that_was_built_to_give_them(lm: HFModel) -> None:
    before, way = lm.next_logits(PROMPTS[1]), lm.model.config._attn_implementation
    found = attention(lm, PROMPTS[1])
    reference = random_model(copy.deepcopy(lm.model.config))
    reference.load_state_dict(lm.model.state_dict())
    reference.set_attn_implementation("eager")
    with torch.no_grad():
        theirs = reference(torch.tensor([PROMPTS[1]]), output_attentions=True)
    assert found.weights.shape == (2, 4, 17, 17)
    torch.testing.assert_close(found.weights, torch.cat(theirs.attentions))
    torch.testing.assert_close(found.logits, lm.logits(PROMPTS[1]), atol=1e-4, rtol=0)
    assert (found.weights.triu(1) == 0).all()
    assert lm.model.config._attn_implementation == way  # the model itself is as it was
    assert torch.equal(lm.next_logits(PROMPTS[1]), before)


def test_hidden_positions_are_seen_by_themselves_alone() -> None:
    lm = llama()
    plain, hidden = attention(lm, PROMPTS[1]), attention(lm, PROMPTS[1], hidden=[0, 4])
    for place in (0, 4):
        assert (hidden.weights[:, :, place + 1 :, place] == 0).all()
        assert (hidden.weights[:, :, place, place] > 0).all()
    torch.testing.assert_close(hidden.weights.sum(-1), torch.ones(2, 4, 17))
    before = plain.weights[0, :, 9].clone()  # in the first layer, nothing but the sum has changed
    before[:, [0, 4]] = 0
    torch.testing.assert_close(hidden.weights[0, :, 9], before / before.sum(-1, keepdim=True))
    torch.testing.assert_close(hidden.logits[0], plain.logits[0])
    assert not torch.allclose(hidden.logits[5:], plain.logits[5:], atol=1e-3)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        (ALIBI, "hidden must be empty for BloomForCausalLM, which takes no mask"),
        ("mistral: a sliding window shorter than the text", "the model's sliding window of 5"),
    ],
)
def test_models_that_cannot_hide_positions_say_why(name: str, message: str) -> None:
    lm = HFModel(random_model(CONFIGS[name]), byte_tokenizer(), "random")
    with pytest.raises(ValueError, match=message):
        attention(lm, PROMPTS[1], hidden=[3])


def test_the_first_layers_are_a_model_of_the_layers_below(lm: HFModel) -> None:
    ids = torch.tensor(PROMPTS[1])
    before = lm.logits(ids)
    torch.testing.assert_close(first_layers(lm, 2).logits(ids), before)
    shallow = first_layers(lm, 1)
    with torch.no_grad():
        states = lm.model(ids[None], output_hidden_states=True).hidden_states
        norm = [m for name, m in lm.model.named_modules() if name.endswith(("norm", "ln_f"))][-1]
        expected = lm.model.get_output_embeddings()(norm(states[1]))[0]
    torch.testing.assert_close(shallow.logits(ids), expected, atol=1e-4, rtol=0)
    _, cache = shallow.prefill([ids[:-1]], 64)
    assert cache.shape[0] == shallow.num_layers == 1
    torch.testing.assert_close(shallow.step(ids[-1:], cache)[0], expected[-1], atol=1e-4, rtol=0)
    assert torch.equal(lm.logits(ids), before)
    assert (shallow.name, lm.num_layers) == ("random, 1 of 2 layers", 2)
    assert shallow.num_parameters < lm.num_parameters
    with pytest.raises(ValueError, match=r"count must be in \[1, 2\], got 3"):
        first_layers(lm, 3)


def test_the_first_layers_serve_as_draft() -> None:
    lm = llama()
    drafted = dl.SpeculativeSampling(first_layers(lm, 1), dl.TopK(1), num_draft_tokens=3)
    greedy = dl.generate(lm, [3, 4, 5], dl.Greedy(), max_new_tokens=20)
    assert dl.generate(lm, [3, 4, 5], drafted, max_new_tokens=20).token_ids == greedy.token_ids


def test_a_model_without_a_list_of_layers_is_refused_in_a_sentence() -> None:
    lm = llama()
    lm.model.base_model.spare = torch.nn.ModuleList([torch.nn.Identity(), torch.nn.Identity()])
    with pytest.raises(ValueError, match=r"one above the other in one list.* LlamaForCausalLM"):
        first_layers(lm, 1)


def test_sizes_are_those_of_the_weights_and_of_the_cache(lm: HFModel) -> None:
    assert lm.num_layers == 2
    assert lm.num_parameters == lm.model.num_parameters()
    assert lm.num_bytes == 4 * lm.num_parameters
    _, cache = lm.prefill([torch.tensor(ids) for ids in PROMPTS], 64)
    heads = getattr(lm.model.config, "num_key_value_heads", 4)
    assert cache.shape == (2, 4, heads, 17, 8)
    assert cache.num_bytes == 2 * 2 * 4 * heads * 17 * 8 * 4
    lm.step(torch.tensor([1, 2, 3, 4]), cache)
    assert cache.shape[3] == 18


def test_a_cache_without_keys_has_no_bytes() -> None:
    config = transformers.Lfm2Config(
        **SMALL, num_key_value_heads=2, layer_types=["conv", "full_attention"]
    )
    lm = HFModel(random_model(config), byte_tokenizer(), "random")
    _, cache = lm.prefill([torch.tensor([3, 4, 5])], 64)
    assert cache.shape == (1, 1, 2, 3, 8)
    assert cache.num_bytes == 2 * 2 * 3 * 8 * 4
    assert lm.vocab_size == VOCAB

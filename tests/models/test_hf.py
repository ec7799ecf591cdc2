"""decodelib.hf: any causal model of transformers gives, in any batch, the logits of a plain run."""

import json
import sys

import pytest
import torch
import transformers
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors
from transformers import PreTrainedTokenizerFast

import decodelib as dl
from decodelib.models.hf import HFModel
from tests.helpers.hf_models import (
    CONFIGS,
    PROMPTS,
    VOCAB,
    byte_tokenizer,
    plain,
    random_model,
)


def sentencepiece_tokenizer() -> PreTrainedTokenizerFast:
    """As Llama's: "▁" for spaces, one put before every text and dropped again, BOS put first."""
    pieces = ["<unk>", "<s>", "</s>", *"▁abcdefgh", "▁a", "ab", "▁b"]
    vocab = {piece: i for i, piece in enumerate(pieces)}
    merges = [("▁", "a"), ("a", "b"), ("▁", "b")]
    tokenizer = Tokenizer(models.BPE(vocab=vocab, merges=merges, unk_token="<unk>"))
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace(prepend_scheme="first")
    tokenizer.decoder = decoders.Metaspace(prepend_scheme="first")
    tokenizer.post_processor = processors.TemplateProcessing(
        single="<s> $A", special_tokens=[("<s>", 1)]
    )
    return PreTrainedTokenizerFast(tokenizer_object=tokenizer, bos_token="<s>", eos_token="</s>")


@pytest.fixture(scope="module", params=CONFIGS)
def lm(request: pytest.FixtureRequest) -> HFModel:
    return HFModel(random_model(CONFIGS[request.param]), byte_tokenizer(), "random")


def assert_rows_equal(lm: HFModel, logits: torch.Tensor, rows: list[list[int]]) -> None:
    expected = torch.stack([plain(lm, row) for row in rows])
    torch.testing.assert_close(logits, expected, atol=1e-4, rtol=0)


def test_prefill_of_ragged_prompts_gives_the_logits_of_plain_passes(lm: HFModel) -> None:
    logits, _ = lm.prefill([torch.tensor(ids) for ids in PROMPTS], 64)
    assert logits.std() > 0.05  # or every model would pass
    assert_rows_equal(lm, logits, PROMPTS)


def test_steps_after_reordering_repeating_and_dropping_rows_give_plain_logits(lm: HFModel) -> None:
    rows = [list(ids) for ids in PROMPTS]
    _, cache = lm.prefill([torch.tensor(ids) for ids in rows], 64)
    ancestors = [[2, 0, 1, 3], [1, 1, 0, 3, 3, 3], [0, 5], [1], [0, 0], [0, 1], [1, 0], [0, 1]]
    for number, chosen in enumerate(ancestors):
        cache = cache.select(torch.tensor(chosen))
        next_ids = [(3 * number + 7 * row) % VOCAB for row in range(len(chosen))]
        rows = [rows[old] + [new] for old, new in zip(chosen, next_ids, strict=True)]
        assert_rows_equal(lm, lm.step(torch.tensor(next_ids), cache), rows)


def test_logits_of_every_position_are_those_of_transformers(lm: HFModel) -> None:
    ids = PROMPTS[1]
    expected = torch.stack([plain(lm, ids[: end + 1]) for end in range(len(ids))])
    torch.testing.assert_close(lm.logits(ids), expected, atol=1e-4, rtol=0)


def test_greedy_ids_in_a_batch_are_those_of_transformers_generate(lm: HFModel) -> None:
    gs = dl.generate_batch(lm, PROMPTS, dl.Greedy(), max_new_tokens=12)
    for ids, g in zip(PROMPTS, gs, strict=True):
        own = lm.model.generate(
            torch.tensor([ids]), do_sample=False, max_new_tokens=12, eos_token_id=lm.eos_token_id
        )
        assert g.token_ids == own[0, len(ids) :].tolist()


def test_a_model_says_its_sizes(lm: HFModel) -> None:
    assert lm.vocab_size == VOCAB == len(lm.next_logits([3]))
    unlimited = isinstance(lm.model.config, transformers.BloomConfig)
    assert lm.context_length == (sys.maxsize if unlimited else 64)


def test_the_context_length_is_never_passed() -> None:
    lm = HFModel(random_model(CONFIGS["gpt2: learned positions"]), byte_tokenizer(), "random")
    _, cache = lm.prefill([torch.arange(10, 60) % VOCAB], 64)
    for _ in range(14):
        lm.step(torch.tensor([1]), cache)
    with pytest.raises(ValueError, match="cache is full: random has 64 positions"):
        lm.step(torch.tensor([1]), cache)


def test_several_ends_are_all_known_and_the_first_stays_first() -> None:
    model = random_model(CONFIGS["qwen2: biases"])
    model.generation_config.eos_token_id = [17, 19, 17, VOCAB]
    lm = HFModel(model, byte_tokenizer(), "random")
    assert (lm.eos_token_ids, lm.eos_token_id) == ((17, 19), 17)


def test_an_eos_id_outside_the_vocabulary_is_none() -> None:
    config = CONFIGS["gpt2: learned positions"]
    assert config.eos_token_id > VOCAB
    lm = HFModel(random_model(config), byte_tokenizer(), "random")
    assert lm.eos_token_id == VOCAB - 1  # the tokenizer's
    assert len(dl.generate(lm, [3], dl.Greedy(), max_new_tokens=5, min_new_tokens=5).token_ids) == 5


def test_text_prompts_begin_with_bos_where_the_tokenizer_puts_one() -> None:
    config = CONFIGS["llama: rotary positions, grouped queries"]
    lm = HFModel(random_model(config), sentencepiece_tokenizer(), "random")
    assert lm.prompt_ids("ab").tolist() == lm.tokenizer("ab").input_ids
    assert lm.prompt_ids("ab")[0] == 1
    assert 1 not in lm.encode("ab")
    assert lm.prompt_ids("").tolist() == [1]
    without = HFModel(random_model(config), byte_tokenizer(), "random")
    assert without.prompt_ids("ab").tolist() == without.encode("ab").tolist()


def test_texts_of_prompt_and_continuation_join_up() -> None:
    config = CONFIGS["llama: rotary positions, grouped queries"]
    lm = HFModel(random_model(config), sentencepiece_tokenizer(), "random")
    ids = lm.encode("a b ab").tolist()
    for split in range(len(ids) + 1):
        assert lm.decode(ids[:split]) + lm.decode(ids[split:]) == lm.decode(ids)
    assert lm.decode(ids).strip() == "a b ab"


@pytest.fixture
def llama_folder(tmp_path):
    random_model(CONFIGS["llama: rotary positions, grouped queries"]).save_pretrained(tmp_path)
    byte_tokenizer().save_pretrained(tmp_path)
    return tmp_path


def test_a_folder_of_another_architecture_loads_through_transformers(llama_folder) -> None:
    lm = dl.load(str(llama_folder), device="cpu", dtype="float64")
    assert isinstance(lm, HFModel)
    assert (lm.name, lm.dtype) == (llama_folder.name, torch.float64)
    g = dl.generate(lm, "abc", dl.Sampling(dl.TopP(0.9)), max_new_tokens=8, seed=3)
    assert len(g.token_ids) == 8 or g.finish_reason == "eos"
    assert g.full_text == "abc" + g.text


def test_loading_prints_nothing(llama_folder, capfd) -> None:
    dl.load(llama_folder)
    assert capfd.readouterr() == ("", "")


def test_a_sharded_folder_loads(llama_folder) -> None:
    whole = dl.load(llama_folder, device="cpu", dtype="float32")
    (llama_folder / "model.safetensors").unlink()
    whole.model.save_pretrained(llama_folder, max_shard_size="20KB")
    assert len(list(llama_folder.glob("*.safetensors"))) > 1
    sharded = dl.load(llama_folder, device="cpu", dtype="float32")
    torch.testing.assert_close(sharded.next_logits([3, 4]), whole.next_logits([3, 4]))


def test_a_folder_without_tokenizer_is_refused(llama_folder) -> None:
    for file in llama_folder.glob("tokenizer*"):
        file.unlink()
    with pytest.raises(ValueError, match=r"has no tokenizer, such as tokenizer\.json"):
        dl.load(llama_folder)


def test_a_damaged_tokenizer_is_refused(llama_folder) -> None:
    (llama_folder / "tokenizer.json").write_text("{")
    with pytest.raises(ValueError, match=r"tokenizer in .* cannot be loaded"):
        dl.load(llama_folder)


def test_truncated_weights_are_refused(llama_folder) -> None:
    weights = llama_folder / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-100])
    with pytest.raises(ValueError, match=r"model\.safetensors is damaged or incomplete"):
        dl.load(llama_folder)


def test_weights_that_lack_a_tensor_are_refused_rather_than_made_up(llama_folder) -> None:
    from safetensors.torch import load_file, save_file

    weights = llama_folder / "model.safetensors"
    tensors = load_file(weights)
    del tensors["model.layers.1.mlp.up_proj.weight"]
    save_file(tensors, weights, metadata={"format": "pt"})
    with pytest.raises(ValueError, match=r"lack the tensor model\.layers\.1\.mlp\.up_proj\.weight"):
        dl.load(llama_folder)


def plant_code(folder, model_type: str, key: str) -> None:
    """Add code to a model's folder that leaves a mark if it ever runs, and refer to it."""
    mark = folder / "ran"
    (folder / "planted.py").write_text(f"open({str(mark)!r}, 'w').close()\nclass Model: pass\n")
    path = folder / "config.json"
    config = json.loads(path.read_text()) | {"model_type": model_type}
    config["auto_map"] = {"AutoConfig": "planted.Model", key: "planted.Model"}
    path.write_text(json.dumps(config))


def test_a_model_that_needs_its_own_code_is_refused(llama_folder) -> None:
    plant_code(llama_folder, "planted", "AutoModelForCausalLM")
    with pytest.raises(ValueError, match="code that comes with a model is never run"):
        dl.load(llama_folder)
    assert not (llama_folder / "ran").exists()


def test_a_model_that_transformers_knows_loads_without_running_its_own_code(llama_folder) -> None:
    plant_code(llama_folder, "llama", "AutoModelForCausalLM")
    assert type(dl.load(llama_folder).model).__module__.startswith("transformers.")
    assert not (llama_folder / "ran").exists()


def test_a_model_that_is_not_a_causal_language_model_is_refused(llama_folder) -> None:
    config = transformers.T5Config(d_model=8, num_layers=1, num_heads=1, vocab_size=VOCAB)
    config.save_pretrained(llama_folder)
    with pytest.raises(ValueError, match="transformers cannot load"):
        dl.load(llama_folder)

"""Measuring a trained model."""

from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch

STORYBOOK = Path(__file__).parents[2] / "decodelib" / "models" / "storybook"


def test_a_model_that_knows_nothing_measures_as_uniform(
    scripts: SimpleNamespace, tiny: object, vocab_size: int
) -> None:
    model = scripts.recipe.build_model(tiny, vocab_size, end_of_text=0).eval()
    model.set_attn_implementation("eager")
    torch.nn.init.zeros_(model.transformer.wte.weight)
    for block in model.transformer.h:
        torch.nn.init.zeros_(block.attn.c_attn.weight)
    tokens = torch.arange(64 * 6 + 1) % vocab_size

    found = scripts.measure.distributions(model, tokens, 64)

    assert scripts.measure.mean_loss(model, tokens, 64) == pytest.approx(np.log(vocab_size))
    assert found.entropy.shape == (64 * 6,)
    torch.testing.assert_close(found.entropy, torch.full((384,), np.log(vocab_size)).float())
    assert found.varentropy.max() < 1e-9
    assert found.mass_beyond_rank.numpy() == pytest.approx(1 - 100 / vocab_size, abs=1e-5)
    uniform = np.mean([1 / (position + 1) for position in range(1, 64)])
    assert found.first_attention.numpy() == pytest.approx(uniform, abs=1e-5)


def test_measure_finds_the_loss_that_training_measures(
    scripts: SimpleNamespace,
    tiny: object,
    data: Path,
    vocab_size: int,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    model = scripts.recipe.build_model(tiny, vocab_size, end_of_text=0)
    loaded = scripts.run_files.load_data(data, tiny)
    scripts.run_files.save_model(model, loaded.tokenizer, tmp_path)
    loss = scripts.recipe.make_loss(model, model.device, bfloat16=False)
    expected = scripts.recipe.held_out_loss(model, loss, loaded.held_out, tiny.context)

    assert scripts.measure.main([str(tmp_path), str(data)]) == 0

    found = float(capsys.readouterr().out.removeprefix("held-out loss: ").split()[0])
    assert found == pytest.approx(expected, abs=2e-3)


def test_measure_refuses_folders_that_do_not_fit(
    scripts: SimpleNamespace, data: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        scripts.measure.main([str(STORYBOOK), str(data)])
    message = "the data's tokenizer must have the model's 8192 tokens, got 320"
    assert message in capsys.readouterr().err
    with pytest.raises(SystemExit):
        scripts.measure.main([str(data), str(data)])
    assert "the model folder must hold model.safetensors, got" in capsys.readouterr().err

"""Whatever a model's folder holds, loading ends in a model or in one sentence."""

from pathlib import Path

import pytest

from tests.helpers.damaged_folders import run


@pytest.mark.parametrize(
    ("seed", "count"), [(0, 200), pytest.param(1, 5000, marks=pytest.mark.long)], ids=str
)
def test_a_damaged_folder_ends_in_a_model_or_in_one_sentence(
    tmp_path: Path, seed: int, count: int
) -> None:
    ends, faults, _ = run(count, seed, tmp_path)
    assert not faults
    assert ends["a model"] > count // 50  # some damages do no harm
    assert ends["ValueError"] > count // 4

"""What tests do to a model's folder, and how loading must refuse one."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import decodelib as dl


def refused(folder: Path, message: str) -> None:
    """Check that loading ends in one sentence, with the network and pickle out of reach."""
    with pytest.raises(ValueError, match=message) as info:
        dl.load(folder, device="cpu")
    assert "\n" not in str(info.value)


def changed(folder: Path, name: str = "config.json", **settings: object) -> None:
    path = folder / name
    path.write_text(json.dumps(json.loads(path.read_text()) | settings))

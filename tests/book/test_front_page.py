"""The first page shows what it says: four texts, each what the model gives for its strategy."""

import decodelib as dl
from tools.front_page import PAGE, TEXTS, front_page


def test_the_texts_are_what_storybook_gives():
    lm = dl.load("storybook", device="cpu", dtype="float64")
    assert PAGE.read_text(encoding="utf-8") == front_page(lm)


def test_each_text_names_its_strategy_and_links_to_its_chapter():
    page = PAGE.read_text(encoding="utf-8")
    for _, strategy, _, chapter in TEXTS:
        assert f"<code>{strategy!r}</code>" in page
        assert (PAGE.parent.parent / f"{chapter}.ipynb").is_file()

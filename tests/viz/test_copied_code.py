"""The code that readers copy from the explorers of the book runs, and gives what is shown."""

from __future__ import annotations

import pytest

from tests.helpers.browser import browser
from tests.helpers.explorer_page import open_page, state_of, stored_explorers, write_page
from tests.helpers.site_pages import REVEAL

pytestmark = pytest.mark.browser

CODE = "return arguments[0].querySelector('.dx-code pre').textContent"
FINISHED = """
return [...arguments[0].querySelectorAll('[data-dx="finished"] li')].map((row) =>
  [row.querySelector("b").textContent, row.querySelector(".dx-beam-text").textContent]);
"""


LEADING = """
const first = arguments[0].querySelector('[data-dx="votes"] li');
return [first.querySelector(".dx-vote-answer").textContent, first.querySelector("b").textContent];
"""


@pytest.fixture(scope="module")
def opened(tmp_path_factory):
    """A driver, and every explorer of the book with its answer revealed, in one page."""
    stored = stored_explorers()
    page = write_page(tmp_path_factory.mktemp("book") / "page.html", stored)
    with browser() as driver:
        roots = open_page(driver, page.as_uri())
        for root in roots:
            driver.execute_script(REVEAL, root)
        shown = zip(stored, roots, strict=True)
        yield driver, [(one.kind, root, state_of(root)["data"]) for one, root in shown]


def run(driver, root, capsys) -> str:
    source = driver.execute_script(CODE, root)
    capsys.readouterr()
    exec(source, {})
    return capsys.readouterr().out


def written(prompt: str, tokens: list[str], end: str) -> str:
    """A text as a generation prints it: the token that ends it is not part of it."""
    return prompt + "".join(tokens[:-1] if end == "eos" else tokens) + "\n"


def test_a_race_gives_the_text_of_its_strategy(opened, capsys):
    driver, explorers = opened
    races = [one for one in explorers if one[0] == "race"]
    fewest = min(data["max_new_tokens"] for _, _, data in races)
    for _, root, data in races:
        picks = root.find_elements("css selector", ".dx-pick")
        assert len(picks) == len(data["strategies"])
        every = data["max_new_tokens"] == fewest  # of the longer texts, one has to do
        for pick, record in list(zip(picks, data["strategies"], strict=True))[
            : None if every else 1
        ]:
            driver.execute_script("arguments[0].click()", pick)
            text = record["texts"][0]
            expected = written(data["prompt"], text["tokens"], text["end"])
            assert run(driver, root, capsys) == expected, record["name"]
    assert races


def test_a_player_gives_its_text(opened, capsys):
    driver, explorers = opened
    players = [one for one in explorers if one[0] == "player"]
    for _, root, data in players:
        branch = data["branches"][0]
        tokens = [step["text"] for step in branch["steps"]]
        assert run(driver, root, capsys) == written(data["prompt"], tokens, branch["end"])
    assert players


def test_a_beam_explorer_gives_its_best_text_and_score(opened, capsys):
    driver, explorers = opened
    searches = [one for one in explorers if one[0] == "beams"]
    for _, root, _ in searches:
        score, text = run(driver, root, capsys).splitlines()[0].split(" ", 1)
        shown, best = driver.execute_script(FINISHED, root)[0]
        assert float(shown.replace("−", "-")) == pytest.approx(float(score), abs=6e-4)
        assert eval(text) == best.removesuffix(" <eos>")
    assert searches


def test_a_vote_gives_the_answer_that_leads(opened, capsys):
    driver, explorers = opened
    votes = [one for one in explorers if one[0] == "votes"]
    for _, root, data in votes:
        share, text = run(driver, root, capsys).split(" ", 1)
        first = driver.execute_script(LEADING, root)
        texts = {"".join(one["tokens"]): one["answer"] for one in data["texts"]}
        assert texts[eval(text)] == first[0]
        assert float(share) == pytest.approx(int(first[1]) / len(data["texts"]), abs=1e-4)
    assert votes


def test_a_rating_gives_the_two_texts_of_its_pair(opened, capsys):
    driver, explorers = opened
    ratings = [one for one in explorers if one[0] == "rating"]
    for _, root, data in ratings:
        driver.execute_script("arguments[0].querySelector('[data-dx=just-show]').click()", root)
        opening = root.find_element("css selector", '[data-dx="opening"]').text
        (pair,) = [one for one in data["pairs"] if one["opening"] == opening]
        assert run(driver, root, capsys) == "".join(f"{one['text']}\n" for one in pair["texts"])
    assert ratings


def test_a_chain_gives_its_moves(opened, capsys):
    driver, explorers = opened
    chains = [one for one in explorers if one[0] == "chain"]
    for _, root, data in chains:
        moves = next(c["moves"] for c in data["chains"] if c["alpha"] == data["initial"]["alpha"])
        lines = run(driver, root, capsys).splitlines()
        assert [line.split()[1] for line in lines] == [
            "accepted" if move["accepted"] else "rejected" for move in moves[1:]
        ]
    assert chains


def test_the_code_of_a_table_or_of_a_map_runs(opened, capsys):
    driver, explorers = opened
    tables = [
        root for kind, root, data in explorers if kind == "distribution" and not data["model"]
    ]
    maps = [root for kind, root, _ in explorers if kind == "entropy"]
    assert tables
    assert maps
    for root in (*tables, maps[0]):
        assert run(driver, root, capsys)

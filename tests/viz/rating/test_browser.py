"""The blind rating on a page in a real browser: blind until the end, kept, copied, and pooled."""

from __future__ import annotations

import pytest

import decodelib as dl
from decodelib.viz import explore_rating
from tests.helpers.browser import browser, console_errors, eventually, serve
from tests.helpers.explorer_page import open_page, write_page

pytestmark = pytest.mark.browser

TOY = dl.TableLM({"": {"a": 0.5, "b": 0.3, "c": 0.2}, "a": {"b": 0.6, "a": 0.4}})
NAMES = {"searched": dl.Greedy(), "drawn": dl.Sampling(), "cut": dl.Sampling(dl.TopK(2))}
CHOOSE = "arguments[0].querySelector(`[data-dx='choose-${arguments[1]}']`).click()"
PRESS = "arguments[0].querySelector(`[data-dx='${arguments[1]}']`).click()"
READ = """
const [root] = arguments;
const shown = (name) => {
  const node = root.querySelector(`[data-dx="${name}"]`);
  return node.checkVisibility() ? node.innerText : null;
};
return {
  progress: shown("progress"), opening: shown("opening"), result: shown("result"),
  texts: [...root.querySelectorAll('[data-dx="text"] .dx-rating-text')].map((e) => e.textContent),
  shares: [...root.querySelectorAll(".dx-rating-result li")].map((li) =>
    [...li.querySelectorAll(".dx-rating-of, .dx-rating-words")].map((e) => e.textContent)),
  all: root.innerText,
};
"""
PASTE = """
const box = arguments[0].querySelector("textarea");
box.value = arguments[1];
box.dispatchEvent(new Event("input", { bubbles: true }));
"""
LINK = "return arguments[0].querySelector('[data-dx=link]').textContent"


@pytest.fixture(scope="module")
def explorer():
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DECODELIB_STATIC", "1")
        yield explore_rating(TOY, ["a", "b a", "c b"], NAMES, num_tokens=12)


@pytest.fixture(scope="module")
def opened(explorer, tmp_path_factory):
    folder = tmp_path_factory.mktemp("rating")
    write_page(folder / "page.html", [explorer])
    with serve(folder) as base, browser() as driver:
        yield driver, f"{base}/page.html"


def rate(driver, root, letters):
    for letter in letters:
        driver.execute_script(CHOOSE, root, letter)


def test_it_is_blind_until_the_last_pair_and_then_says_what_python_says(opened, explorer):
    driver, url = opened
    (root,) = open_page(driver, url)
    seen = []
    for number in (1, 2, 3):
        shown = driver.execute_script(READ, root)
        assert shown["progress"] == f"Pair {number} of 3; {number - 1} rated"
        assert shown["result"] is None
        assert not any(word in shown["all"] for word in (*NAMES, "perplexity"))
        seen.append((shown["opening"], {text.strip() for text in shown["texts"]}))
        driver.execute_script(CHOOSE, root, "abt"[number - 1])
    pairs = explorer.data["pairs"]
    texts = [(p["opening"], {t["text"].strip() for t in p["texts"]}) for p in pairs]
    assert sorted(seen, key=str) == sorted(texts, key=str)
    shown = driver.execute_script(READ, root)
    assert shown["result"].startswith("You chose a text in 2 of 3 pairs.")
    assert all(word in shown["all"] for word in ("perplexity", "distinct-2", "ends in a loop"))

    driver.execute_script(PRESS, root, "copy-result")
    settings = dict(part.split("=") for part in driver.execute_script(LINK, root).split("&")[1:])
    explorer.seed, explorer.choices = int(settings["seed"]), settings["choices"]
    for (name, words), (said, agreed) in zip(
        shown["shares"], explorer.agreement.items(), strict=True
    ):
        assert name == said
        share = agreed.share
        expected = (
            f"{agreed.agreed} of {agreed.of}, {share.low:.2f} to {share.high:.2f}"
            if share
            else "nothing to compare"
        )
        assert words == expected
    focused = "return document.activeElement.dataset.dx"
    eventually(lambda: driver.execute_script(focused), "result")
    assert console_errors(driver) == []


def test_it_is_kept_by_the_browser_until_it_is_rated_again(opened):
    driver, url = opened
    (root,) = open_page(driver, url)
    rate(driver, root, "ab")
    before = driver.execute_script(READ, root)
    (root,) = open_page(driver, url, as_new=False)
    assert driver.execute_script(READ, root) == before
    rate(driver, root, "t")
    (root,) = open_page(driver, url, as_new=False)
    assert driver.execute_script(READ, root)["result"].startswith("You chose a text in 2 of 3")
    driver.execute_script(PRESS, root, "forget")
    assert driver.execute_script(READ, root)["progress"] == "Pair 1 of 3; 0 rated"
    (root,) = open_page(driver, url, as_new=False)
    assert driver.execute_script(READ, root)["progress"] == "Pair 1 of 3; 0 rated"


def test_every_reader_has_an_order_of_their_own(opened):
    driver, url = opened
    orders = set()
    for _ in range(6):
        (root,) = open_page(driver, url)
        shown = driver.execute_script(READ, root)
        orders.add((shown["opening"], *shown["texts"]))
    assert len(orders) > 1  # one of 48 six times: once in 250 million runs


def test_a_copied_result_opens_as_it_was_and_one_of_other_texts_does_not(opened):
    driver, url = opened
    (root,) = open_page(driver, url)
    rate(driver, root, "bat")
    shown = driver.execute_script(READ, root)
    driver.execute_script(PRESS, root, "copy-result")
    link = driver.execute_script(LINK, root)
    driver.get("about:blank")
    (root,) = open_page(driver, link)
    assert driver.execute_script(READ, root)["shares"] == shown["shares"]
    key = link.partition("choices=")[2][:6]
    driver.get("about:blank")
    (root,) = open_page(driver, link.replace(key, "zzzzzz"))
    assert driver.execute_script(READ, root)["result"] is None


def test_who_does_not_want_to_rate_is_shown_all_the_same(opened):
    driver, url = opened
    (root,) = open_page(driver, url)
    driver.execute_script(PRESS, root, "just-show")
    shown = driver.execute_script(READ, root)
    assert "Nothing of yours is compared" in shown["result"]
    assert sum(word in shown["all"] for word in NAMES) >= 2
    assert driver.execute_script(
        "return arguments[0].querySelector('[data-dx=copy-result]').hidden", root
    )


def test_the_results_of_a_class_are_pooled_and_bad_lines_are_told(opened, explorer):
    driver, url = opened
    (root,) = open_page(driver, url)
    rate(driver, root, "aaa")
    key = explorer.data["key"]
    lines = [f"{url}#dx=x&seed=5&choices={key}.bbt", "my result", f"#seed=6&choices={key}.bab"]
    driver.execute_script(PASTE, root, "\n".join(lines))

    def said(name):
        return driver.execute_script(
            "return arguments[0].querySelector(`[data-dx='${arguments[1]}']`).innerText", root, name
        )

    assert said("readers") == "3 readers, you among them."
    assert said("refused") == "Line 2 is left out: it holds no result."
    assert said("alike").startswith("Two readers give a pair the same answer ")
    assert "drawn" in said("pooled")
    driver.execute_script(PASTE, root, "")
    assert said("readers") == ""
    assert console_errors(driver) == []

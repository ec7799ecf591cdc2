"""The games on a phone, from disk: played to the end, from a link, and with the model."""

from __future__ import annotations

import math
import re

import pytest
import torch
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys

import decodelib as dl
from tests.helpers.browser import axe_violations, requests
from tests.helpers.engine import storybook
from tests.helpers.live_page import LivePage

pytestmark = pytest.mark.browser

PAGE = "games.html"


class GamePage(LivePage):
    def of(self, game: str, part: str):
        return self.piece(game).find_element(By.CSS_SELECTOR, f'[data-live-part="game-{part}"]')

    def parts_of(self, game: str) -> set[str]:
        found = self.piece(game).find_elements(By.CSS_SELECTOR, "[data-live-part]")
        return {part.get_attribute("data-live-part").removeprefix("game-") for part in found}

    def is_open(self, game: str) -> bool:
        return bool(self.piece(game).find_elements(By.CSS_SELECTOR, ".live-option"))

    def bet(self, game: str, choice: int, sure: int) -> str:
        """Bet on an option; returns what is said about it."""
        self.click(self.piece(game).find_elements(By.CSS_SELECTOR, ".live-option")[choice])
        self.driver.execute_script(
            "arguments[0].value = arguments[1]; arguments[0].dispatchEvent(new Event('input'))",
            self.of(game, "sure"),
            sure,
        )
        self.click(self.piece(game).find_element(By.CSS_SELECTOR, "form .live-go"))
        return self.of(game, "said").text

    def text(self, game: str) -> str:
        return self.piece(game).find_element(By.CSS_SELECTOR, ".live-shown").text


@pytest.fixture(scope="module")
def games(site, driver):
    requests(driver)
    page = GamePage(driver, site / "chapters" / PAGE, "#game=shannon&seed=7")
    page.wait(lambda: page.is_open("shannon") and page.is_open("strategy"))
    return page


def paid(said: str) -> list[float]:
    return [float(bits) for bits in re.findall(r"([\d.]+) bits", said)]


def test_shannons_game_is_played_to_its_end_without_the_model(games, driver):
    assert "texts number 7" in games.of("shannon", "progress").text
    seen, yours = [], []
    for number in range(10):
        seen.append(games.text("shannon"))
        said = games.bet("shannon", 5, 60)
        mine = 0.7369656 if said.startswith("Right") else 3.6438562  # of 60 percent, of 8
        assert paid(said)[0] == pytest.approx(mine, abs=0.006)
        yours.append(mine)
        if number == 0:
            assert not axe_violations(driver, '[data-live="shannon"]')
        games.click(games.of("shannon", "next"))
    assert len(set(seen)) == 10
    assert paid(games.of("shannon", "said").text)[0] == pytest.approx(sum(yours) / 10, abs=0.006)
    games.click(games.of("shannon", "copy"))
    assert games.of("shannon", "link").text.endswith("games.html#game=shannon&seed=7")
    assert not [url for url in requests(driver)[0] if "storybook-" in url]
    assert not axe_violations(driver, '[data-live="shannon"]')
    assert driver.execute_script("return document.documentElement.scrollWidth <= innerWidth")


def test_who_wrote_this_shows_the_measures(games, driver):
    said = games.bet("strategy", 0, 40)
    assert paid(said)[0] == pytest.approx(1.32 if said.startswith("Right") else 2.32, abs=0.01)
    table = games.piece("strategy").find_element(By.CSS_SELECTOR, ".live-numbers").text
    assert "this text" in table
    assert not axe_violations(driver, '[data-live="strategy"]')


def z_of(ids: list[int]) -> float:
    return dl.GreenListWatermark().detect(storybook(), ids).z


PLAY = """
const [root, places] = arguments;
const made = [];
for (const place of places) {
  if (root.querySelector('[data-live-part="game-next"]')) break;
  root.querySelectorAll(".dx-mark-word")[place].click();
  const other = root.querySelector("[data-live-other]");
  made.push([place, Number(other.dataset.liveOther)]);
  other.click();
}
return made;
"""


class MarkedRound:
    """A round of the third game: the tokens as they stand now."""

    def __init__(self, games: GamePage) -> None:
        self.page, self.root = games, games.piece("watermark")
        games.wait(lambda: self.root.find_elements(By.CSS_SELECTOR, ".dx-mark-word"))
        texts = games.driver.execute_script(
            "return DecodeLive.received.get('games.js').marked.texts"
        )
        prompt = self.root.find_element(By.CSS_SELECTOR, ".live-prompt").text
        self.text = next(one for one in texts if f"“{one['before']}”" == prompt)
        self.ids = list(self.text["ids"])

    def words(self):
        return self.root.find_elements(By.CSS_SELECTOR, ".dx-mark-word")

    def has_ended(self) -> bool:
        return bool(self.root.find_elements(By.CSS_SELECTOR, '[data-live-part="game-next"]'))

    def shown(self, name: str) -> str:
        return self.root.find_element(By.CSS_SELECTOR, f'[data-dx="{name}"]').text

    def replace(self, place: int) -> None:
        """Replace a token by the first that is offered."""
        self.page.click(self.words()[place])
        other = self.root.find_element(By.CSS_SELECTOR, "[data-live-other]")
        self.ids[place] = int(other.get_attribute("data-live-other"))
        self.page.click(other)

    def play_on(self) -> None:
        """Replace every second token, in one script, until the mark is gone."""
        count = len(self.ids)
        places = [*range(1, count, 2), *range(0, count, 2)]
        for place, token_id in self.page.driver.execute_script(PLAY, self.root, places):
            self.ids[place] = token_id
        assert self.has_ended()


def test_a_watermark_is_fooled_as_pythons_detector_has_it(games, driver):
    one = MarkedRound(games)
    assert not one.root.find_elements(By.CSS_SELECTOR, ".dx-mark-green")
    games.click(one.words()[0])
    assert not axe_violations(driver, '[data-live="watermark"]')
    games.click(one.words()[0])
    count = 0
    while not one.has_ended():
        assert float(one.shown("z")) == pytest.approx(z_of(one.ids), abs=0.006)
        assert z_of(one.ids) >= 4
        one.replace((2 * count + 1) % len(one.ids))
        count += 1
        assert driver.switch_to.active_element.tag_name == "button"
    assert z_of(one.ids) < 4
    found = dl.GreenListWatermark().detect(storybook(), one.ids)
    assert one.shown("used") == f"{count} tokens"
    assert float(one.shown("evidence").split()[0]) == pytest.approx(
        -math.log2(found.p_value), abs=0.06
    )
    words = one.words()
    for place, score in found.scores.items():
        assert ("dx-mark-green" in words[place].get_attribute("class")) == bool(score)
    assert f"{found.statistic:.0f} of {found.num_tokens} now" in one.root.text
    assert not axe_violations(driver, '[data-live="watermark"]')
    assert driver.execute_script("return document.documentElement.scrollWidth <= innerWidth")
    assert not [url for url in requests(driver)[0] if "storybook-" in url]


def test_the_keyboard_plays_and_the_model_names_the_price(games, driver):
    games.click(games.of("watermark", "next"))
    one = MarkedRound(games)
    driver.execute_script("arguments[0].focus()", one.words()[0])
    driver.switch_to.active_element.send_keys(Keys.ARROW_RIGHT, Keys.ARROW_RIGHT)
    assert driver.switch_to.active_element.get_attribute("data-live-place") == "2"
    driver.switch_to.active_element.send_keys(Keys.ENTER)
    one.ids[2] = one.text["others"][2][0]
    driver.switch_to.active_element.send_keys(Keys.TAB)
    assert driver.switch_to.active_element.get_attribute("data-live-other") == str(one.ids[2])
    driver.switch_to.active_element.send_keys(Keys.ENTER)
    assert float(one.shown("z")) == pytest.approx(z_of(one.ids), abs=0.006)
    assert one.shown("used") == "1 token"
    assert driver.switch_to.active_element.get_attribute("data-live-place") == "2"

    one.play_on()
    games.load_model()
    games.wait(lambda: games.of("watermark", "price").text.endswith("now."))
    said = games.of("watermark", "price").text
    before, after = map(float, re.findall(r"(\d+\.\d+)", said))
    assert before == pytest.approx(one.text["surprisal"], abs=0.006)
    start = one.text["before_ids"]
    logprobs = storybook().logits([*start, *one.ids][:-1]).log_softmax(-1)[len(start) - 1 :]
    own = logprobs.gather(-1, torch.tensor(one.ids)[:, None])
    assert after == pytest.approx(-float(own.mean()), abs=0.006)


def test_the_model_marks_new_texts(games):
    if games.state() != "ready":
        games.load_model()
    while "more" not in games.parts_of("watermark"):
        if not MarkedRound(games).has_ended():
            MarkedRound(games).play_on()
        games.click(games.of("watermark", "next"))
    assert games.of("watermark", "said").text.startswith("3 texts: you replaced ")
    games.click(games.of("watermark", "more"))
    games.wait(lambda: games.piece("watermark").find_elements(By.CSS_SELECTOR, ".dx-mark-word"))
    assert "made by the model" in games.of("watermark", "progress").text
    one = MarkedRound(games)
    assert float(one.shown("z")) >= 6
    one.play_on()
    games.click(games.of("watermark", "enough"))
    assert games.of("watermark", "said").text.startswith("1 text: you replaced ")


def test_with_the_model_there_are_new_rounds(games):
    if games.state() != "ready":
        games.load_model()
    games.click(games.of("shannon", "more"))
    games.wait(lambda: games.is_open("shannon"))
    games.bet("shannon", 0, 30)
    assert "storybook, sampled" in games.piece("shannon").text
    games.click(games.of("shannon", "enough"))
    assert games.of("shannon", "said").text.startswith("1 round: you paid")

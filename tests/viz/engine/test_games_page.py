"""The games on a phone, from disk: played to the end, from a link, and with the model."""

from __future__ import annotations

import re

import pytest
from selenium.webdriver.common.by import By

from tests.helpers.browser import axe_violations, requests
from tests.helpers.live_page import LivePage

pytestmark = pytest.mark.browser

PAGE = "games.html"


class GamePage(LivePage):
    def of(self, game: str, part: str):
        return self.piece(game).find_element(By.CSS_SELECTOR, f'[data-live-part="game-{part}"]')

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


def test_with_the_model_there_are_new_rounds(games):
    games.load_model()
    games.click(games.of("shannon", "more"))
    games.wait(lambda: games.is_open("shannon"))
    games.bet("shannon", 0, 30)
    assert "storybook, sampled" in games.piece("shannon").text
    games.click(games.of("shannon", "enough"))
    assert games.of("shannon", "said").text.startswith("1 round: you paid")

"""A page of the site on a phone: opened from disk, and asking nobody for anything."""

from __future__ import annotations

import pytest

from tests.helpers.browser import browser, console_errors, external, requests
from tests.helpers.live_page import LivePage


@pytest.fixture(scope="module")
def driver():
    with browser(390, 844, mobile=True) as driver:
        yield driver


@pytest.fixture
def page(request, site, driver):
    """The page that the test module names in PAGE; it asks no other host and does not complain."""
    requests(driver)
    console_errors(driver)
    yield LivePage(driver, site / "chapters" / request.module.PAGE)
    assert not external(requests(driver)[0])
    assert not console_errors(driver)

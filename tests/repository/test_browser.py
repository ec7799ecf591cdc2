"""tests/helpers/browser.py: a browser that is handed on is as good as a new one."""

import pytest

from tests.helpers.browser import browser
from tests.helpers.site_pages import narrow

pytestmark = pytest.mark.browser


def test_the_next_caller_finds_nothing_of_the_caller_before(tmp_path):
    page = tmp_path / "page.html"
    page.write_text("<!doctype html><button>one</button>")
    for _ in range(2):
        with browser(500, 400) as driver:
            driver.get(page.as_uri())
            found = driver.execute_script(
                "document.querySelector('button').focus();"
                "return [localStorage.length, document.hasFocus(), innerWidth]"
            )
            assert found == [0, True, 500]
            assert driver.get_log("browser") == []
            driver.execute_script("localStorage.seen = 1; console.error('one')")
            narrow(driver, 300)


def test_a_browser_in_which_a_test_failed_is_not_handed_on():
    with pytest.raises(ZeroDivisionError), browser(501, 400) as failed:
        1 / 0  # noqa: B018
    with browser(501, 400) as driver:
        assert driver.session_id != failed.session_id

"""A real browser (Chromium), driven by Playwright, and the authorization server on a port for it."""

import os
import shutil
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, sync_playwright

from browser.site import Site

NAMES = ("chromium", "chromium-browser", "google-chrome")


# One a module: Playwright keeps an event loop running in this thread for as long as it is open, and while one runs no
# other test of this process can start its own.
@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    """The browser. Skips where there is none; in CI there must be one."""
    program = next((found for name in NAMES if (found := shutil.which(name))), None)
    if program is None:
        message = "no Chromium here: tools/system-tools.sh installs it"
        if os.environ.get("CI") == "true":
            pytest.fail(message)
        pytest.skip(message)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=["--no-sandbox", "--disable-gpu"])
        yield browser
        browser.close()


@pytest.fixture
def site() -> Iterator[Site]:
    """A gateway in which Ada has a password."""
    with Site() as found:
        yield found

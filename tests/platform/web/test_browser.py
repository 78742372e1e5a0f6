"""The pages in a real browser: no violation of the policy, no call to elsewhere, nothing wider than the screen."""

import shutil
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest
from werkzeug.serving import make_server

playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no chromium on this machine: apt-get install chromium")
PAGES = ("/", "/docs?audience=public", "/problems", "/problems/slot-taken", "/nothing-here")


@dataclass
class Visit:
    """One look at a page, and all the browser had to complain about."""

    width: int
    complaints: list[str] = field(default_factory=list)
    called_elsewhere: list[str] = field(default_factory=list)


@pytest.fixture(scope="module")
def address(app) -> Iterator[str]:
    server = make_server("127.0.0.1", 0, app, threaded=True)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()


@pytest.fixture(scope="module")
def browser():
    with playwright.sync_playwright() as driver:
        opened = driver.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield opened
        opened.close()


@pytest.fixture(scope="module")
def windows(browser) -> list[Any]:
    """A telephone by day and a desk at night, each going from page to page."""
    return [
        browser.new_context(viewport={"width": width, "height": 860}, color_scheme=theme, locale=language).new_page()
        for width, theme, language in ((390, "light", "zh-CN"), (1280, "dark", "en"))
    ]


def look(page, address: str, path: str) -> Visit:
    visit = Visit(0)

    def scold(error) -> None:
        visit.complaints.append(str(error))

    def listen(said) -> None:
        if said.type in {"error", "warning"} and "404 (NOT FOUND)" not in said.text:
            visit.complaints.append(said.text)

    def follow(asked) -> None:
        if not asked.url.startswith((address, "data:", "blob:")):
            visit.called_elsewhere.append(asked.url)

    ears = {"pageerror": scold, "console": listen, "request": follow}
    for word, ear in ears.items():
        page.on(word, ear)
    page.goto(address + path)
    if path.startswith("/docs"):
        page.wait_for_selector(".opblock-tag")
    visit.width = page.evaluate("document.documentElement.scrollWidth")
    for word, ear in ears.items():
        page.remove_listener(word, ear)
    return visit


@pytest.mark.parametrize("path", PAGES)
def test_a_page_fits_and_keeps_to_itself(windows, address, path):
    visits = [look(window, address, path) for window in windows]

    assert [visit.complaints for visit in visits] == [[], []]
    assert [visit.called_elsewhere for visit in visits] == [[], []]
    assert [visit.width for visit in visits] == [390, 1280]


def test_the_reference_shows_every_operation_of_an_audience(windows, address, app):
    spec = app.test_client().get("/openapi.json").get_json()
    offered = sum(
        "operationId" in operation
        for path, item in spec["paths"].items()
        if path.startswith("/api/employer/")
        for operation in item.values()
        if isinstance(operation, dict)
    )
    _, desk = windows

    desk.goto(f"{address}/docs?audience=employer")
    desk.wait_for_selector(".opblock")
    shown = desk.locator(".opblock").count()

    assert shown == offered > 0


def test_the_theme_turns_without_javascript(browser, address):
    context = browser.new_context(java_script_enabled=False, color_scheme="light")
    page = context.new_page()
    page.goto(f"{address}/problems")

    page.locator("button.to-dark").click()

    assert page.url == f"{address}/problems"
    assert page.locator("html").get_attribute("data-theme") == "dark"
    context.close()


def test_the_first_tab_offers_to_skip_to_the_content(windows, address):
    _, desk = windows
    desk.goto(address)

    desk.keyboard.press("Tab")
    offered = desk.evaluate("document.activeElement.getAttribute('href')")
    desk.keyboard.press("Enter")
    reached = desk.evaluate("document.activeElement.id")

    assert (offered, reached) == ("#main", "main")

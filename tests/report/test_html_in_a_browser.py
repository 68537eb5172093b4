"""report.html in a headless Chromium: it asks the network for nothing, says nothing on the console, sorts and answers."""

import shutil

import pytest

from compress import report
from compress.artifacts.files import write_json
from compress.results import LAYERS, parse

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)


@pytest.fixture
def page(two_stages, tmp_path):
    if CHROMIUM is None:
        pytest.skip("no Chromium here (apt-get install chromium)")
    from playwright.sync_api import sync_playwright

    row = {"tensor": "", "precision": "int8", "channels": 8}
    rows = [
        {**row, "layers": [name], "kind": "CONV_2D", "us": us, "bytes": size}
        for name, us, size in (("first", 9.0, 30), ("second", 100.0, 4), ("third", 20.0, 500))
    ]
    write_json(tmp_path / LAYERS, {"int8": [*rows, {**row, "layers": ["last"], "kind": "SOFTMAX"}]})
    report.write(parse(two_stages), tmp_path, False)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        page = browser.new_page(color_scheme="dark")
        page.said, page.asked = [], []
        page.on("console", lambda message: page.said.append(message.text))
        page.on("pageerror", lambda error: page.said.append(str(error)))
        page.on("request", lambda request: page.asked.append(request.url))
        page.goto((tmp_path / "report.html").as_uri())
        yield page
        browser.close()


def test_a_sort_a_click_and_no_request(page):
    def column(number):
        return page.locator(f"#layers tbody tr td:nth-child({number})").all_inner_texts()

    assert column(2) == ["first", "second", "third", "last"]
    title = page.locator("#layers th", has_text="µs")
    title.locator("button").click()
    assert column(2) == ["first", "third", "second", "last"]  # by number, not by text; what is not known comes last
    title.locator("button").click()
    assert column(2) == ["second", "third", "first", "last"]
    assert title.get_attribute("aria-sort") == "descending"

    mark = page.locator("#front svg circle").first
    mark.click()
    assert "top-1" in page.locator("#front output").inner_text()
    assert page.locator("#stages tr.chosen").count() == 1
    page.locator("#front svg circle").last.press("Enter")
    assert page.locator("#stages tr.chosen").count() == 1

    background = page.evaluate("getComputedStyle(document.body).backgroundColor")
    page.emulate_media(color_scheme="light")
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") != background
    page.emulate_media(media="print")
    assert page.evaluate("getComputedStyle(document.querySelector('.tall')).overflowY") == "visible"
    assert not page.said
    assert [address for address in page.asked if not address.startswith(("file:", "data:"))] == []
    assert len([address for address in page.asked if address.startswith("file:")]) == 1

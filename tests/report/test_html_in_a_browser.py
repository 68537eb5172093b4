"""The pages of a run, a sweep and a board in a headless Chromium: they sort, answer, print, and ask for nothing."""

import json
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from benchmarks.boards import page as board_page
from compress import report
from compress.artifacts.files import write_json
from compress.results import LAYERS, parse
from compress.sweep import page as sweep_page
from compress.sweep import table
from compress.sweep.grid import given, points

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
BOARD = Path(__file__).parents[2] / "benchmarks/results/x86-64/tiny-20261121-071242.json"


def of_run(run: dict[str, Any], folder: Path) -> Path:
    row = {"tensor": "", "precision": "int8", "channels": 8}
    rows = [
        {**row, "layers": [name], "kind": "CONV_2D", "us": us, "bytes": size}
        for name, us, size in (("first", 9.0, 30), ("second", 100.0, 4), ("third", 20.0, 500))
    ]
    write_json(folder / LAYERS, {"int8": [*rows, {**row, "layers": ["last"], "kind": "SOFTMAX"}]})
    report.write(parse({**run, "goals": {"megabytes": 2.0}}), folder)
    return folder / "report.html"


def of_sweep(run: dict[str, Any], folder: Path) -> Path:
    found = points(given(["pruned.final_sparsity=0.5,0.7,0.9", "quantized.mode=qat,static"]))
    ended = {}
    for point in found[:-1]:
        last = {**run["stages"][1], "top1": (340 + 3 * point.number) / 359, "tflite_bytes": 10**6 * (9 - point.number)}
        ended[point.number] = parse({**run, "stages": [{**last, "sparse_tflite_bytes": None}]})
    fields = list(found[0].values)
    rows = table.rows(found, fields, ended, {len(found): "no memory"})
    return sweep_page.write(rows, fields, list(ended.values()), "mine", folder)[0]


def of_board(run: dict[str, Any], folder: Path) -> Path:
    return board_page.write(json.loads(BOARD.read_text()), "it", folder, "board")[0]


@dataclass(frozen=True)
class Case:
    """A page, and the table and the column that are sorted on it."""

    write: Callable[[dict[str, Any], Path], Path]
    section: str
    column: str
    empty: int
    """How many cells of the column say nothing."""


CASES = {
    "run": Case(of_run, "#layers", "µs", 1),
    "sweep": Case(of_sweep, "#points", "top-1", 1),
    "board": Case(of_board, "#models", "p50", 0),
}


@pytest.fixture(scope="module")
def browser():
    if CHROMIUM is None:
        pytest.skip("no Chromium here (apt-get install chromium)")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture(params=CASES)
def case(request):
    return CASES[request.param]


@pytest.fixture
def opened(browser, case, two_stages, tmp_path):
    """Opens the page in a new context with these options; nothing may be said or asked for on the way."""
    html, contexts, said, asked = case.write(two_stages, tmp_path), [], [], []

    def goto(**options):
        contexts.append(browser.new_context(viewport={"width": 1280, "height": 900}, **options))
        page = contexts[-1].new_page()
        page.on("console", lambda message: said.append(message.text))
        page.on("pageerror", lambda error: said.append(str(error)))
        page.on("request", lambda request: asked.append(request.url))
        page.goto(html.as_uri())
        return page

    yield goto
    for context in contexts:
        context.close()
    assert not said
    assert [address for address in asked if not address.startswith("data:")] == [html.as_uri()] * len(contexts)


def test_a_sort_and_a_click(opened, case):
    page = opened()
    title = page.locator(f"{case.section} th", has_text=case.column).first
    number = title.evaluate("cell => cell.cellIndex") + 1

    def values():
        cells = page.locator(f"{case.section} tbody tr td:nth-child({number})").all()
        texts = [cell.get_attribute("data-value") or cell.inner_text() for cell in cells]
        assert texts[len(texts) - case.empty :] == [""] * case.empty  # what is not known comes last, both ways
        return [float(text) for text in texts[: len(texts) - case.empty]]

    title.locator("button").click()
    assert title.get_attribute("aria-sort") == "ascending"
    rising = values()
    assert rising == sorted(rising) and len(set(rising)) > 2  # by number, not by text
    title.locator("button").click()
    assert title.get_attribute("aria-sort") == "descending"
    assert values() == rising[::-1]

    marks = page.locator("#front svg circle")
    for choose in (marks.first.click, lambda: marks.last.press("Enter")):
        choose()
        assert "top-1" in page.locator("#front output").inner_text()
        assert page.locator("tr.chosen").count() >= 1


def test_all_is_readable_without_javascript(opened, case):
    page = opened(java_script_enabled=False)
    tables = page.locator("table").all()
    assert len(tables) >= 4
    assert all(table.is_visible() and table.inner_text().strip() for table in tables)
    assert page.locator(f"{case.section} th", has_text=case.column).first.is_visible()
    assert page.locator("button").count() == 0  # nothing looks as if a click would do something
    assert page.locator("#limits li").count() >= 3


def test_light_dark_and_printed(opened, case):
    page = opened(color_scheme="dark")

    def style(selector, name):
        return page.evaluate(f"getComputedStyle(document.querySelector('{selector}')).{name}")

    dark = style("body", "backgroundColor")
    page.emulate_media(color_scheme="light")
    light = style("body", "backgroundColor")
    assert (light, dark) == ("rgb(255, 255, 255)", "rgb(20, 24, 28)")
    for scheme in ("light", "dark"):
        page.emulate_media(media="print", color_scheme=scheme)
        assert style("body", "backgroundColor") == light  # paper is white
        assert style("nav", "display") == "none"
    if page.locator(".tall").count():
        assert style(".tall", "overflowY") == "visible"  # all rows are printed


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_screenshot_is_not_blank(opened, scheme, tmp_path):
    page = opened(color_scheme=scheme)
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")  # tables scroll by themselves
    page.screenshot(path=tmp_path / f"{scheme}.png", full_page=True)
    picture = Image.open(tmp_path / f"{scheme}.png").convert("RGB")
    colours = picture.getcolors(picture.width * picture.height)
    assert len(colours) > 100
    assert max(count for count, _ in colours) < 0.97 * picture.width * picture.height
    loaded = page.evaluate("[...document.images].every((image) => image.complete && image.naturalWidth > 0)")
    assert loaded

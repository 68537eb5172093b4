"""report.html as a file: whole, by itself, small, and nothing in it but text where a user's words stand."""

import base64
import json
import re
from html.parser import HTMLParser
from io import BytesIO

import numpy as np
import pytest
from PIL import Image

from compress import report
from compress.artifacts.files import write_json
from compress.report.html import pictures
from compress.results import LAYERS, parse

VOID = {"meta", "link", "img", "br", "hr", "input"}
# HTML lets these end where the next one begins
OPEN_ENDED = {"td", "tr"}
HOSTILE = '<script>alert("a|b")</script>'


class Reader(HTMLParser):
    """Takes down what is opened, and what is closed that is not open."""

    def __init__(self, text):
        super().__init__()
        self.open, self.wrong, self.tags, self.links = [], [], [], []
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        self.tags.append(tag)
        self.links += [(tag, name, value) for name, value in attributes if name in ("src", "href", "srcset", "data")]
        if tag in OPEN_ENDED:
            while self.open[-1] in OPEN_ENDED and (self.open[-1] == tag or tag == "tr"):
                self.open.pop()
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attributes):
        self.tags.append(tag)

    def handle_endtag(self, tag):
        while self.open and self.open[-1] != tag and self.open[-1] in OPEN_ENDED:
            self.open.pop()
        if not self.open or self.open.pop() != tag:
            self.wrong.append(tag)


def is_whole(text):
    reader = Reader(text)
    assert not reader.wrong and not reader.open, (reader.wrong, reader.open)
    for tag, name, value in reader.links:
        inside = value.startswith(("data:", "#"))
        assert inside or (tag == "a" and name == "href"), (tag, name, value)  # a link waits for a click
    assert "url(" not in text and "@import" not in text
    assert all(f'id="{value[1:]}"' in text for _, _, value in reader.links if value.startswith("#"))
    return reader


@pytest.fixture
def layers():
    """As many operators as DenseNet121's file has, for two stages."""
    row = {"kind": "CONV_2D", "tensor": "densenet/conv/Conv2D", "precision": "int8", "bytes": 12345, "zeros": 0.85}
    rows = [
        {**row, "layers": [f"conv4_block{number}_1_conv", f"conv4_block{number}_1_relu"], "channels": 32, "us": 1.5}
        for number in range(430)
    ]
    return {"teacher": rows, "int8": [{**each, "noise": 0.01, "own_noise": 0.001} for each in rows]}


@pytest.mark.parametrize("plotted", [True, False])
def test_the_page_of_a_run(two_stages, layers, plotted, tmp_path):
    write_json(tmp_path / LAYERS, layers)
    written = report.write(parse(two_stages), tmp_path, plotted)
    text = (tmp_path / "report.html").read_text()
    reader = is_whole(text)
    assert len(text.encode()) < 500_000
    assert reader.tags.count("img") == (1 if plotted else 0)  # training; size_and_latency is drawn anew
    assert "prefers-color-scheme: dark" in text and "@media print" in text
    assert "What this report does not show" in text
    assert text.count("conv4_block") == 2 * 430
    assert tmp_path / "report.html" in written
    explorer = sorted(path.name for path in (tmp_path / "model_explorer").iterdir())
    assert explorer == ["1-teacher.latency.json", "2-int8.latency.json", "2-int8.noise.json"]


def test_all_of_it_as_json(two_stages, layers, tmp_path):
    write_json(tmp_path / LAYERS, layers)
    report.write(parse(two_stages), tmp_path, True)
    content = json.loads((tmp_path / "report.json").read_text())
    assert (content["schema"], content["kind"]) == ("jetslim-report/1", "run")
    assert content["run"]["stages"][1]["latency"]["latency_ms_p50"] == 12.0
    assert len(content["operators_by_stage"]["int8"]) == 430
    assert content["headline"][1]["value"] == "1.73 MB"
    assert "base64" not in json.dumps(content)


def test_a_run_that_recorded_nothing_has_a_page(tmp_path):
    report.write(parse({"schema": 3}), tmp_path, False)
    is_whole((tmp_path / "report.html").read_text())


def test_a_users_names_are_text(two_stages, tmp_path):
    two_stages["pipeline"] = HOSTILE
    two_stages["data"] |= {"name": HOSTILE, "classes": [HOSTILE, "1"], "notes": [HOSTILE]}
    two_stages["config_toml"] = f'path = "{HOSTILE}"'
    two_stages["stages"][1] |= {"name": HOSTILE, "float_layers": {HOSTILE: HOSTILE}}
    report.write(parse(two_stages), tmp_path, True)
    text = (tmp_path / "report.html").read_text()
    reader = is_whole(text)
    assert reader.tags.count("script") == 1  # the page's own
    assert "<script>alert" not in text and "&lt;script&gt;alert" in text


def test_a_task_section_of_names_is_text(tmp_path):
    classes = {"images": [3, 2], "average_precision": [0.5, None], "precision": [1.0, 0.5], "recall": [0.5, 0.5]}
    run = {
        "schema": 3,
        "task": {"name": "multi_label"},
        "data": {"label_names": [HOSTILE, "cat"]},
        "stages": [{"name": "last", "details": {"classes": classes}}],
    }
    report.write(parse(run), tmp_path, False)
    text = (tmp_path / "report.html").read_text()
    assert is_whole(text).tags.count("script") == 1
    assert re.search(r"<td>&lt;script&gt;alert\(&#34;a\|b&#34;\)&lt;/script&gt;</td>", text)


def test_large_pictures_are_made_smaller_until_they_fit(tmp_path):
    """Noise, which no format makes small: eight plots and a page of photographs, 20 MB of them."""
    random = np.random.default_rng(0)
    files = [tmp_path / f"plot{number}.png" for number in range(8)] + [tmp_path / "worst.png"]
    for path in files:
        Image.fromarray(random.integers(0, 256, (700, 1000, 3), np.uint8)).save(path)
    small = tmp_path / "small.png"
    Image.new("RGB", (40, 30), "red").save(small)
    found = pictures.embedded([*files, small], ["worst"], {"small": "A small one"}, tmp_path)
    contents = {name: base64.b64decode(each["src"].split(",")[1]) for name, each in found.items()}
    assert sum(map(len, contents.values())) <= pictures.MOST_BYTES
    assert contents["small"] == small.read_bytes()  # it fits as it is
    assert found["small"] | {"src": ""} == {"caption": "A small one", "path": "small.png", "src": "", "plot": True}
    kinds = {name: Image.open(BytesIO(content)) for name, content in contents.items()}
    assert (kinds["plot0"].format, kinds["worst"].format) == ("PNG", "JPEG")
    assert all(picture.width > 80 for name, picture in kinds.items() if name != "small")

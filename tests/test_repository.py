"""What people carry away beside the package: the citation, the changelog, the workflow of hosted CI."""

import configparser
import re
from pathlib import Path

import yaml

import compress

ROOT = Path(__file__).parents[1]
# of the Citation File Format 1.2.0 (Druskat et al., 2021): what has to be there, and some of what may
REQUIRED = {"cff-version", "message", "title", "authors"}
ALLOWED = REQUIRED | {
    "abstract",
    "date-released",
    "doi",
    "keywords",
    "license",
    "repository-code",
    "type",
    "url",
    "version",
}


def test_the_citation_is_of_this_version():
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text())
    assert REQUIRED <= citation.keys() <= ALLOWED
    assert citation["cff-version"] == "1.2.0" and citation["type"] == "software"
    assert citation["version"] == compress.__version__
    config = configparser.ConfigParser()
    config.read(ROOT / "setup.cfg")
    about = config["metadata"]
    assert (citation["title"], citation["license"]) == (about["name"], about["license"])
    assert citation["abstract"] == f"{about['description']}."
    assert [author["name"] for author in citation["authors"]] == [about["author"]]
    assert len(set(citation["keywords"])) == len(citation["keywords"])


def test_the_changelog_is_by_release():
    text = (ROOT / "CHANGELOG.md").read_text()
    first, *released = re.findall(r"^## (.*)$", text, re.MULTILINE)
    assert first == "[Unreleased]"
    versions = [re.fullmatch(r"\[(\d+\.\d+\.\d+)\] - (\d{4}-\d\d-\d\d)", heading).groups() for heading in released]
    assert versions[0][0] == compress.__version__
    assert versions == sorted(versions, key=lambda each: tuple(map(int, each[0].split("."))), reverse=True)
    kinds = {"Added", "Changed", "Deprecated", "Removed", "Fixed", "Security"}  # of Keep a Changelog
    assert set(re.findall(r"^### (.*)$", text, re.MULTILINE)) <= kinds


def test_the_hosted_workflow_calls_what_is_run_here():
    workflow = yaml.safe_load((ROOT / ".github/workflows/ci.yml").read_text())
    assert workflow["permissions"] == {"contents": "read"}
    jobs = workflow["jobs"]
    commands = {name: [step["run"] for step in job["steps"] if "run" in step] for name, job in jobs.items()}
    assert commands["everything"][-1] == ".ci/run" and (ROOT / ".ci/run").stat().st_mode & 0o100
    config = configparser.ConfigParser()
    config.read(ROOT / "setup.cfg")
    known = re.findall(r"Python :: (3\.\d+)", config["metadata"]["classifiers"])
    assert jobs["installed"]["strategy"]["matrix"]["python"] == known
    (setup,) = (step for step in jobs["everything"]["steps"] if "setup-python" in step.get("uses", ""))
    assert setup["with"]["python-version"].split() == known
    (target,) = re.findall(r"^make ([\w-]+)", commands["installed"][0])
    assert re.search(rf"^{target}:", (ROOT / "Makefile").read_text(), re.MULTILINE)
    # the packages that .ci/run would install as root; GitHub's machines have a browser, and Ubuntu's chromium is a snap
    here, there = (
        set(re.search(r"--no-install-recommends ([\w -]+)", text)[1].split())
        for text in ((ROOT / ".ci/run").read_text(), commands["everything"][0])
    )
    assert here == there | {"chromium"}

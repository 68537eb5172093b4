"""Where CI says so, a skipped test fails; but for the reasons that it gives."""

import subprocess
import sys

import pytest

from tests.conftest import environment

SKIPPING = {
    "in a test": "def test(): pytest.skip('no sshd here')",
    "by a mark": "@pytest.mark.skipif(True, reason='no sshd here')\ndef test(): pass",
    "a whole file": "pytest.skip('no sshd here', allow_module_level=True)",
}


@pytest.mark.parametrize("text", SKIPPING.values(), ids=SKIPPING)
def test_skips(text, tmp_path):
    file = tmp_path / "test_it.py"
    file.write_text(f"import pytest\n{text}\n")
    words = [
        sys.executable,
        "-m",
        "pytest",
        "-p",
        "tests.conftest",
        "-p",
        "no:cacheprovider",
        "--rootdir",
        tmp_path,
        file,
    ]

    def run(**changes):
        done = subprocess.run(words, cwd=tmp_path, env={**environment(), **changes}, capture_output=True, text=True)
        return done.returncode, done.stdout

    assert run()[0] in (pytest.ExitCode.OK, pytest.ExitCode.NO_TESTS_COLLECTED)
    code, output = run(JETSLIM_NO_SKIPS="1", JETSLIM_MAY_SKIP="no emulator")
    assert code in (pytest.ExitCode.TESTS_FAILED, pytest.ExitCode.INTERRUPTED)
    assert "was not run, and should have been" in output and "no sshd here" in output
    code, _ = run(JETSLIM_NO_SKIPS="1", JETSLIM_MAY_SKIP="no emulator,no sshd")
    assert code in (pytest.ExitCode.OK, pytest.ExitCode.NO_TESTS_COLLECTED)

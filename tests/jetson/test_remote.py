"""`make jetson`: copy, run and fetch against a real sshd on this machine, cut off in the middle once."""

import hashlib
import json
import os
import shutil
import socket
import subprocess
import sys
import time
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SSHD = shutil.which("sshd", path=os.environ.get("PATH", "") + ":/usr/sbin")
needs_sshd = pytest.mark.skipif(
    SSHD is None or shutil.which("ssh") is None, reason="no sshd here: apt-get install openssh-server"
)


def key(path):
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", path], check=True)
    path.chmod(0o600)
    return path


class Server:
    """An sshd for this user alone, on a free port of the loopback."""

    def __init__(self, folder):
        self.folder, self.process = folder, None
        self.client, self.host_key = key(folder / "client"), key(folder / "host")
        shutil.copy(folder / "client.pub", folder / "authorized")
        (folder / "authorized").chmod(0o600)
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        (folder / "known").write_text(f"[127.0.0.1]:{self.port} {(folder / 'host.pub').read_text()}")
        self.start()

    def start(self):
        Path("/run/sshd").mkdir(exist_ok=True) if os.geteuid() == 0 else None
        (self.folder / "config").write_text("")
        options = {
            "Port": self.port, "ListenAddress": "127.0.0.1", "HostKey": self.host_key, "StrictModes": "no",
            "AuthorizedKeysFile": self.folder / "authorized", "PidFile": "none", "UsePAM": "no",
            "PasswordAuthentication": "no", "PermitRootLogin": "yes", "SetEnv": f"PATH={os.environ['PATH']}",
        }  # fmt: skip
        words = [word for name, value in options.items() for word in ("-o", f"{name}={value}")]
        self.process = subprocess.Popen(
            [SSHD, "-D", "-e", "-f", self.folder / "config", *words], stderr=subprocess.DEVNULL, start_new_session=True
        )
        for _ in range(100):
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", self.port)) == 0:
                    return
            time.sleep(0.05)
        raise RuntimeError("sshd does not answer")

    def stop(self):
        """The server and every connection."""
        found = [str(self.process.pid)]  # it gives each connection a session of its own: by parents, then
        for pid in found:
            found += subprocess.run(["pgrep", "-P", pid], text=True, stdout=subprocess.PIPE, check=False).stdout.split()
        subprocess.run(["kill", "-9", *found], check=False)
        self.process.wait()

    @property
    def options(self):
        return [
            f"--ssh={option}"
            for option in (
                "-F/dev/null", f"-p{self.port}", f"-i{self.client}", "-oBatchMode=yes", "-oStrictHostKeyChecking=yes",
                f"-oUserKnownHostsFile={self.folder / 'known'}", "-oIdentitiesOnly=yes",
            )
        ]  # fmt: skip


@pytest.fixture
def server(tmp_path):
    (tmp_path / "ssh").mkdir()
    server = Server(tmp_path / "ssh")
    yield server
    server.stop()


@pytest.fixture
def whole(bundle, pyz):
    """A bundle with the runner in it, as `make bundle` leaves it."""
    import hashlib

    shutil.copy(pyz, bundle)
    manifest = json.loads((bundle / "manifest.json").read_text())
    manifest["files"]["jetson.pyz"] = {
        "bytes": pyz.stat().st_size, "sha256": hashlib.sha256(pyz.read_bytes()).hexdigest(),
    }  # fmt: skip
    (bundle / "manifest.json").write_text(json.dumps(manifest))
    return bundle


def remote(server, bundle, tmp_path, *more):
    return [
        sys.executable, "-m", "jetson.host.remote", "127.0.0.1", bundle, *server.options,
        "--folder", tmp_path / "board folder", "--results", tmp_path / "results", "--python", sys.executable,
        "--benchmark", "--repetitions 1 --threads 1 --power-seconds 0", *more,
    ]  # fmt: skip


def call(words):
    return subprocess.run(words, text=True, capture_output=True, timeout=300, cwd=ROOT)


@needs_sshd
def test_copy_run_fetch_and_again(server, whole, tmp_path):
    done = call(remote(server, whole, tmp_path))
    assert done.returncode == 0, done.stderr
    assert "5 files were copied" in done.stdout
    assert "bundle       whole: model.tflite, teacher.tflite" in done.stdout
    (result,) = (tmp_path / "results").glob("*/toy-*.json")
    assert json.loads(result.read_text())["models"][0]["accuracy"]["metrics"]["top1"] == 0.9
    again = call(remote(server, whole, tmp_path))
    assert "0 files were copied" in again.stdout
    assert {path.name for path in tmp_path.iterdir()} == {"bundle", "board folder", "results", "ssh"}
    assert not list((tmp_path / "board folder").glob(".*"))


@needs_sshd
def test_the_times_of_single_operators_come_home(server, whole, tflite, tmp_path):
    entry = {"file": "0.tflite", "family": "A", "widths": "8", "copies": 2}
    with zipfile.ZipFile(whole / "operators.zip", "w") as archive:
        archive.writestr("0.tflite", tflite.read_bytes())
        archive.writestr("operators.json", json.dumps([entry]))
    content = (whole / "operators.zip").read_bytes()
    manifest = json.loads((whole / "manifest.json").read_text())
    manifest["files"]["operators.zip"] = {"bytes": len(content), "sha256": hashlib.sha256(content).hexdigest()}
    (whole / "manifest.json").write_text(json.dumps(manifest))
    done = call(remote(server, whole, tmp_path))
    assert done.returncode == 0, done.stderr
    (table,) = (tmp_path / "results").glob("*/operators/toy.json")
    assert f'kept: {table} (device = "{table}" of a narrow stage)' in done.stdout
    assert json.loads(table.read_text())["operators"]["A"]["8"] > 0


@needs_sshd
def test_cut_off_in_the_middle(server, whole, tmp_path):
    running = subprocess.Popen(
        remote(server, whole, tmp_path), text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=ROOT
    )
    for line in running.stdout:
        if line.startswith("copying teacher.tflite"):
            break
    server.stop()
    _, errors = running.communicate(timeout=60)
    assert running.returncode == 1
    assert "run the same command again to continue" in errors
    assert "Traceback" not in errors
    server.start()
    done = call(remote(server, whole, tmp_path))
    assert done.returncode == 0, done.stderr
    assert "5 files were copied" not in done.stdout


@needs_sshd
def test_a_damaged_copy_is_sent_again(server, whole, tmp_path):
    board = tmp_path / "board folder"
    shutil.copytree(whole, board)
    (board / "model.tflite").write_bytes(b"short")
    done = call(remote(server, whole, tmp_path))
    assert done.returncode == 0, done.stderr
    assert "copying model.tflite (1/1" in done.stdout


@needs_sshd
def test_a_model_that_cannot_be_measured_comes_home_as_such(server, whole, tmp_path):
    words = remote(server, whole, tmp_path)
    words[words.index("--benchmark") + 1] += " --timeout 0.001"
    done = call(words)
    assert done.returncode == 1
    (result,) = (tmp_path / "results").glob("*/toy-*.json")
    errors = json.loads(result.read_text())["models"][0]["latency"][0]["errors"]
    assert errors == ["did not finish within 0.001 s"]


@needs_sshd
@pytest.mark.parametrize("checking", ["yes", "no"])
def test_a_host_key_that_changed_stops_it(server, whole, tmp_path, checking):
    """Even where the user's settings would only warn of it."""
    other = key(tmp_path / "ssh" / "other")
    public = other.with_suffix(".pub").read_text()
    (tmp_path / "ssh" / "known").write_text(f"[127.0.0.1]:{server.port} {public}")
    words = [str(word).replace("Checking=yes", f"Checking={checking}") for word in remote(server, whole, tmp_path)]
    done = call(words)
    assert done.returncode == 1
    assert "the host key of 127.0.0.1 is not the one that ssh has stored" in done.stderr
    assert not (tmp_path / "board folder").exists()


@needs_sshd
def test_a_board_without_an_interpreter_is_not_ready(server, whole, tmp_path):
    done = call(remote(server, whole, tmp_path, "--python", "/usr/bin/false"))
    assert done.returncode == 1
    assert "127.0.0.1 is not ready" in done.stderr


@needs_sshd
@pytest.mark.slow
def test_without_an_interpreter_there_one_is_installed(server, whole, pyz, tmp_path):
    """Into a venv inside the bundle's folder, once. Takes a Python of 3.10 to 3.12 that ssh finds."""
    import hashlib

    manifest = json.loads((whole / "manifest.json").read_text())
    for source in pyz.parent.glob("requirements-*.txt"):
        shutil.copy(source, whole)
        content = source.read_bytes()
        manifest["files"][source.name] = {"bytes": len(content), "sha256": hashlib.sha256(content).hexdigest()}
    (whole / "manifest.json").write_text(json.dumps(manifest))
    words = remote(server, whole, tmp_path)
    at = words.index("--python")
    del words[at : at + 2]
    done = call(words)
    if "lacks python3.12" in done.stderr:
        pytest.skip("ssh finds no Python of 3.10 to 3.12 here")
    assert done.returncode == 0, done.stderr
    assert "installing requirements-jetpack7.txt into a venv of python3.1" in done.stdout
    assert (tmp_path / "board folder" / "venv" / "bin" / "python").exists()
    assert not list((tmp_path / "board folder").glob(".*"))
    assert "installing" not in call(words).stdout


def test_no_board_there(whole):
    words = [
        sys.executable,
        "-m",
        "jetson.host.remote",
        "127.0.0.1",
        whole,
        "--ssh=-p1",
        "--ssh=-F/dev/null",
    ]
    done = call(words)
    assert done.returncode == 1
    assert "Connection refused" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_bundle_that_is_not_there(tmp_path):
    done = call([sys.executable, "-m", "jetson.host.remote", "127.0.0.1", tmp_path / "none"])
    assert done.returncode == 1
    assert done.stderr.startswith("error: ")

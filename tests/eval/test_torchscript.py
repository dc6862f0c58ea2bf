"""TorchScript is a program: it runs where the operator allows that file, and then it can do nothing but compute."""

import hashlib
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from torch import nn

from eval import torchscript, torchscript_child
from eval.comparison.request import ComparisonRequest, check_request
from eval.run import main
from eval.torchscript import IsolatedNetwork, TorchScriptRefused, read_allowed

OTHERS = b"somebody's file."


class Attacker(nn.Module):
    """Gives mean colours, unless the first pixel asks for more: 1 overwrites a file, 2 makes one, 3 reads one."""

    def __init__(self, folder: str) -> None:
        super().__init__()
        self.folder = folder

    def forward(self, batch: torch.Tensor) -> torch.Tensor:
        what = int(batch[0, 0, 0, 0].item())
        if what == 1:
            return torch.from_file(self.folder + "/there", True, 16, dtype=torch.uint8).fill_(33).float()
        if what == 2:
            return torch.from_file(self.folder + "/made", True, 16, dtype=torch.uint8).fill_(33).float()
        if what == 3:
            return torch.from_file(self.folder + "/there", False, 16, dtype=torch.uint8).float()
        return batch.mean((2, 3))


def picture(what: int = 0) -> torch.Tensor:
    batch = torch.full((2, 3, 4, 4), 0.5)
    batch[0, 0, 0, 0] = what
    return batch


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    found = tmp_path_factory.mktemp("attacked")
    (found / "there").write_bytes(OTHERS)
    torch.jit.script(Attacker(str(found))).save(str(found / "attacker.pt"))
    return found


@pytest.fixture(scope="module")
def attacker(folder: Path) -> Iterator[IsolatedNetwork]:
    network = IsolatedNetwork((folder / "attacker.pt").read_bytes(), "attacker.pt")
    yield network


def test_it_computes_what_torch_computes(attacker: IsolatedNetwork) -> None:
    torch.testing.assert_close(attacker(picture()), picture().mean((2, 3)))


@pytest.mark.parametrize(("what", "action"), [(1, "overwrite"), (2, "make"), (3, "read")])
def test_it_touches_no_file(attacker: IsolatedNetwork, folder: Path, what: int, action: str) -> None:
    with pytest.raises(ValueError, match=r"cannot be run: .*unable to open file"):
        attacker(picture(what))
    assert ((folder / "there").read_bytes(), (folder / "made").exists()) == (OTHERS, False)


def test_the_same_network_would_write_in_our_own_process(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "there").write_bytes(OTHERS)
    torch.jit.script(Attacker(str(tmp_path)))(picture(1))
    assert (tmp_path / "there").read_bytes() == b"!" * 16


@pytest.mark.parametrize(
    "action",
    [
        "open({place!r} + '/there', 'r+b')",
        "open({place!r} + '/new', 'wb')",
        "open({place!r} + '/there', 'rb')",
        "os.open({place!r} + '/there', os.O_RDONLY | os.O_TRUNC)",
        "os.truncate({place!r} + '/there', 0)",
        "os.unlink({place!r} + '/there')",
        "os.rename({place!r} + '/there', {place!r} + '/moved')",
        "os.mkdir({place!r} + '/new')",
        "os.symlink('x', {place!r} + '/new')",
        "os.chmod({place!r} + '/there', 0)",
        "os.utime({place!r} + '/there', (0, 0))",
        "os.listdir({place!r})",
        "socket.socket(socket.AF_INET, socket.SOCK_STREAM)",
        "socket.socket(socket.AF_INET, socket.SOCK_DGRAM)",
        "socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)",
        "socket.socketpair()",
        "os.kill(os.getppid(), 0)",
        "os.execv(sys.executable, [sys.executable, '-c', ''])",
        "open('/proc/self/environ', 'rb')",
        "open('/etc/passwd', 'rb')",
    ],
)
def test_a_process_that_is_shut_in_can_do_nothing_outside(tmp_path: Path, action: str) -> None:
    (tmp_path / "there").write_bytes(OTHERS)
    program = (
        f"import sys, os, socket; sys.path.append({str(Path(torchscript_child.__file__).parent)!r})\n"
        "import torchscript_child as child\n"
        "child.shut_in(child._interpreter())\n"
        f"try: {action.format(place=str(tmp_path))}\n"
        "except OSError: os._exit(7)\n"
    )
    assert subprocess.run([sys.executable, "-I", "-c", program], timeout=120).returncode == 7
    assert [path.name for path in tmp_path.iterdir()] == ["there"]
    assert (tmp_path / "there").read_bytes() == OTHERS


def test_where_it_cannot_be_shut_in_nothing_is_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    poor = tmp_path / "child.py"
    poor.write_text(
        f"import sys; sys.path.append({str(Path(torchscript_child.__file__).parent)!r})\n"
        "import torchscript_child as child\n"
        "def shut_in(readable): raise child.CannotIsolateError('the kernel lacks Landlock')\n"
        "child.shut_in, child._warm_up = shut_in, lambda: None\n"
        "child.main()\n"
    )
    monkeypatch.setattr(torchscript, "_CHILD", poor)
    with pytest.raises(RuntimeError, match=r"this machine cannot do that \(the kernel lacks Landlock\)"):
        IsolatedNetwork(b"anything", "own.pt")


def test_its_process_ends_with_it(folder: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    waits = tmp_path / "child.py"
    waits.write_text('print(\'{"ready": true, "bytes": 0}\', flush=True)\nimport time; time.sleep(600)')
    monkeypatch.setattr(torchscript, "_CHILD", waits)
    network = IsolatedNetwork(b"", "own.pt")
    process = network._process
    del network
    assert process.wait(30) is not None


class TestAllowed:
    @pytest.fixture
    def file(self, tmp_path: Path) -> Path:
        (tmp_path / "own.pt").write_bytes(b"a network")
        return tmp_path / "own.pt"

    def test_nothing_is_allowed_unasked_and_the_message_says_how(self, file: Path) -> None:
        sha256 = hashlib.sha256(b"a network").hexdigest()
        with pytest.raises(TorchScriptRefused, match=f"STUDIO_TORCHSCRIPT={sha256}"):
            read_allowed(file)

    @pytest.mark.parametrize("how", ["sha256", "SHA256", "path"])
    def test_a_file_is_allowed_by_its_hash_or_its_path(
        self, file: Path, how: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        sha256 = hashlib.sha256(b"a network").hexdigest()
        named = {"sha256": sha256, "SHA256": sha256.upper(), "path": str(file)}[how]
        monkeypatch.setenv("STUDIO_TORCHSCRIPT", f"{'0' * 64}, {named}")
        assert read_allowed(file) == b"a network"

    def test_another_content_or_place_is_not(self, file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        sha256 = hashlib.sha256(b"a network").hexdigest()
        monkeypatch.setenv("STUDIO_TORCHSCRIPT", f"{sha256}, own.pt, {file.parent / 'else.pt'}")
        file.write_bytes(b"another network")
        with pytest.raises(TorchScriptRefused):
            read_allowed(file)

    @pytest.mark.parametrize("field", ["weights", "lpips"])
    def test_a_comparison_is_refused_before_it_starts(self, file: Path, field: str) -> None:
        fakes = {"a": file.parent}
        request = ComparisonRequest(real=file.parent, fakes=fakes, protocol="fd_own", **{field: file})
        with pytest.raises(TorchScriptRefused):
            check_request(request)

    def test_the_command_line_keeps_the_same_rule(
        self, file: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        there = str(file.parent)
        code = main(["--real", there, "--fake", f"a={there}", "--protocol", "fd_own", "--weights", str(file)])
        assert (code, "STUDIO_TORCHSCRIPT=" in capsys.readouterr().err) == (2, True)


def test_the_environment_of_the_server_is_not_passed_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tells = tmp_path / "child.py"
    tells.write_text(
        "import json, os\nprint(json.dumps({'error': ' '.join(os.environ), 'bytes': 0}), flush=True)"
    )
    monkeypatch.setattr(torchscript, "_CHILD", tells)
    monkeypatch.setenv("STUDIO_API_TOKEN", "0123456789abcdef")
    with pytest.raises(ValueError, match="cannot be run: ") as caught:
        IsolatedNetwork(b"", "own.pt")
    assert "STUDIO" not in str(caught.value)

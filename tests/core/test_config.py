"""Settings come from the environment and from nowhere else; a device is one that is there."""

from pathlib import Path

import pytest
import torch
from pydantic import SecretStr, ValidationError

from core.config import ROOT, Settings, pick_device, settings


@pytest.fixture(autouse=True)
def _empty_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in Settings.model_fields:
        monkeypatch.delenv(f"STUDIO_{name.upper()}", raising=False)


def test_defaults_lie_inside_the_repository() -> None:
    found = settings()
    assert (found.data, found.weights, found.asset_cache) == (
        ROOT / "data",
        ROOT / "weights",
        ROOT / "data" / "assets",
    )
    assert (found.device, found.runtime, found.assets) == ("auto", "auto", None)
    assert found.threads >= 1
    assert (found.database, found.api_token, found.allow_private_addresses) == (None, None, False)


def test_each_setting_is_read_from_its_variable(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    given = {
        "device": "cpu",
        "data": tmp_path / "d",
        "weights": tmp_path / "w",
        "assets": tmp_path,
        "cache": tmp_path / "c",
        "threads": 3,
        "runtime": "torch",
        "preload": True,
        "log_format": "json",
        "database": "postgresql://studio@db/library",
        "api_token": "0123456789abcdef",
        "allow_private_addresses": True,
        "open": True,
        "hosts": ("studio.example.org", "*.lan"),
        "roots": ("/srv/photos", "/srv/outputs"),
        "roles": tmp_path / "roles.yaml",
        "torchscript": ("/srv/networks/arcface.pt",),
        "upload_quota_mb": 50,
        "trainings_at_once": 3,
        "comparisons_at_once": 1,
        "stop_jobs_with_server": True,
    }
    (tmp_path / "roles.yaml").touch()
    assert given.keys() == Settings.model_fields.keys()
    for name, value in given.items():
        text = ", ".join(value) if isinstance(value, tuple) else str(value)
        monkeypatch.setenv(f"STUDIO_{name.upper()}", text)
    found = settings().model_dump()
    shown = {
        key: value.get_secret_value() if isinstance(value, SecretStr) else value
        for key, value in found.items()
    }
    assert shown == given


@pytest.mark.parametrize("root", ["/", "photos", "../photos"])
def test_a_root_is_a_full_path_of_a_folder(monkeypatch: pytest.MonkeyPatch, root: str) -> None:
    monkeypatch.setenv("STUDIO_ROOTS", root)
    with pytest.raises(ValidationError, match="full paths"):
        settings()


def test_secrets_are_not_printed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STUDIO_API_TOKEN", "0123456789abcdef")
    monkeypatch.setenv("STUDIO_DATABASE", "postgresql://studio:pa55@db/library")
    assert "0123456789abcdef" not in repr(settings())
    assert "pa55" not in repr(settings())


def test_a_secret_is_read_from_the_file_that_is_named(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "database").write_text("postgresql://studio:pa55@db/library\n")
    monkeypatch.setenv("STUDIO_DATABASE_FILE", str(tmp_path / "database"))
    found = settings().database
    assert found is not None
    assert found.get_secret_value() == "postgresql://studio:pa55@db/library"
    assert "pa55" not in repr(settings())
    monkeypatch.setenv("STUDIO_DATABASE", "postgresql://studio@db/other")
    with pytest.raises(ValueError, match="both set"):
        settings()


@pytest.mark.parametrize(
    ("content", "says"), [(None, "cannot be read"), ("", "is empty"), ("short", "at least 16")]
)
def test_a_secret_that_is_not_in_its_file_is_told_without_its_value(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, content: str | None, says: str
) -> None:
    if content is not None:
        (tmp_path / "token").write_text(content)
    monkeypatch.setenv("STUDIO_API_TOKEN_FILE", str(tmp_path / "token"))
    with pytest.raises(ValueError, match=says) as caught:
        settings()
    assert "input_value='short'" not in str(caught.value)


def test_each_setting_is_documented() -> None:
    rows = [
        line for line in (ROOT / "README.md").read_text("utf-8").splitlines() if line.startswith("| `STUDIO_")
    ]
    for name in Settings.model_fields:
        assert any(f"`STUDIO_{name.upper()}`" in row.partition(" | ")[0] for row in rows), name


def test_a_moved_data_folder_takes_the_fetched_files_along(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("STUDIO_DATA", str(tmp_path))
    assert settings().asset_cache == tmp_path / "assets"


def test_an_empty_variable_counts_as_unset(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STUDIO_THREADS", "")
    assert settings().threads >= 1


def test_an_unknown_name_is_refused_with_the_valid_ones(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STUDIO_DEVCE", "cpu")
    with pytest.raises(ValueError, match=r"STUDIO_DEVCE.*no such setting.*STUDIO_DEVICE"):
        settings()


def test_names_of_the_tests_are_let_through(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("STUDIO_SHARED", str(tmp_path))
    monkeypatch.setenv("STUDIO_REQUIRE_BROWSER", "1")
    assert settings().device == "auto"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("STUDIO_DEVICE", "gpu"),
        ("STUDIO_THREADS", "0"),
        ("STUDIO_THREADS", "many"),
        ("STUDIO_RUNTIME", "onnx"),
        ("STUDIO_LOG_FORMAT", "xml"),
        ("STUDIO_ASSETS", "/no/such/folder"),
        ("STUDIO_API_TOKEN", "short"),
        ("STUDIO_ALLOW_PRIVATE_ADDRESSES", "perhaps"),
    ],
)
def test_a_value_that_the_setting_does_not_take_is_refused(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(ValueError, match=name.removeprefix("STUDIO_").lower()):
        settings()


def test_settings_cannot_be_edited() -> None:
    with pytest.raises(ValidationError, match="frozen"):
        settings().threads = 5  # type: ignore[misc]


@pytest.mark.parametrize(
    ("has_cuda", "has_mps", "expected"),
    [(True, True, "cuda"), (False, True, "mps"), (False, False, "cpu")],
)
def test_auto_takes_cuda_then_mps_then_the_cpu(
    monkeypatch: pytest.MonkeyPatch, has_cuda: bool, has_mps: bool, expected: str
) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: has_cuda)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: has_mps)
    assert pick_device("auto").type == expected


def test_the_cpu_is_always_there() -> None:
    assert pick_device("cpu") == torch.device("cpu")


def test_a_numbered_gpu_must_be_among_those_present(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    assert pick_device("cuda:1") == torch.device("cuda", 1)
    with pytest.raises(ValueError, match="cuda:2"):
        pick_device("cuda:2")


@pytest.mark.parametrize("name", ["cuda", "mps"])
def test_a_named_device_that_is_absent_is_refused(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: False)
    with pytest.raises(ValueError, match=name):
        pick_device(name)


@pytest.mark.parametrize("name", ["", "gpu", "tpu:0", "meta"])
def test_a_name_that_is_no_device_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match=r"device"):
        pick_device(name)

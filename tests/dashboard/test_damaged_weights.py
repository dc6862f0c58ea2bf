"""Whatever is wrong with the weights, the Draw page says which file it is and what to do."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors import safe_open
from safetensors.numpy import load_file, save_file
from streamlit.testing.v1 import AppTest

from core.config import ROOT
from dashboard.shared import networks
from dashboard.views.draw import page as draw
from tests.core.tiny_pipeline import write_weights
from tests.dashboard.fake_page import drawn

BANK, ENCODER, GENERATOR = "face_bank", "sketch_autoencoder", "pix2pixhd"


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_weights(tmp_path_factory.mktemp("sound"))


@pytest.fixture
def weights(sound: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    folder = shutil.copytree(sound, tmp_path / "weights")
    monkeypatch.setenv("STUDIO_WEIGHTS", str(folder))
    monkeypatch.setenv("STUDIO_DATA", str(tmp_path / "data"))
    monkeypatch.setenv("STUDIO_RUNTIME", "torch")
    networks.forget()
    yield folder
    networks.forget()


@pytest.fixture
def open_page(weights: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[], AppTest]:
    monkeypatch.setattr(draw, "show_canvas", lambda *_: drawn())
    return lambda: AppTest.from_file(str(ROOT / "dashboard" / "app.py"), default_timeout=120).run()


def half(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def nothing(path: Path) -> None:
    path.write_bytes(b"")


def flipped_at_the_head(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[8:18] = bytes(byte ^ 0x5A for byte in data[8:18])  # behind the header's length
    path.write_bytes(data)


def flipped_inside(path: Path) -> None:
    """One bit of a weight, which stays finite."""
    data = bytearray(path.read_bytes())
    data[-2048] ^= 1
    path.write_bytes(data)


def rewritten(path: Path, change: Callable[[dict[str, Any]], dict[str, Any]]) -> None:
    """With other tensors, by a program that knows nothing of checksums."""
    with safe_open(path, framework="np") as file:
        metadata = {key: value for key, value in file.metadata().items() if key != "sha256"}
    save_file(change(load_file(path)), path, metadata=metadata)


def without_rows(path: Path) -> None:
    rewritten(path, lambda tensors: {**tensors, "latents": tensors["latents"][:0]})


def without_calibration(path: Path) -> None:
    rewritten(path, lambda tensors: {"latents": tensors["latents"], "sketches": tensors["sketches"]})


def with_nan(path: Path) -> None:
    def change(tensors: dict[str, Any]) -> dict[str, Any]:
        name = max(tensors, key=lambda key: tensors[key].size)
        return {**tensors, name: np.full_like(tensors[name], np.nan)}

    rewritten(path, change)


def of_another_kind(path: Path) -> None:
    other = path.with_name(f"{BANK}.safetensors")
    path.write_bytes((other if other != path else path.with_name(f"{GENERATOR}.safetensors")).read_bytes())


@pytest.mark.parametrize(
    ("name", "harm", "said"),
    [
        (BANK, Path.unlink, "is missing"),
        (ENCODER, Path.unlink, "is missing"),
        (GENERATOR, Path.unlink, "is missing"),
        *((name, harm, "is damaged") for name in (BANK, ENCODER, GENERATOR) for harm in
          (half, nothing, flipped_at_the_head, flipped_inside)),
        (BANK, without_rows, "holds at least one latent"),
        (BANK, without_calibration, "holds no 'residual_quantiles'"),
        (BANK, of_another_kind, "is not a face bank"),
        (ENCODER, of_another_kind, "Restore"),
        (GENERATOR, of_another_kind, "not a generator"),
        (GENERATOR, with_nan, "NaN"),
    ],
)  # fmt: skip
def test_the_page_names_the_file_and_the_next_step(
    weights: Path, open_page: Callable[[], AppTest], name: str, harm: Callable[[Path], None], said: str
) -> None:
    harm(weights / f"{name}.safetensors")
    app = open_page()
    assert not app.exception
    (error,) = app.error
    assert error.value.startswith("The studio cannot make photos yet.")
    assert name in error.value and said in error.value
    assert "estore" in error.value or "Check STUDIO_WEIGHTS" in error.value
    assert str(weights) not in error.value


def test_a_file_that_is_put_right_is_used_without_a_new_visit(
    weights: Path, sound: Path, open_page: Callable[[], AppTest]
) -> None:
    path = weights / f"{GENERATOR}.safetensors"
    half(path)
    app = open_page()
    assert app.error
    shutil.copy(sound / path.name, path)
    app.run()
    assert not app.error

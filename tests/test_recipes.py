"""The five recipes of CONTRIBUTING.md, followed in a copy of the sources: one file and one line each."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent

FILES = {
    "core/generators/toy.py": '''
"""Paint every sketch in one colour."""

from dataclasses import dataclass

from torch import Tensor, nn


@dataclass(frozen=True)
class ToyConfig:
    """One convolution of 8 channels."""

    input_nc: int = 1
    output_nc: int = 3
    width: int = 8
    multiple: int = 1


class Toy(nn.Module):
    """A generator of two layers."""

    family = "toy"

    def __init__(self, config: ToyConfig) -> None:
        super().__init__()
        self.config = config
        first, last = nn.Conv2d(config.input_nc, config.width, 1), nn.Conv2d(config.width, 3, 1)
        self.layers = nn.Sequential(first, last, nn.Tanh())

    def forward(self, sketch: Tensor) -> Tensor:
        """Paint (B, C, S, S) as (B, 3, S, S)."""
        return self.layers(sketch)
''',
    "eval/metrics/toy.py": '''
"""Measure the difference of the mean brightness."""

import numpy as np


def brightness(output: np.ndarray, true: np.ndarray) -> float:
    """Give the absolute difference of two photos' means in grey levels."""
    return abs(float(output.mean()) - float(true.mean()))
''',
    "curation/intake/imports_toy.py": '''
"""Import a dataset whose ``pictures.txt`` names one picture a line."""

from curation.intake.imports import dataset_item


def read_toy(folder, provenance):
    """List the named pictures."""
    names = (folder / "pictures.txt").read_text().split()
    return [dataset_item(folder, name, provenance) for name in names]
''',
    "dashboard/views/toy/__init__.py": "",
    "dashboard/views/toy/page.py": '''
"""Say hello."""

import streamlit as st


def show_page() -> None:
    """Show one sentence."""
    st.write("hello from a new page")
''',
}
LINES = {  # file: (after this text, new text)
    "core/models/families.py": [
        ("from core.generators.ugatit import", "from core.generators.toy import Toy, ToyConfig\n"),
        ("GENERATORS: dict", "    Toy.family: (Toy, ToyConfig),\n"),
    ],
    "eval/metrics/registry.py": [
        ("from eval.metrics.sketch_agreement import", "from eval.metrics.toy import brightness\n"),
        (
            "_ALL = (",
            '    Metric("brightness", "Brightness", "photos", False, brightness, bounds=(0, 255)),\n',
        ),
    ],
    "curation/intake/sources.py": [
        ("from curation.intake.imports_yolo import", "from curation.intake.imports_toy import read_toy\n"),
        ("IMPORTERS: dict", '    "toy": read_toy,\n'),
    ],
    "curation/rules.yaml": [
        (
            "rules:",
            "  - name: toy\n    title: Toy\n    column: yaw\n    direction: within\n    threshold: 3\n"
            "    slider: [0, 10, 1]\n    sentence: It is turned by {value:.0f}, of {threshold:.0f} at most.\n",
        ),
    ],
    "dashboard/app.py": [
        ("    from dashboard.views", "    from dashboard.views.toy import page as toy\n"),
        ("    pages = [", '        access.page(toy.show_page, "Toy", Role.GUEST),\n'),
    ],
}
SCRIPT = """
def main() -> None:
    import json, sys
    from pathlib import Path

    import numpy as np
    import torch

    here = Path(sys.argv[1])
    found = {}

    from core.checkpoints import load_model, save_model
    from core.generators.toy import Toy, ToyConfig
    from core.models.folder import generators, list_models

    weights = here / "toy-weights"
    weights.mkdir()
    save_model(weights / "toy.safetensors", Toy(ToyConfig()).eval(), provenance={"image_size": 64}, licence="none")
    photo = load_model(weights / "toy.safetensors")(torch.zeros(1, 1, 64, 64))
    (listed,) = list_models(weights, here / "no-models")
    found["generator"] = [list(photo.shape), generators(weights), listed.is_generator, listed.problem]

    from eval.comparison.request import ComparisonRequest
    from eval.metrics.registry import METRICS, metrics_of

    one = METRICS["brightness"]
    white, black = np.full((8, 8, 3), 255, np.uint8), np.zeros((8, 8, 3), np.uint8)
    found["metric"] = [one.compute(white, black), one in metrics_of("photos")]

    import pandas as pd
    from curation.library.records import MEASUREMENT_NAMES
    from curation.rules import Rules, judge_table

    good = {"status": "ok", "duplicate_best": True, "faces": 1, "eye_distance_px": 120, "yaw": 0.0, "pitch": 0,
            "roll_aligned": 0, "stretch": 1.0, "padding": 0}
    table = pd.DataFrame([good, good | {"yaw": 5.0}])
    for name in MEASUREMENT_NAMES:
        table[name] = table[name].astype(np.float32) if name in table else np.float32("nan")
    judged = judge_table(table, Rules.default())
    found["rule"] = [list(map(str, judged["verdict"])), str(judged["rule"].iloc[1])]

    from PIL import Image
    from curation.intake.sources import add_source
    from curation.library.library import Library

    folder = here / "toy-data"
    folder.mkdir()
    Image.fromarray(np.random.default_rng(0).integers(0, 255, (300, 300, 3), np.uint8)).save(folder / "a.png")
    (folder / "pictures.txt").write_text("a.png")
    library = Library.open(here / "toy-library")
    found["import"] = [answer.outcome for answer in add_source(library, folder, kind="toy", workers=1)]

    from streamlit.testing.v1 import AppTest

    app = AppTest.from_string(
        "import runpy\\nimport streamlit as st\\n"
        "navigation = st.navigation\\n"
        "toys = lambda pages: [page for page in pages if page.title == 'Toy']\\n"
        "st.navigation = lambda pages, **how: navigation(toys(pages), **how)\\n"
        "runpy.run_path('dashboard/app.py', run_name='__mp_main__')['show_pages']()",
        default_timeout=60,
    ).run()
    found["page"] = [element.value for element in [*app.markdown, *app.exception]]

    print(json.dumps(found))
"""


@pytest.fixture(scope="module")
def followed(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[object]]:
    """What each recipe led to, in a copy with the new files and lines."""
    copy = tmp_path_factory.mktemp("recipes") / "studio"
    for package in ("core", "curation", "eval", "dashboard"):
        shutil.copytree(
            ROOT / package, copy / package, ignore=shutil.ignore_patterns("__pycache__", "screenshots")
        )
    for name, text in FILES.items():
        path = copy / name
        path.parent.mkdir(exist_ok=True)
        assert not path.exists()
        path.write_text(text.lstrip("\n"), encoding="utf-8")
    for name, additions in LINES.items():
        text = (copy / name).read_text(encoding="utf-8")
        for after, line in additions:
            start = text.index(after)
            # A new import goes before the one that is named, anything else below the line.
            place = start if line.lstrip().startswith("from ") else text.index("\n", start) + 1
            text = text[:place] + line + text[place:]
        (copy / name).write_text(text, encoding="utf-8")
    (copy / "follow.py").write_text(SCRIPT, encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "-c", "import follow; follow.main()", str(copy)],
        cwd=copy, capture_output=True, text=True, timeout=300, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    found: dict[str, list[object]] = json.loads(done.stdout.strip().splitlines()[-1])
    return found


def test_a_generator_is_one_file_and_one_line(followed: dict[str, list[object]]) -> None:
    assert followed["generator"] == [[1, 3, 64, 64], ["toy"], True, ""]


def test_a_metric_is_one_file_and_one_line(followed: dict[str, list[object]]) -> None:
    assert followed["metric"] == [255.0, True]


def test_a_rule_is_one_entry(followed: dict[str, list[object]]) -> None:
    assert followed["rule"] == [["keep", "reject"], "toy"]


def test_an_import_format_is_one_file_and_one_line(followed: dict[str, list[object]]) -> None:
    assert followed["import"] == ["added"]


def test_a_page_is_one_folder_and_one_line(followed: dict[str, list[object]]) -> None:
    assert followed["page"] == ["hello from a new page"]

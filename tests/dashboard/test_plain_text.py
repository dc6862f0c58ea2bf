"""What people typed is shown as text on every page, never as Markdown."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from core.errors import AssetMissing
from core.models.conventions import Conventions
from curation.library.library import Library
from curation.library.records import Provenance
from dashboard.shared import networks
from dashboard.shared.plain_text import as_code, as_text
from dashboard.shared.uploads import staged_files
from dashboard.views.compare.result import ABOUT, TWINS
from dashboard.views.draw.start import take_upload
from eval.comparison import comparison_store
from eval.comparison.request import ComparisonRequest, write_request
from eval.comparison.result import LeftOut, write_comparison
from tests.dashboard.comparison_example import example_comparison
from tests.dashboard.fake_page import FakePipeline, Page, drawn
from tests.dashboard.review_library import fill_library, original_of
from tests.dashboard.test_models_page import put

HOSTILE = (
    "![p](http://evil.example/p.png) [Sign in](https://evil.example) <b>x</b> :red[r] :material/key: "
    "$m$ `c` **b** www.evil.example a@evil.example"
)
SIGN = "evil"
# Where Streamlit takes text as it is; everywhere else it takes Markdown.
PLAIN = frozenset({
    "html", "code", "text", "selectbox", "multiselect", "text_input", "text_area", "dataframe", "table", "json",
    "vega_lite_chart", "bidi_component",
})  # fmt: skip


def strings(message: Any) -> Iterator[str]:
    """Every text in a message to the browser, to any depth."""
    for field, value in message.ListFields():
        for one in value if field.is_repeated else [value]:
            if field.type == field.TYPE_MESSAGE:
                yield from strings(one) if hasattr(one, "ListFields") else ()
            elif isinstance(one, str):
                yield one


def shown(node: Any) -> Iterator[tuple[str, str]]:
    """Type and text of everything on a page."""
    if (proto := getattr(node, "proto", None)) is not None:
        yield from ((node.type, text) for text in strings(proto))
    for child in getattr(node, "children", {}).values():
        yield from shown(child)


def check(app: AppTest) -> list[str]:
    """Texts that hold what was planted; fails where Markdown would be made of one."""
    assert not app.exception
    assert not [text for kind, text in shown(app._tree) if kind == "html" and "<b>x" in text]
    found = [text for kind, text in shown(app._tree) if SIGN in text and kind not in PLAIN]
    for text in found:
        outside_code = re.sub(r"(`+).*?\1", "", re.sub(r"\\`", "", text))
        assert not re.search(
            r"(?<!\\)\]\(|://evil|(?<!\\)<b>|:red\[|(?<!\\)\$m|www\.|:material/key", outside_code
        ), text
    return found


@pytest.fixture
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "weights").mkdir()
    monkeypatch.setenv("STUDIO_DATA", str(tmp_path))
    monkeypatch.setenv("STUDIO_WEIGHTS", str(tmp_path / "weights"))
    monkeypatch.setattr(comparison_store, "shipped", lambda: None)
    return tmp_path


def page(name: str, **query: str) -> AppTest:
    app = AppTest.from_string(
        f"from dashboard.views.{name} import page\npage.show_page()", default_timeout=120
    )
    for key, value in query.items():
        app.query_params[key] = value
    return app.run()


@pytest.fixture
def library_of_strangers(data: Path) -> Path:
    """A library in which names, sources, labels, reviewers, rules and the messages of jobs are hostile."""
    root = data / "library"
    ids = fill_library(root, 6)
    with Library.open(root) as library:
        where = Provenance(HOSTILE, HOSTILE, page=HOSTILE, licence=HOSTILE, author=HOSTILE, uploader=HOSTILE)
        picture = original_of(90)
        library.add(picture, where)
        library.save_examinations([replace(library.examinations(ids[:1])[ids[0]], image_id=picture.id)])
        library.decide([picture.id], "keep", reviewer=HOSTILE[:60], add_labels=[HOSTILE[:40]])
        library.decide([picture.id], "reject", reviewer="ann")
        rules = library.rules()
        hostile = tuple(replace(rule, title=HOSTILE, unit=HOSTILE[:20]) for rule in rules.rules)
        library.set_rules(replace(rules, rules=hostile), HOSTILE[:60])
    (root / "jobs").mkdir(exist_ok=True)
    for kind in ("add", "judge", "split"):
        records = root / "jobs" / f"20261122-210405-000000-{kind}"
        about = {"kind": kind, "arguments": ["--source", HOSTILE], "started": "2026-11-22T21:04:05Z"}
        records.with_suffix(".json").write_text(json.dumps(about))
        end = {"state": "failed", "ended": "2026-11-22T21:04:06Z", "message": HOSTILE}
        records.with_suffix(".end.json").write_text(json.dumps(end))
        answer = {"name": HOSTILE, "outcome": "refused", "sentence": HOSTILE}
        records.with_suffix(".out").write_text(json.dumps(answer) + "\n")
    return root


@pytest.mark.parametrize(
    ("name", "query", "is_said"),
    [
        ("collect", {}, True),
        ("rules", {}, True),
        ("overview", {}, False),  # in charts alone, which take text
        ("review", {}, False),
        ("review", dict.fromkeys(("q", "source", "label", "reviewer", "rule", "who"), HOSTILE), True),
    ],
)
def test_what_strangers_wrote_into_the_library_is_text(
    library_of_strangers: Path, name: str, query: dict[str, str], is_said: bool
) -> None:
    assert library_of_strangers.is_dir()
    found = check(page(name, **query))
    assert bool(found) == is_said


def test_the_note_and_author_of_a_version_are_text(data: Path) -> None:
    fill_library(data / "library", 3)
    with Library.open(data / "library") as library:
        library.freeze("v1", who=HOSTILE[:60], note=HOSTILE)
    assert any("Sign in" in text for text in check(page("export")))


def test_the_title_models_and_sets_of_a_comparison_are_text(data: Path) -> None:
    made = example_comparison()
    left_out = (LeftOut(name=HOSTILE, reason=HOSTILE),)
    real = made.real.model_copy(update={"name": HOSTILE, "source": HOSTILE, "left_out": left_out})
    models = (made.models[0].model_copy(update={"name": HOSTILE}), *made.models[1:])
    folder = comparison_store.root_of(data) / "20261122-210405-aaaaaa"
    write_comparison(folder, made.model_copy(update={"title": HOSTILE, "real": real, "models": models}))
    write_request(folder, ComparisonRequest(title=HOSTILE, real=folder, fakes={HOSTILE: folder}))
    check(page("compare"))
    app = page("compare", result=folder.name)
    check(app)
    for section in (TWINS, ABOUT):
        check(app.segmented_control(key=f"compare_section_{folder.name}").set_value(section).run())
    assert check(page("compare", new="1", of=folder.name))


@pytest.mark.parametrize("state", ["failed", "cancelled"])
def test_the_message_of_a_comparison_that_failed_is_text(data: Path, state: str) -> None:
    folder = comparison_store.root_of(data) / "20261122-210405-aaaaaa"
    write_request(folder, ComparisonRequest(title=HOSTILE, real=folder, fakes={HOSTILE: folder}))
    assert check(page("compare", result=folder.name))


def test_the_provenance_of_a_model_is_text(data: Path) -> None:
    from core.checkpoints import save_model
    from core.generators.cyclegan import CycleGANConfig, ResnetTranslator

    put(data / "weights" / "shipped.safetensors")
    (data / "models").mkdir()
    network = ResnetTranslator(CycleGANConfig(input_nc=3, ngf=4, n_blocks=1))
    path = data / "models" / "mine.safetensors"
    told = {"note": HOSTILE, HOSTILE: HOSTILE}
    save_model(path, network, provenance=told, licence=HOSTILE, conventions=Conventions(32, 3))
    app = page("models")
    check(app)
    assert check(app.button(key="open_mine").click().run())


def test_what_a_run_says_is_text(data: Path) -> None:
    folder = data / "runs" / "r"
    folder.mkdir(parents=True)
    (folder / "config.yaml").write_text("loop: {steps: 4}\n")
    (folder / "run.json").write_text(json.dumps({"kind": "pix2pixhd", "who": HOSTILE, "message": HOSTILE}))
    check(page("train", run="r"))


def name_model(page: Page) -> None:
    page.choose(generator=HOSTILE)


def name_broken_model(page: Page) -> None:
    page.pipeline.broken = (HOSTILE,)
    networks.forget()
    page.choose(generator=HOSTILE, t=0.1)


def miss_weights(page: Page) -> None:
    page.pipeline.error = AssetMissing(f"/srv/{HOSTILE} is missing.")
    networks.forget()
    page.draw(drawn(3))


def damage_weights(page: Page) -> None:
    page.pipeline.error = networks.NetworksDamaged(f"{HOSTILE} is damaged.")
    networks.forget()
    page.draw(drawn(3))


def upload_what_is_no_picture(page: Page) -> None:
    page.session.upload_error = take_upload(page.session, b"no picture", "drawing.[evil](x)")
    page.app.run()


def upload_too_much(page: Page) -> None:
    large = SimpleNamespace(name=HOSTILE, size=10**9, file_id="1", getvalue=lambda: b"")
    page.session.upload_error = staged_files([large], limit_mb=1)[1][0]
    page.app.run()


def name_training_face(page: Page) -> None:
    page.pipeline.face = HOSTILE
    page.draw(drawn(3))


@pytest.mark.parametrize(
    ("do", "where"),
    [
        (name_model, {"popover", "bidi_component"}),  # the button; labels of Recent and of the comparison
        (name_broken_model, {"toast", "bidi_component"}),
        (miss_weights, {"error"}),
        (damage_weights, {"error"}),
        (upload_what_is_no_picture, {"error"}),
        (upload_too_much, {"error"}),
        (name_training_face, {"html"}),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_what_models_and_files_are_called_is_text_on_draw(
    open_page: Callable[[], Page], pipeline: FakePipeline, do: Callable[[Page], None], where: set[str]
) -> None:
    pipeline.generators = ["pix2pixhd", HOSTILE]
    page = open_page()
    page.draw(drawn())
    page.app.button(key="compare").click().run()
    do(page)
    check(page.app)
    assert {kind for kind, text in shown(page.app._tree) if SIGN in text} >= where


def test_a_typed_path_comes_back_as_text(data: Path) -> None:
    app = page("compare", new="1")
    check(app.text_input(key="compare_real_source_new_path").set_value(f"/{HOSTILE}").run())


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            "plain words, with (brackets): 50 % of a_b_c.png",
            "plain words, with (brackets): 50 % of a_b_c.png",
        ),
        ("표준_v1 Straße", "표준_v1 Straße"),
        ("a\nb\t c", "a b c"),
        ("# head", "\\# head"),
        ("1. one", "1\\. one"),
        ("- item", "\\- item"),
        ("_x_ *y* `z`", "\\_x\\_ \\*y\\* \\`z\\`"),
        ("__u__ a_b", "\\_\\_u\\_\\_ a_b"),
        ("[a](b)", "\\[a\\](b)"),
        ("<b>&amp;|$", "\\<b\\>\\&amp;\\|\\$"),
        ("http://x", "http:\u2060//x"),
        (":smile:", ":\u2060smile:"),
        ("a->b--c", "a-\u2060\\>b-\u2060-c"),
        ("", ""),
        ("pho\udce9tos", "pho\\\\udce9tos"),  # a file's name that is no UTF-8
    ],
)
def test_only_what_means_something_is_escaped(text: str, expected: str) -> None:
    assert as_text(text) == expected


def test_long_text_is_cut() -> None:
    assert as_text("x" * 600, 500) == "x" * 499 + "…"


@pytest.mark.parametrize(
    ("text", "expected"), [("/a/b", "`/a/b`"), ("a`b``c", "``` a`b``c ```"), ("/\udce9", "`/\\udce9`")]
)
def test_code_keeps_backticks_inside(text: str, expected: str) -> None:
    assert as_code(text) == expected

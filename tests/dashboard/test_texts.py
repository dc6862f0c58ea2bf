"""Every text of every page reaches the visitor's language: shown with a language that sets all texts in brackets."""

from __future__ import annotations

import copy
import dataclasses
import html
import io
import json
import re
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import streamlit as st
from babel.messages.catalog import Catalog
from google.protobuf.json_format import MessageToDict
from PIL import Image
from starlette.datastructures import Headers
from streamlit.testing.v1 import AppTest

from core.checkpoint_import.reading import read_checkpoint
from core.processes.jobs import Job
from core.safe_zip import list_entries
from core.scan_cleanup import drawing_from_picture
from curation.intake.picture import check_picture
from curation.intake.url_lists import read_url_list
from curation.rules import Rule, Rules
from dashboard.shared import texts
from dashboard.shared.jobs import read_report
from dashboard.shared.plain_text import as_text
from dashboard.views.train.formatting import sentence_of
from eval.comparison import comparison_store
from tests.dashboard.fake_page import Page, drawn
from tests.dashboard.review_library import fill_library
from tests.dashboard.test_train_page import RUN
from tests.event_loop import wait_for

CATALOGUES = sorted(texts.LOCALE.glob(f"*/{texts.FILE}"))
SHOWN = {
    "body", "label", "help", "placeholder", "options", "captions", "caption", "alt", "title", "name", "spec",
    "htmlContent", "text", "content", "legend",
}  # fmt: skip
NO_TEXTS = re.compile(
    r"<style>.*?</style>|<script>.*?</script>|<svg.*?</svg>|:material/\w+:|data:[^\"')\s]+|&\w+;|`[^`]*`",
    re.DOTALL,
)
ATTRIBUTE = re.compile(r"""\b(?:title|alt|aria-label|placeholder)=(?:"([^"]*)"|'([^']*)')""")


@pytest.fixture(scope="module")
def collected() -> Catalog:
    """Every text of the code; it takes two seconds to read."""
    return texts.collect()


@pytest.fixture(scope="module")
def brackets(collected: Catalog) -> bytes:
    catalogue = copy.deepcopy(collected)
    for message in catalogue:
        if message.id:
            several = isinstance(message.id, tuple)
            message.string = tuple(f"⟦{one}⟧" for one in message.id) if several else f"⟦{message.id}⟧"
    catalogue.locale = "eo"
    return texts.as_po(catalogue)


@pytest.fixture
def bracketed(brackets: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A studio that has one more language, Esperanto, in which every text is the English one in brackets."""
    path = tmp_path / "locale" / "eo" / texts.FILE
    path.parent.mkdir(parents=True)
    path.write_bytes(brackets)
    monkeypatch.setattr(texts, "LOCALE", tmp_path / "locale")
    for known in (texts._negotiated, texts._compiled):
        known.cache_clear()
    yield
    for known in (texts._negotiated, texts._compiled):
        known.cache_clear()


def strings(value: Any, key: str = "") -> Iterator[str]:
    """What people read of an element, as its message to the browser has it."""
    if isinstance(value, dict):
        for name, part in value.items():
            yield from strings(part, name)
    elif isinstance(value, list):
        for part in value:
            yield from strings(part, key)
    elif isinstance(value, str) and key in SHOWN:
        if key == "spec":
            yield from strings(json.loads(value))
        else:
            yield value


def elements(block: Any) -> Iterator[Any]:
    for child in block.children.values():
        if hasattr(child, "children"):
            yield from elements(child)
        yield child


def english_left(app: AppTest) -> set[str]:
    """Words outside of brackets."""
    left = set()
    for element in elements(app._tree):
        proto = getattr(element, "proto", None)
        for text in strings(MessageToDict(proto)) if proto is not None else ():
            text = NO_TEXTS.sub(" ", text)
            while text != (text := re.sub("⟦[^⟦⟧]*⟧", "", text)):
                pass
            read = [*ATTRIBUTE.findall(text), *re.split(r"<[^>]*>", text)]
            for part in ("".join(one) if isinstance(one, tuple) else one for one in read):
                part = html.unescape(part)
                if re.search(r"[^\W\d_]{2}", part):
                    left.add(" ".join(part.split()))
    return left


def show(page: str, **query: str) -> AppTest:
    app = AppTest.from_string(
        f"from dashboard.views.{page} import page\npage.show_page()", default_timeout=120
    )
    app.context["locale"] = "eo"
    for name, value in query.items():
        app.query_params[name] = value
    app.run()
    assert not app.exception
    return app


def test_the_english_catalogue_has_every_text_of_the_code(collected: Catalog) -> None:
    written = (texts.LOCALE / texts.ENGLISH / texts.FILE).read_bytes()
    assert texts.as_po(collected) == written, "Run: make texts"


@pytest.mark.parametrize("path", CATALOGUES, ids=lambda path: path.parent.parent.name)
def test_translations_keep_names_in_braces_tags_and_code(path: Path) -> None:
    for message in texts._read(path):
        ids, translations = forms(message.id), forms(message.string)
        assert not message.fuzzy, f"Look over the translation of {message.id!r} and take its fuzzy mark off"
        for translated in filter(None, translations if message.id else ()):
            assert kept(translated) in [kept(one) for one in ids], message.id


# What no text says, and what it says instead; CONTRIBUTING.md tells what each word means.
NOT_SAID = {
    r"(?i)frechet": "Fréchet",
    r"(?i)\b(learnt|spelt|burnt)\b": "learned, spelled, burned",
    r"(?i)\b(colors?|colored|grays?|centers?|behaviors?|neighbors?|labele[dr]s?|labeling|canceled|licenses?|catalogs?)\b":
        "colour, grey, centre, behaviour, neighbour, labelled, cancelled, licence, catalogue",
    r"(?i)\b(analy|memori|normali|recogni|organi|minimi|maximi|visuali)z": "-ise, -yse",
    r"(?i)\bdata[ -]sets?\b": "dataset",
    r"(?i)\bcheck[ -]points?\b": "checkpoint",
    r"(?i)\bnear[ -]duplicat": "duplicate",
    r"(?i)\blog ?(in|on|out)\b": "sign in, sign out",
    r"\b(cyclegan|pix2pixhd|ugatit|[a-z]+_(cast|yaw|px|distance))\b": "the title: CycleGAN, colour cast",
}  # fmt: skip
NOT_SAID_THERE = {
    ("compare", "export", "models", "rules", "train"): (r"(?i)\bpictures?\b", "image"),
    ("compare", "models", "train"): (r"(?i)^remove( it)?$", "Delete, of what is gone for good"),
}


def test_one_thing_has_one_name(collected: Catalog) -> None:
    wrong = []
    for message in collected:
        pages = {place.split("/")[2] for place, _line in message.locations if "/views/" in place}
        mine = [rule for where, rule in NOT_SAID_THERE.items() if pages and pages <= set(where)]
        for text in forms(message.id):
            said = re.sub("`[^`]*`", "", text)
            wrong += [
                (text, f"say {good}") for bad, good in (*NOT_SAID.items(), *mine) if re.search(bad, said)
            ]
    assert not wrong


def forms(text: str | Sequence[str]) -> Sequence[str]:
    return [text] if isinstance(text, str) else text


def kept(text: str) -> list[str]:
    """What a translation takes over as it is: ``{name:,}``, tags, entities and code."""
    return sorted(re.findall(r"\{[^{}]*\}|</?\w[^>]*>|&\w+;|`[^`]*`", text))


@pytest.mark.parametrize("language", ["ko"])
def test_a_language_that_we_ship_is_all_but_complete(language: str, collected: Catalog) -> None:
    """Two in a hundred may be missing, so that a new text of somebody who does not write it stops nobody."""
    catalogue = texts._read(texts.LOCALE / language / texts.FILE)
    wanted = {message.id: message for message in collected if message.id}
    missing = [one for one in wanted if (found := catalogue.get(one)) is None or not all(forms(found.string))]
    assert len(missing) <= 0.02 * len(wanted), f"Translate, after make texts: {missing}"


@pytest.mark.parametrize(
    ("suffix", "asset", "expected"),
    [
        (".html", '<b title="Pen (B)">Pen</b>', '<b title="&lt;&quot;Pen (B)">&lt;&quot;Pen</b>'),
        (".js", 'say(_("Pen {n}", { n }), row_("Pen"))', 'say(_("<\\"Pen {n}", { n }), row_("Pen"))'),
        (".css", 'b { content: "not here"; } i { content: ""; }', 'b { content: "<\\"not here"; } i { content: ""; }'),
    ],
)  # fmt: skip
def test_texts_of_an_asset_are_replaced_and_stay_texts(suffix: str, asset: str, expected: str) -> None:
    assert texts.translate_asset(asset, suffix, lambda text: f'<"{text}') == expected


def test_the_browsers_language_is_taken_where_there_is_a_catalogue(bracketed: None) -> None:
    found = [texts._negotiated(tag) for tag in ("eo", "eo-FR", "fr-FR", "")]
    assert found == ["eo", "eo", "en", "en"]
    assert texts._catalogue("eo-A1") is texts._catalogue(
        "eo-A2"
    )  # not read anew for whatever a browser prefers


def switching() -> AppTest:
    """A page in a browser that prefers English."""
    app = AppTest.from_string(
        "import streamlit as st\nfrom dashboard.shared import texts\n"
        "texts.show_language_menu()\nst.text(texts._('Sign out'))\nst.button('again')",
        default_timeout=60,
    )
    app.context["locale"] = "en-US"
    return app


def test_a_language_is_chosen_by_its_own_name_and_kept(bracketed: None) -> None:
    app = switching().run()
    menu = app.menu_button[0]
    assert (menu.label, menu.options, app.text[0].value) == ("English", ["English", "Esperanto"], "Sign out")
    menu.click("eo").run()
    app.button[0].click().run()
    assert (app.menu_button[0].label, app.text[0].value) == ("Esperanto", "⟦Sign out⟧")
    assert f'document.cookie = "{texts.COOKIE}=eo;' in app.get("html")[0].value


@pytest.mark.parametrize(("cookie", "expected"), [("eo", "⟦Sign out⟧"), ("xx", "Sign out")])
def test_the_language_chosen_earlier_comes_before_the_browsers(
    cookie: str, expected: str, bracketed: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(type(st.context), "cookies", {texts.COOKIE: cookie})
    assert switching().run().text[0].value == expected


@pytest.mark.parametrize("headers", [{"accept-language": "eo-FR,en;q=0.8"}, {"cookie": f"{texts.COOKIE}=eo"}])
def test_a_request_without_a_page_is_answered_in_its_language(
    headers: dict[str, str], bracketed: None
) -> None:
    async def app(scope: object, receive: object, send: object) -> None:
        found.append(texts._("Sign out"))

    found: list[str] = []
    scope = {"type": "http", "headers": Headers(headers).raw}
    wait_for(texts.RequestLanguage(app), scope, None, None)
    assert found == ["⟦Sign out⟧"]


def test_the_form_that_counts_is_chosen(bracketed: None, monkeypatch: pytest.MonkeyPatch) -> None:
    assert [texts.ngettext("{n:,} face", "{n:,} faces", n) for n in (1, 2000)] == ["1 face", "2,000 faces"]
    monkeypatch.setattr(texts, "_preferred_language", lambda: "eo")
    assert [texts.ngettext("{n:,} face", "{n:,} faces", n) for n in (1, 2000)] == [
        "⟦1 face⟧",
        "⟦2,000 faces⟧",
    ]


# What stays as it is: ids, names of files, models, sources and languages, addresses, YAML, units, steps of a timing.
DATA = re.compile(
    r"(· )?[a-z0-9_.:*/-]+( \(\d+\))?|https://…|loss: \{.*\}|\d+ ms|encode \d+ ms, .* ms|Pix2PixHD|U-GAT-IT"
    r"|English|Esperanto"
)


@pytest.mark.parametrize(
    "page", ["collect", "review", "rules", "overview", "export", "train", "compare", "audit"]
)
def test_every_text_of_a_page_is_translated(
    page: str, bracketed: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("STUDIO_DATA", str(tmp_path))
    monkeypatch.setattr(comparison_store, "shipped", lambda: None)
    if page in ("review", "rules", "overview", "export"):
        fill_library(tmp_path / "library", 6)
    assert {text for text in english_left(show(page)) if not DATA.fullmatch(text)} == set()


def test_every_text_of_the_draw_page_is_translated(
    bracketed: None, open_page: Callable[[], Page], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(texts, "_preferred_language", lambda: "eo")
    page = open_page()
    left = english_left(page.app) | english_left(page.draw(drawn()))
    assert {text for text in left if not DATA.fullmatch(text)} == set()


@pytest.fixture
def korean(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(texts, "_preferred_language", lambda: "ko")


@pytest.mark.parametrize(
    ("english", "expected"),
    [
        ("a or b", "a or b"),  # nobody's sentence
        ("Tom and Jerry.zip does not exist. Name a folder of pictures or a zip file.",
         "Tom and Jerry.zip: 없습니다. 이미지 폴더나 zip 파일을 지정하십시오."),
        ("/a is damaged (It is a link that leads nowhere.). Start the comparison anew.",
         "/a: 손상되었습니다(가리키는 곳이 없는 링크입니다.). 비교를 새로 시작하십시오."),
        ("Tie by Recall: a, b and c cannot be told apart with this many images. Beware: few images, two distances "
         "disagree.", "재현율 기준 동률: a, b, c 사이의 우열을 가릴 수 없습니다. 지금의 이미지 수로는 부족합니다. "
         "주의: 적은 이미지 수, 두 거리의 결론이 다름."),
        ("yaw_3: 4 against 5.", "yaw_3: 4, 임계값 5."),
        ("The drawing is blank. Nobody knows this one.", "그림이 비어 있습니다. Nobody knows this one."),
    ],
)  # fmt: skip
def test_a_sentence_of_another_package_or_process_is_known_again(
    english: str, expected: str, korean: None
) -> None:
    assert texts.translate_sentence(ValueError(english)) == expected


@pytest.mark.parametrize("rule", Rules.default().rules, ids=lambda rule: rule.name)
def test_why_a_rule_rejects_is_translated(rule: Rule, korean: None) -> None:
    said = texts.translate_sentence(rule.explain(-0.31))
    assert not re.search("[A-Za-z]{3}", said)


ENGLISH_SENTENCE = re.compile(r"(?:[A-Za-z][a-z',]+ ){3}[a-z']{2,}")


def test_conclusions_and_reservations_of_a_comparison_are_read_in_korean(
    korean: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("STUDIO_DATA", str(tmp_path))
    read = [NO_TEXTS.sub(" ", text) for one in elements(show("compare")._tree) if (proto := getattr(one, "proto", None))
            is not None for text in strings(MessageToDict(proto))]  # fmt: skip
    assert "쪽이 우수합니다" in " ".join(read)
    assert [text for text in read if ENGLISH_SENTENCE.search(text)] == []


def png(size: tuple[int, int]) -> bytes:
    buffer = io.BytesIO()
    Image.new("L", size, 255).save(buffer, "PNG")
    return buffer.getvalue()


WEB_PAGE = b"<!DOCTYPE html><html><body>Sign in</body></html>" * 20


@pytest.mark.parametrize(
    ("refused", "expected"),
    [
        (lambda _: check_picture(b"%PDF-1.7" + bytes(500)), "PDF 문서입니다."),
        (lambda _: check_picture(png((8, 8))), "8 x 8픽셀입니다."),
        (lambda _: read_url_list(b"a,b\n1,2\n"), "목록에 'url' 열이 없습니다."),
        (lambda _: list_entries(io.BytesIO(b"PK" + bytes(100)), max_entries=9), "온전한 zip 파일이 아닙니다."),
        (lambda _: drawing_from_picture(np.full((64, 64, 3), 255, np.uint8)), "이 이미지에서 그린 선을 찾지"),
        (lambda folder: read_checkpoint(folder / "net.pth"), "net.pth: 웹 페이지입니다."),
        (lambda _: Rules.from_yaml("rules: []\nmore: 1"), "key more: 알 수 없는 이름입니다."),
    ],
)  # fmt: skip
def test_a_refusal_of_an_upload_or_import_is_read_in_korean(
    refused: Callable[[Path], object], expected: str, korean: None, tmp_path: Path
) -> None:
    (tmp_path / "net.pth").write_bytes(WEB_PAGE)
    with pytest.raises((ValueError, RuntimeError, OSError)) as error:
        refused(tmp_path)
    said = as_text(error.value)
    assert said.replace("\\", "").startswith(expected)
    assert not ENGLISH_SENTENCE.search(said)


def test_what_stopped_a_job_or_a_training_is_read_in_korean(
    korean: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("STUDIO_DATA", str(tmp_path))
    output = tmp_path / "job.out"
    output.write_text(
        json.dumps(
            {"name": "a", "outcome": "refused", "sentence": "It needs a password. Pack it without one."}
        )
    )
    message = "The disk is full. Free some space and start it again; what is done stays done."
    job = Job("a", "add", (), "failed", "", 0, 0, message, "", "", output, output, 0.0, None)
    monkeypatch.setattr("curation.jobs.jobs", lambda _root: [job])
    read = [element.value for element in show("collect").markdown]
    assert any("디스크가 가득 찼습니다." in text for text in read)
    assert [text for text in read if ENGLISH_SENTENCE.search(text)] == []
    assert read_report(output).refused == (("a", "비밀번호가 필요합니다. 비밀번호 없이 압축하십시오."),)
    why = "step 9: the loss of D is nan. Go on from step 5 with a lower learning rate (--loop.lr, now 0.1)."
    run = dataclasses.replace(RUN, state="failed", message=why)
    assert not ENGLISH_SENTENCE.search(sentence_of(run))

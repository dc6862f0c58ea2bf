"""Translate what people read: gettext, in the language of whoever looks at the page.

A language is one file, ``dashboard/locale/LANGUAGE/LC_MESSAGES/studio.po``; what it does not have, and the language of
everybody else, is the English of the code. It is the browser's language until somebody chooses another one at the head
of the page. In Python texts are marked by ``_``, ``ngettext`` and ``N_``. In JavaScript
by ``_("...")``; in HTML every text and in CSS every ``content`` is one. ``python -m dashboard.shared.texts`` collects
them all and brings the .po files up to date.
"""

from __future__ import annotations

import ast
import gettext
import html
import io
import json
import re
from collections.abc import Callable, Iterator
from contextvars import ContextVar
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path
from weakref import WeakKeyDictionary

import streamlit as st
from babel.core import Locale, negotiate_locale
from babel.messages import mofile, pofile
from babel.messages.catalog import Catalog
from starlette.requests import HTTPConnection
from starlette.types import ASGIApp, Receive, Scope, Send
from streamlit.runtime.scriptrunner_utils.script_run_context import get_script_run_ctx

DASHBOARD = Path(__file__).resolve().parent.parent
LOCALE = DASHBOARD / "locale"
FILE = "LC_MESSAGES/studio.po"
ENGLISH = "en"
COOKIE = "studio_language"
_CHOSEN, _MENU = "language", "language_menu"
_QUOTED = {
    ".js": re.compile(r'((?<![\w$.])_\(\s*)("(?:[^"\\]|\\.)+")'),
    ".css": re.compile(r'(\bcontent:\s*)("[^"]*[^\W\d_]{2}[^"]*")'),
}
_MARKUP = re.compile(
    r'(?P<before>>\s*|\b(?:alt|aria-label|placeholder|title)=")(?P<text>[^<>"\s][^<>"]*?)(?P<after>"|\s*(?=<))'
)


def _(text: str, /, **values: object) -> str:
    """Translate into the visitor's language, and fill ``{name}`` in; called where a text is shown, not at import."""
    translated = _catalogue(_preferred_language()).gettext(text) if text else ""
    return translated.format(**values) if values else translated


def ngettext(one: str, many: str, n: int, **values: object) -> str:
    """Translate the form that goes with ``n`` things, and fill ``{n}`` in."""
    return _catalogue(_preferred_language()).ngettext(one, many, n).format(n=n, **values)


def N_(text: str) -> str:
    """Mark a text of a module's constant for the catalogue; ``_`` translates it where it is shown."""
    return text


def language() -> str:
    """Name the catalogue that the visitor reads."""
    return _negotiated(_preferred_language())


def translate_asset(text: str, suffix: str, translate: Callable[[str], str] = _) -> str:
    """Put translations in the place of the texts in a file of HTML, CSS or JavaScript."""
    if suffix == ".html":
        return _MARKUP.sub(
            lambda found: found["before"] + _translated(found["text"], translate) + found["after"], text
        )
    return _QUOTED[suffix].sub(
        lambda found: found[1] + json.dumps(translate(json.loads(found[2])), ensure_ascii=False), text
    )


def _translated(text: str, translate: Callable[[str], str]) -> str:
    is_text = re.search(r"[^\W\d_]{2}", text)  # the name of a key, a sign or a number is none
    return html.escape(translate(html.unescape(text))) if is_text else text


def _preferred_language() -> str:
    context = get_script_run_ctx(suppress_warning=True)
    info = None if context is None else context.context_info
    if context is None or info is None:
        return _requested.get()
    return _chosen.get(context.pages_manager) or str(info.locale)


_requested: ContextVar[str] = ContextVar("requested", default="")
# Session state cannot be asked for every text: each look at it may end the run. A session has one manager of pages.
_chosen: WeakKeyDictionary[object, str] = WeakKeyDictionary()


def show_language_menu() -> None:
    """Offer every language by its own name; what is chosen holds for the session and, as a cookie, from then on."""
    context = get_script_run_ctx()
    if context is None:
        return
    if _CHOSEN not in st.session_state:
        kept = str(st.context.cookies.get(COOKIE, ""))
        st.session_state[_CHOSEN] = kept if kept in _languages() else ""
    chosen = _chosen[context.pages_manager] = st.session_state[_CHOSEN]
    script = f"document.documentElement.lang = {json.dumps(language())};"
    if chosen:
        script += f'document.cookie = "{COOKIE}={chosen}; path=/; max-age=31536000; SameSite=Lax";'
    with st.container(key="language"):
        st.menu_button(
            _own_name(language()), _languages(), format_func=_own_name, key=_MENU, on_click=_choose_language,
            type="tertiary", icon=":material/language:", help=_("Language"),
        )  # fmt: skip
        st.html(f"<script>{script}</script>", unsafe_allow_javascript=True)


def _choose_language() -> None:
    st.session_state[_CHOSEN] = st.session_state[_MENU]


def _own_name(name: str) -> str:
    return str(Locale.parse(name).get_display_name(name))


def _languages() -> list[str]:
    return sorted({ENGLISH, *(path.parent.parent.name for path in LOCALE.glob(f"*/{FILE}"))})


class RequestLanguage:
    """Let refusals of requests that no page makes be read in the language that was chosen, or the browser prefers."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            request = HTTPConnection(scope)
            preferred = re.split("[,;]", request.headers.get("accept-language", ""))[0].strip()
            _requested.set(request.cookies.get(COOKIE) or preferred)
        await self.app(scope, receive, send)


@lru_cache(maxsize=256)
def _negotiated(wanted: str) -> str:
    return negotiate_locale([wanted.replace("-", "_")], _languages()) or ENGLISH


@lru_cache(maxsize=256)
def _catalogue(wanted: str) -> gettext.NullTranslations:
    name = _negotiated(wanted)
    if name == ENGLISH:
        return gettext.NullTranslations()
    compiled = io.BytesIO()
    mofile.write_mo(compiled, _read(LOCALE / name / FILE))
    compiled.seek(0)
    return gettext.GNUTranslations(compiled)


def _read(path: Path) -> Catalog:
    with path.open("rb") as handle:
        return pofile.read_po(handle, locale=path.parent.parent.name)


def collect() -> Catalog:
    """Find every text of the dashboard, as a catalogue of English that translates nothing."""
    catalog = Catalog(ENGLISH, project="Sketch2Face Studio", version="1", fuzzy=False)
    catalog.header_comment = "# What people read in the studio. An empty msgstr shows the msgid."
    catalog.creation_date = catalog.revision_date = datetime(2026, 11, 26, tzinfo=UTC)
    for path in sorted(path for path in DASHBOARD.rglob("*.*") if path.suffix in (".py", ".html", *_QUOTED)):
        content = path.read_text("utf-8")
        found = _texts_of_code(content) if path.suffix == ".py" else _texts_of_asset(content, path.suffix)
        for text in found:
            catalog.add(text, locations=[(path.relative_to(DASHBOARD.parent).as_posix(), 0)])
    for text in _labels_of_others():
        catalog.add(text)
    return catalog


def _texts_of_code(content: str) -> Iterator[str | tuple[str, str]]:
    calls = [node for node in ast.walk(ast.parse(content)) if isinstance(node, ast.Call)]
    for call in sorted(calls, key=lambda call: (call.lineno, call.col_offset)):
        name = call.func.id if isinstance(call.func, ast.Name) else ""
        texts = [
            one.value for one in call.args if isinstance(one, ast.Constant) and isinstance(one.value, str)
        ]
        if name in ("_", "N_") and texts and texts[0]:
            yield texts[0]
        elif name == "ngettext":
            yield texts[0], texts[1]


def _texts_of_asset(content: str, suffix: str) -> list[str]:
    texts: list[str] = []

    def note(text: str) -> str:
        texts.append(text)
        return text

    translate_asset(content, suffix, note)
    return texts


def _labels_of_others() -> Iterator[str]:
    """Give the labels in fixed tables of the other packages and of the examples, which pages pass through ``_``."""
    from core.config import ROOT
    from core.training.kinds import KINDS, presets
    from curation.rules import GROUP_RATES, Rules
    from eval.comparison.answer import PATTERNS
    from eval.comparison.formatting import BEST, FAULTS, FLOORS, GROUPS, INTERVAL, PLAIN_WARNINGS, TIE
    from eval.comparison.ship import TITLE
    from eval.comparison.votes import VOTE_TITLES
    from eval.metrics.registry import METRICS

    for kind in KINDS.values():
        yield from (kind.title, kind.says, *(preset.says for preset in presets(kind.name) if preset.says))
    for rule in Rules.default().rules:
        yield from (rule.title, rule.sentence)
    yield from (TITLE, BEST, TIE, INTERVAL, *(text for row in FLOORS.values() for text in row))
    yield from (*PATTERNS, *FAULTS.values(), *PLAIN_WARNINGS.values(), *VOTE_TITLES)
    yield from (*GROUPS.values(), *(metric.title for metric in METRICS.values()))
    yield from (metric.unit for metric in METRICS.values() if metric.unit)
    for row in json.loads(GROUP_RATES.read_text("utf-8"))["rates"]:
        yield from row["counts"]
    for path in sorted((ROOT / "data" / "demo" / "drawings").glob("*.json")):
        yield json.loads(path.read_text("utf-8"))["title"]


def as_po(catalog: Catalog) -> bytes:
    """Write a catalogue as the file that is kept: without line numbers, which every change would move."""
    for message in catalog:
        message.flags.discard("python-format")  # Babel's guess at "95 % interval"
    written = io.BytesIO()
    pofile.write_po(
        written, catalog, width=110, include_lineno=False, sort_by_file=True, ignore_obsolete=True
    )
    return written.getvalue()


def main() -> None:
    """Write the English catalogue, and bring the other languages up to date with it."""
    english = collect()
    (LOCALE / ENGLISH / FILE).write_bytes(as_po(english))
    for path in sorted(LOCALE.glob(f"*/{FILE}")):
        if path.parent.parent.name != ENGLISH:
            catalog = _read(path)
            catalog.update(english, no_fuzzy_matching=True, update_creation_date=False)
            path.write_bytes(as_po(catalog))


if __name__ == "__main__":
    main()

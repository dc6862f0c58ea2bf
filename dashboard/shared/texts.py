"""Translate what people read: gettext, in the language of whoever looks at the page.

A language is one file, ``dashboard/locale/LANGUAGE/LC_MESSAGES/studio.po``; what it does not have, and the language of
everybody else, is the English of the code. It is the browser's language until somebody chooses another one at the head
of the page. In Python texts are marked by ``_``, ``ngettext`` and ``N_``. In JavaScript
by ``_("...")``; in HTML every text and in CSS every ``content`` is one. What the other packages say is English where it
is raised, logged and kept; `translate_sentence` knows it again where it is shown. ``python -m dashboard.shared.texts``
collects them all and brings the .po files up to date.
"""

from __future__ import annotations

import ast
import gettext
import html
import io
import json
import re
from collections import Counter
from collections.abc import Callable, Iterator
from contextvars import ContextVar
from datetime import UTC, datetime
from functools import lru_cache
from itertools import product
from pathlib import Path
from weakref import WeakKeyDictionary

import streamlit as st
from babel.core import Locale, negotiate_locale
from babel.messages import mofile, pofile
from babel.messages.catalog import Catalog
from starlette.requests import HTTPConnection
from starlette.types import ASGIApp, Receive, Scope, Send
from streamlit.runtime.scriptrunner_utils.script_run_context import get_script_run_ctx

from core.config import ROOT

DASHBOARD = Path(__file__).resolve().parent.parent
LOCALE = DASHBOARD / "locale"
FILE = "LC_MESSAGES/studio.po"
# Modules whose sentences are finished when pages show them.
SENTENCES = (
    "dashboard/roles.py",
    "core/assets.py", "core/checkpoint_import/*.py", "core/checkpoints.py", "core/image_child.py", "core/images.py",
    "core/models/[!cs]*.py", "core/names.py", "core/pipeline.py", "core/processes/jobs.py", "core/safe_zip.py",
    "core/cli.py", "core/scan_cleanup.py",
    "core/training/data.py", "core/training/loop.py", "core/training/r*[tls].py", "core/training/splits.py",
    "core/training/command.py", "core/training/unpaired_data.py", "core/untrusted_files.py",
    "curation/judge.py", "curation/jobs.py", "curation/proposals.py", "curation/rules.py",
    "curation/export/[!ac_]*.py", "curation/intake/[!r]*.py", "curation/library/*.py",
    "eval/decoding.py", "eval/extractors.py", "eval/features.py", "eval/inception.py", "eval/own_network.py",
    "eval/protocols.py", "eval/torchscript.py", "eval/warnings/*.py", "eval/sets/[!rs]*.py",
    "eval/significance/*_*.py", "eval/comparison/comparison_*.py", "eval/comparison/formatting.py",
    "eval/comparison/r*.py", "eval/comparison/s[!h]*.py", "eval/comparison/table.py",
)  # fmt: skip
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
    if not values:
        return translated
    said = {
        name: translate_sentence(value) if isinstance(value, Exception) else value
        for name, value in values.items()
    }
    return translated.format(**said)


def ngettext(one: str, many: str, n: int, **values: object) -> str:
    """Translate the form that goes with ``n`` things, and fill ``{n}`` in."""
    return _catalogue(_preferred_language()).ngettext(one, many, n).format(n=n, **values)


def N_(text: str) -> str:
    """Mark a text of a module's constant for the catalogue; ``_`` translates it where it is shown."""
    return text


def translate_sentence(sentence: object) -> str:
    """Translate an error, a warning or a verdict of the other packages, which comes as finished English.

    It may have been made by another process or in an earlier year: its pattern in the catalogue is found again by the
    words between its values. What no pattern fits stays as it is.
    """
    text = str(sentence)
    wanted = language()
    return text if wanted == ENGLISH or len(text) > MAX_SENTENCE else _translated_sentence(text, wanted)


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


MAX_SENTENCE = 3000
_GAP = re.compile(r"\{(\w+)[^{}]*\}")
FEWEST_LETTERS = 6  # of its own words, by which a pattern is known


@lru_cache(maxsize=4096)
def _translated_sentence(text: str, wanted: str, *, is_list: bool = False) -> str:
    if (found := _known_sentence(text, wanted, is_list=is_list)) is not None:
        return found
    for end in re.finditer(r"(?<=[.?!:]) ", text):
        if (found := _known_sentence(text[: end.start()], wanted, is_list=is_list)) is not None:
            return f"{found} {_translated_sentence(text[end.end() :], wanted, is_list=is_list)}"
    return _translated_list(text, wanted) if is_list else text


def _translated_list(text: str, wanted: str) -> str:
    """Translate the parts of ``a, b and c``, or of ``a (b and c); d``."""
    text = re.sub(r"(?<=\()[^()]+", lambda found: _translated_sentence(found[0], wanted, is_list=True), text)
    for mark in ("; ", " and ", ", "):
        first, is_several, rest = text.partition(mark) if mark != " and " else text.rpartition(mark)
        if is_several:
            first, rest = (_translated_sentence(one, wanted, is_list=True) for one in (first, rest))
            joined = (
                _catalogue(wanted).gettext("{some} and {last}")
                if mark == " and "
                else f"{{some}}{mark}{{last}}"
            )
            return joined.format(some=first, last=rest)
    return text


def _known_sentence(text: str, wanted: str, *, is_list: bool) -> str | None:
    whole, labels, patterns = _sentences(wanted)
    if text in whole:
        return whole[text]
    if is_list and text in labels:
        return labels[text]
    for names, parts, translated, has_lists in patterns:
        if (values := _between(parts, text)) is not None:
            said = (_translated_sentence(value, wanted, is_list=has_lists) for value in values)
            return translated.format_map(dict(zip(names, said, strict=True)))
    return None


def _between(parts: list[str], text: str) -> list[str] | None:
    """Find what stands between the parts of a pattern, in a time that grows as the text does: no backtracking."""
    first, *middle, last = parts
    at, end = len(first), len(text) - len(last)
    if at > end or not (text.startswith(first) and text.endswith(last)):
        return None
    values = []
    for part in middle:
        found = text.find(part, at, end)
        if found < 0:
            return None
        values.append(text[at:found])
        at = found + len(part)
    return [*values, text[at:end]]


@lru_cache(maxsize=16)
def _sentences(
    wanted: str,
) -> tuple[dict[str, str], dict[str, str], list[tuple[list[str], list[str], str, bool]]]:
    """Give sentences and labels with their translations, and patterns, those with the most words first.

    Comparisons join the names of models, with "and"; what others put into a sentence may be the name of a file, of
    which no word is translated.
    """
    whole, labels, patterns = {}, {}, []
    for message in _read(LOCALE / wanted / FILE):
        places = [
            place
            for place, _line in message.locations
            if place in SENTENCES or not place.startswith("dashboard/")
        ]
        if not isinstance(message.id, str) or not (message.id and message.string):
            continue
        names, parts = _GAP.findall(message.id), _GAP.split(message.id)[::2]
        if places and names:
            has_lists = places[0].startswith(("eval/comparison/formatting", "eval/warnings/"))
            patterns.append((names, parts, _GAP.sub(r"{\1}", str(message.string)), has_lists))
        elif places:
            whole[message.id] = str(message.string)
        elif not message.locations:
            labels[message.id] = str(message.string)
    return whole, labels, sorted(patterns, key=lambda one: -len("".join(one[1])))


def _preferred_language() -> str:
    context = get_script_run_ctx(suppress_warning=True)
    info = None if context is None else context.context_info
    if context is None or info is None:
        return _requested.get()
    return _chosen.get(context.pages_manager) or str(info.locale)


_requested: ContextVar[str] = ContextVar("requested", default="")
# Session state cannot be asked for every text: each look at it may end the run. A session has one manager of pages.
_chosen: WeakKeyDictionary[object, str] = WeakKeyDictionary()


def show_language_menu(script: str = "") -> None:
    """Offer every language by its own name; what is chosen holds for the session and, as a cookie, from then on.

    Parameters
    ----------
    script
        Run once in each language, in the page.
    """
    context = get_script_run_ctx()
    if context is None:
        return
    if _CHOSEN not in st.session_state:
        kept = str(st.context.cookies.get(COOKIE, ""))
        st.session_state[_CHOSEN] = kept if kept in _languages() else ""
    chosen = _chosen[context.pages_manager] = st.session_state[_CHOSEN]
    scripts = [f"document.documentElement.lang = {json.dumps(language())};", f"{{ {script}\n}}"]
    if chosen:
        scripts.append(f'document.cookie = "{COOKIE}={chosen}; path=/; max-age=31536000; SameSite=Lax";')
    with st.container(key="language"):
        st.menu_button(
            _own_name(language()), _languages(), format_func=_own_name, key=_MENU, on_click=_choose_language,
            type="tertiary", icon=":material/language:", help=_("Language"),
        )  # fmt: skip
        st.html(f"<script>{''.join(scripts)}</script>", unsafe_allow_javascript=True)


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


def _catalogue(wanted: str) -> gettext.NullTranslations:
    return _compiled(_negotiated(wanted))


@lru_cache(maxsize=16)  # by the languages there are: a browser may prefer anything
def _compiled(name: str) -> gettext.NullTranslations:
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
    from curation.rules import RULES_FILE, Rules

    catalog = Catalog(ENGLISH, project="Sketch2Face Studio", version="1", fuzzy=False)
    catalog.header_comment = "# What people read in the studio. An empty msgstr shows the msgid."
    catalog.creation_date = catalog.revision_date = datetime(2026, 11, 26, tzinfo=UTC)
    for path in sorted(path for path in DASHBOARD.rglob("*.*") if path.suffix in (".py", ".html", *_QUOTED)):
        content = path.read_text("utf-8")
        found = _texts_of_code(content) if path.suffix == ".py" else _texts_of_asset(content, path.suffix)
        for text in found:
            catalog.add(text, locations=[(path.relative_to(DASHBOARD.parent).as_posix(), 0)])
    for path in sorted(path for pattern in SENTENCES for path in ROOT.glob(pattern)):
        for text in _sentences_of_code(path.read_text("utf-8")):
            catalog.add(text, locations=[(path.relative_to(ROOT).as_posix(), 0)])
    for rule in Rules.default().rules:
        catalog.add(rule.sentence, locations=[(RULES_FILE.relative_to(ROOT).as_posix(), 0)])
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


def _sentences_of_code(content: str) -> Iterator[str]:
    """Give every sentence, f-strings as patterns with a name for each value; not docstrings, log and help texts."""
    waiting: list[ast.AST] = [ast.parse(content)]
    while waiting:
        node = waiting.pop()
        if isinstance(node, ast.expr) and (forms := _forms(node)):
            yield from filter(None, map(_as_pattern, forms))
            continue
        is_silent = (
            (isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant))
            or (isinstance(node, ast.FunctionDef) and node.name.strip("_") in ("main", "parser"))
            or (
                isinstance(node, ast.Call)
                and re.match(
                    r"(logger|re|parser)\.|add$|.*\.(execute|exec_driver_sql)$", ast.unparse(node.func)
                )
            )
        )
        waiting += [] if is_silent else reversed(list(ast.iter_child_nodes(node)))


def _as_pattern(form: str) -> str:
    """Number values of one name; empty for what is too short to be known by its words."""
    seen: Counter[str] = Counter()

    def numbered(gap: re.Match[str]) -> str:
        seen[gap[1]] += 1
        return gap[0] if seen[gap[1]] == 1 else f"{{{gap[1]}_{seen[gap[1]]}}}"

    words = re.findall(r"(?<!\S)[^\W\d_]{2,}(?![^\s,.:;)])", _GAP.sub(" ", form))
    is_known_by_them = len(words) > (_GAP.search(form) is None) and len("".join(words)) >= FEWEST_LETTERS
    is_for_people = " " in form and not form.startswith(("expected ", "python -m"))  # programmers see those
    return _GAP.sub(numbered, form) if is_known_by_them and is_for_people else ""


def _forms(node: ast.expr) -> list[str]:
    """Give the texts that an expression may become, none of one that holds no text."""
    if isinstance(node, ast.Constant):
        return [node.value] if isinstance(node.value, str) else []
    if isinstance(node, ast.IfExp):
        both = (node.body, node.orelse)
        return [form for one in both for form in _forms(one) or [_gap(one)]] if any(map(_forms, both)) else []
    parts: list[ast.expr] = []
    if isinstance(node, ast.JoinedStr):
        parts = [one.value if isinstance(one, ast.FormattedValue) else one for one in node.values]
    elif (
        isinstance(node, ast.BinOp)
        and isinstance(node.op, ast.Add)
        and any(map(_forms, (node.left, node.right)))
    ):
        parts = [node.left, node.right]
    return (
        ["".join(texts) for texts in product(*(_forms(one) or [_gap(one)] for one in parts))] if parts else []
    )


def _gap(node: ast.expr) -> str:
    """Name the place of a value by the last name in the expression that it comes from."""
    code = re.sub(r"\.\w+\(\)|'[^']*'", "", ast.unparse(node))
    names = re.findall(r"[^\W\d_]\w+", code)
    return f"{{{names[-1].lower() if names else 'value'}}}"


def _texts_of_asset(content: str, suffix: str) -> list[str]:
    texts: list[str] = []

    def note(text: str) -> str:
        texts.append(text)
        return text

    translate_asset(content, suffix, note)
    return texts


def _labels_of_others() -> Iterator[str]:
    """Give the labels in fixed tables of the other packages and of the examples, which pages pass through ``_``."""
    from core.training.kinds import KINDS, presets
    from curation.rules import GROUP_RATES, Rules
    from eval.comparison.answer import PATTERNS
    from eval.comparison.formatting import BEST, FAULTS, FLOORS, GROUPS, INTERVAL, PLAIN_WARNINGS, TIE
    from eval.comparison.ship import TITLE
    from eval.comparison.titles import BY_PARTS, REAL
    from eval.comparison.votes import VOTE_TITLES
    from eval.metrics.registry import METRICS

    for kind in KINDS.values():
        yield from (kind.title, kind.says, *(preset.says for preset in presets(kind.name) if preset.says))
    for rule in Rules.default().rules:
        yield rule.title
    yield from (
        TITLE,
        BY_PARTS,
        REAL,
        BEST,
        TIE,
        INTERVAL,
        *(text for row in FLOORS.values() for text in row),
    )
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

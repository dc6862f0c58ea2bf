"""The Rules page: move a threshold and see at once how many images it keeps."""

from __future__ import annotations

import base64
import html
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from curation.library.records import LibraryError
from curation.rules import (
    COLUMNS,
    DERIVED,
    GROUP_RATES,
    Rule,
    Rules,
    count_broken,
    count_kept,
    find_examples,
)
from dashboard import access
from dashboard.shared import audit
from dashboard.shared.group_pictures import show_group_pictures
from dashboard.shared.links import review_button, show_collect_link
from dashboard.shared.plain_text import as_text
from dashboard.shared.resources import asset_text, thumbnail
from dashboard.shared.shared_library import needs_library
from dashboard.shared.texts import _
from dashboard.views.review.filters import failing_view

if TYPE_CHECKING:
    import pandas as pd

    from curation.library.library import Library

DRAFT, LOADS = "rules_draft", "rules_loads"


@needs_library
def show_page(library: Library) -> None:
    """Counts and buttons on top, one card a rule below."""
    st.html(f"<style>{asset_text('views/rules/page.css')}</style>")
    show_rules(library, library.table(), library.rules())


@st.fragment
def show_rules(library: Library, table: pd.DataFrame, saved: Rules) -> None:
    """The part that runs again when a slider moves."""
    draft: Rules = st.session_state.setdefault(DRAFT, saved)
    st.session_state.setdefault(LOADS, 0)
    head = st.container(key="rules_head")
    adjustable = [rule for rule in draft.rules if rule.slider is not None]
    columns = st.columns(3, gap="medium")
    effects = {}
    for position, rule in enumerate(adjustable):
        with columns[position % 3]:
            draft, effects[rule.name] = _show_rule(draft, rule, table)
    st.session_state[DRAFT] = draft
    counts = count_kept(table, draft)  # once for all cards: at 100 000 images it takes 11 ms
    broken = count_broken(table, draft)
    for name, place in effects.items():
        with place:
            _show_examples(library, find_examples(table, draft[name], broken))
            _show_effect(draft[name], counts)
            if name == "faces":
                show_group_pictures(library, key="rules")
    before = counts if draft == saved else count_kept(table, saved)
    with head:
        _show_head(library, counts, before["kept"], draft=draft, saved=saved)
    _show_group_rates()


def _show_group_rates() -> None:
    """What the default thresholds do to groups of people, as the benchmark measured it."""
    rates = json.loads(GROUP_RATES.read_text(encoding="utf-8"))
    with st.expander(_("Whom the default rules reject, by group"), icon=":material/balance:"):
        st.caption(
            _(
                "Measured on {faces:,} synthetic faces that are fine to the eye, so each rejection is a "
                "false one; rules of pose aside. The smallest p, corrected for the number of comparisons, is "
                "{smallest_adjusted_p:.2f}: below {bound_p:.2f} a difference is more than chance. "
                "Sex and skin are the labels of the set's publisher; age, expression and sex (rated) are people's "
                "ratings. `python -m tests.benchmarks.group_rates` measures it anew.",
                **rates,
            )
        )
        for attribute in dict.fromkeys(row["attribute"] for row in rates["rates"]):
            rows = [row for row in rates["rates"] if row["attribute"] == attribute]
            st.dataframe(
                [
                    {_("rule"): _(row["title"])}
                    | {
                        _("{name} (of {size})", name=_(name), size=size): f"{out / size:.1%}"
                        for name, (out, size) in row["counts"].items()
                    }
                    | {"p": _("pose") if not row["bounded"] else f"{row['p']:.2f}"}
                    for row in rows
                    if any(out for out, _ in row["counts"].values())
                ],
                hide_index=True,
            )


def _show_head(
    library: Library, counts: dict[str, Any], kept_before: int, *, draft: Rules, saved: Rules
) -> None:
    total, kept = counts["images"], counts["kept"]
    share = kept / total if total else 0.0
    change = kept - kept_before
    said = _("**{kept:,}** of {total:,} images are kept", kept=kept, total=total)
    if change:
        said += f" :gray[{_('{n:+,} against the rules in force', n=change)}]"
    with st.container(horizontal=True, vertical_alignment="center"):
        st.progress(share, said)
        st.button(
            _("Apply"), type="primary", disabled=draft == saved, on_click=_apply, args=(library, draft),
            help=_("Judges every image again from what was measured; decisions of people stay."),
        )  # fmt: skip
        st.button(_("Undo changes"), disabled=draft == saved, on_click=_reset, args=(saved,), type="tertiary")
        st.button(_("Defaults"), disabled=draft == Rules.default(), on_click=_reset, args=(Rules.default(),),
                  type="tertiary")  # fmt: skip
        st.download_button("rules.yaml", draft.to_yaml(), "rules.yaml", "application/yaml", type="tertiary")
    if not total:
        st.info(_("No face has been judged yet. Add pictures on the Collect page."), icon=":material/info:")
        show_collect_link()


def _show_rule(draft: Rules, rule: Rule, table: pd.DataFrame) -> tuple[Rules, DeltaGenerator]:
    """One card; gives the draft with what was moved, and the place for what the rule leaves out."""
    assert rule.slider is not None and rule.column in COLUMNS
    low, high, step = rule.slider
    loads = st.session_state[LOADS]
    whole = all(float(part).is_integer() for part in (low, high, step))
    kind: Any = int if whole else float
    with st.container(border=True, key=f"rule_{rule.name}", gap="xsmall"):
        enabled = st.checkbox(as_text(_(rule.title)), rule.enabled, key=f"rule_on_{rule.name}_{loads}")
        values = (
            np.empty(0) if rule.column in DERIVED else table[rule.column].to_numpy(float, na_value=np.nan)
        )
        picture = st.empty()
        number = f"%{'d' if whole else '.2f'} {as_text(rule.unit).replace('%', '%%')}".replace(
            " °", "°"
        ).strip()
        sentences = {
            "at_least": _("at least {limit}", limit=number), "at_most": _("at most {limit}", limit=number),
            "within": _("within ±{limit}", limit=number),
        }  # fmt: skip
        threshold = st.slider(
            as_text(_(rule.title)),
            kind(low), kind(high), kind(min(max(rule.threshold, low), high)), kind(step),
            key=f"rule_{rule.name}_{loads}", disabled=not enabled, label_visibility="collapsed",
            format=sentences[rule.direction],
        )  # fmt: skip
        if threshold != rule.threshold or enabled != rule.enabled:
            draft = draft.with_threshold(rule.name, float(threshold), enabled=enabled)
        now = draft[rule.name]
        picture.html(histogram_image(values, now))
        effect = st.container()
    return draft, effect


def _show_examples(library: Library, found: tuple[str, str]) -> None:
    """A face of the library that passes and one that fails, so that a name needs no explanation."""
    figures = ""
    for image_id, words, kind in zip(found, (_("passes"), _("fails")), ("pass", "fail"), strict=True):
        path = library.files.thumb(image_id) if image_id else None
        if path is not None and path.is_file():
            url = _small_picture(path, path.stat().st_mtime_ns)
            image = f'<img src="{url}" alt="{words}">'
            figures += f'<figure class="{kind}">{image}<figcaption>{words}</figcaption></figure>'
    if figures:
        st.html(f'<div class="rule-examples">{figures}</div>')


@st.cache_data(show_spinner=False, max_entries=512)
def _small_picture(path: Path, _changed: int) -> str:
    return thumbnail(path, 96)


def _show_effect(rule: Rule, counts: dict[str, Any]) -> None:
    if not rule.enabled:
        st.caption(_("Off"))
        return
    alone = counts["images"] - counts["alone"][rule.name]
    only = counts["without"][rule.name] - counts["kept"]
    with st.container(horizontal=True, vertical_alignment="center", gap="xsmall"):
        said = _("leaves out {alone:,}, of these {only:,} for this alone", alone=alone, only=only)
        st.caption(said, width="stretch")
        review_button(_("see them"), failing_view(rule), key=f"rule_see_{rule.name}", disabled=not alone)


def _apply(library: Library, draft: Rules) -> None:
    who = access.visitor().name or "rules page"
    try:
        library.set_rules(draft, who)
    except LibraryError as error:
        st.toast(as_text(error), icon=":material/error:")
        return
    st.session_state.pop(DRAFT, None)
    audit.record("apply rules", ", ".join(f"{rule.name} {rule.threshold:g}" for rule in draft.rules))
    st.toast(_("The rules are in force."), icon=":material/check:")


def _reset(rules: Rules) -> None:
    st.session_state[DRAFT] = rules
    st.session_state[LOADS] += 1


BINS = 48
WIDTH, HEIGHT = 240, 34
COLOURS = {"in": "#7b6cf0", "out": "#9a98a6", "line": "#d2574c"}  # seen on light and on dark ground


def histogram_image(values: np.ndarray, rule: Rule) -> str:
    """`histogram_svg` as an image element; a page's HTML may hold no SVG of its own."""
    data = base64.b64encode(histogram_svg(values, rule).encode()).decode("ascii")
    alt = html.escape(_("Histogram of {title}", title=_(rule.title)))
    return f'<img class="rule-histogram" alt="{alt}" src="data:image/svg+xml;base64,{data}">'


def histogram_svg(values: np.ndarray, rule: Rule) -> str:
    """Bars of a rule's measurement over its slider's range; what lies beyond counts at the ends.

    Parameters
    ----------
    values : (N,) float
        NaN where there is no reading.
    """
    low, high = (rule.slider or (0.0, 1.0))[:2]
    shown = values[np.isfinite(values)]
    if rule.direction == "within":
        shown = np.abs(shown)
        low = 0.0
    counts, edges = np.histogram(np.clip(shown, low, high), bins=BINS, range=(low, high))
    heights = np.sqrt(counts / max(counts.max(initial=0), 1)) * (HEIGHT - 2)  # a few outliers stay visible
    mildest = edges[1:] if rule.direction == "at_least" else edges[:-1]  # a bar is out when all of it is
    is_out = rule.breaks(mildest) if rule.enabled else np.zeros(BINS, bool)
    step = WIDTH / BINS
    bars = "".join(
        f'<rect x="{i * step:.1f}" y="{HEIGHT - h:.1f}" width="{step - 0.8:.1f}" height="{h:.1f}" '
        f'fill="{COLOURS["out" if out else "in"]}"/>'
        for i, (h, out) in enumerate(zip(heights, is_out, strict=True))
        if h > 0
    )
    place = np.clip((rule.threshold - low) / (high - low), 0, 1) * WIDTH
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" preserveAspectRatio="none">'
        f'{bars}<line x1="{place:.1f}" x2="{place:.1f}" y1="0" y2="{HEIGHT}" stroke="{COLOURS["line"]}" '
        f'stroke-width="1.5"/></svg>'
    )

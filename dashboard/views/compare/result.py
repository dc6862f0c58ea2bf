"""Show a finished comparison, section by section."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any

import streamlit as st

from dashboard import access
from dashboard.roles import Role
from dashboard.shared.plain_text import as_text
from dashboard.shared.texts import N_, _, ngettext, translate_sentence
from dashboard.shared.uploads import harmless
from dashboard.views.compare.board import show_answer, show_board, show_choices
from dashboard.views.compare.cases import picture_url, show_cases
from dashboard.views.compare.charts import curve_chart, distances_chart, map_chart
from dashboard.views.compare.formatting import set_words
from dashboard.views.compare.running import show_remove
from dashboard.views.compare.sources import datasets, pair_matrix
from dashboard.views.compare.state import NOTICE, PROBLEM, SECTION, SHIPPED, choose_new, choose_result
from dashboard.views.compare.vote import show_vote, votes_folder
from eval.comparison.formatting import number_text, pairs_of
from eval.comparison.pictures import find_picture
from eval.comparison.result import RESULT_FILE
from eval.comparison.titles import titles_of_models, with_titles
from eval.comparison.votes import Vote, read_votes, votes_csv, with_votes

if TYPE_CHECKING:
    from eval.comparison.comparison_store import Entry
    from eval.comparison.result import Column, Comparison, SetUsed


def _show_empty(text: str) -> None:
    st.html(f'<div class="cmp-empty"><p>{escape(text)}</p></div>')


def show_pairs(comparison: Comparison, column: Column) -> None:
    """Every model against every other."""
    matrix = pair_matrix(comparison, column)
    if not matrix:
        _show_empty(_("Nothing was tested by {title}. Judge by another figure.", title=_(column.title)))
        return
    st.html(matrix)
    is_paired = any(pair.is_paired for pair in pairs_of(comparison, column.key))
    how = (
        _("the same inputs were compared")
        if is_paired
        else _("their inputs are not the same, so the test sees less")
    )
    said = _(
        "Row minus column by {title}, with its 95 % interval and the p-value of a permutation test, corrected "
        "after Holm; {how}. Below 0.05 and with an interval without zero, the difference is called real.",
        title=_(column.title), how=how,
    )  # fmt: skip
    st.caption(said)


CHARTS = {  # the sections that are one chart: what is said where there is none, and below it
    "counts": (
        N_("{title} has no such curve. Judge by a Fréchet distance."),
        N_(
            "With few images the distance is mostly bias: it falls as images are added, for each model by another "
            "amount. Grey is real against real at as many images, what a perfect model would get."
        ),
    ),
    "steps": (
        N_("No checkpoints were compared by this figure."),
        N_(
            "The best of many checkpoints looks better than it is: choose it on other images than those it is "
            "judged by."
        ),
    ),
    "map": (
        N_("This comparison has no map of features."),
        N_(
            "Every point is an image; images that look alike to the extractor lie near one another. A model whose "
            "points keep to one side misses faces; a tight heap is a model that repeats itself. Click the legend."
        ),
    ),
}


def _show_chart(name: str, chart: Any, column: Column) -> None:
    nothing, caption = CHARTS[name]
    if chart is None:
        _show_empty(_(nothing, title=_(column.title)))
        return
    st.altair_chart(chart, width="stretch", theme="streamlit", key=f"compare_{name}_chart")
    st.caption(_(caption))


def show_about(comparison: Comparison) -> None:
    """Everything that the numbers depend on, and what was not used."""
    used = comparison.protocol
    left, right = st.columns(2, gap="large")
    with left:
        st.markdown("##### " + _("Protocol"))
        facts = {
            _("Name"): used.name,
            _("Extractor"): used.extractor,
            _("Weights"): f"{used.weights}, SHA-256 {used.weights_sha256[:16]}…",
            _("Decoding"): used.decoding,
            _("Resize"): used.resize,
            _("Samples"): _("all") if used.samples is None else f"{used.samples:,}",
            _("Seed"): str(used.seed),
            _("Runtime"): used.runtime,
        }
        st.html(_facts({key: value for key, value in facts.items() if value}))
        st.caption(_("Only comparisons with the same protocol and weights are ever ranked together."))
    with right:
        st.markdown("##### " + _("Settings"))
        st.html(_facts({key.replace("_", " "): str(value) for key, value in comparison.settings.items()}))
        spent = sum(comparison.seconds.values())
        versions = ", ".join(f"{name} {version}" for name, version in comparison.versions.items())
        st.caption(
            _(
                "{spent:,.0f} s of work on {when} UTC, with {versions}.",
                spent=spent,
                when=comparison.created[:16].replace("T", " "),
                versions=versions,
            )
        )
    st.markdown("##### " + _("Sets"))
    for one in (comparison.real, *(model.set for model in comparison.models)):
        _show_set(one)


def _show_set(used: SetUsed) -> None:
    st.markdown(
        f"**{as_text(used.name)}** · {as_text(used.source)} · {set_words(used)} · `{used.digest[:12]}`"
    )
    if used.left_out:
        with st.expander(_("Left out ({n})", n=len(used.left_out))):
            st.dataframe(
                [{_("file"): one.name, _("why"): translate_sentence(one.reason)} for one in used.left_out],
                hide_index=True,
                width="stretch",
            )


def _facts(rows: dict[str, str]) -> str:
    body = "".join(
        f"<tr><th scope='row'>{escape(name)}</th><td>{escape(value)}</td></tr>"
        for name, value in rows.items()
    )
    return f"<table class='cmp-facts-table'><tbody>{body}</tbody></table>"


TWINS_SHOWN = 12


def show_twins(entry: Entry, comparison: Comparison) -> None:
    """The outputs that come nearest to a training photo, and how near true photos come."""
    with_nearest = [model for model in comparison.models if any(model.nearest_training)]
    if not with_nearest:
        _show_empty(
            _(
                "Nothing was looked up. Name what the models were trained on when you compare them, and their outputs "
                "are held against those photos."
            )
        )
        return
    usual = sorted(found[1] for found in comparison.real_nearest_training if found)
    if usual:
        closest, middle = usual[0], usual[len(usual) // 2]
        st.caption(
            _(
                "The scale: true photos, which no model saw, have their nearest training photo at {middle} "
                "in the middle and {closest} at the closest. An output much nearer than that speaks "
                "of memorising.",
                middle=number_text(middle),
                closest=number_text(closest),
            )
        )
    chart = distances_chart(with_titles(comparison, _))
    if chart is not None:
        st.altair_chart(chart, width="stretch", theme="streamlit", key="compare_distances")
    titles = titles_of_models(comparison, _)
    name = st.segmented_control(
        _("Model"), [model.name for model in with_nearest], default=with_nearest[0].name, required=True,
        format_func=lambda name: as_text(titles[name]),
        key=f"compare_twins_{entry.id}", label_visibility="collapsed",
    ) or with_nearest[0].name  # fmt: skip
    model = next(model for model in with_nearest if model.name == name)
    found = [
        (case.name, *nearest)
        for case, nearest in zip(comparison.cases, model.nearest_training, strict=False)
        if nearest is not None
    ]
    found.sort(key=lambda one: one[2])
    _show_nearest(entry, model.name, found, usual[0] if usual else None)


def _show_nearest(
    entry: Entry, model: str, found: list[tuple[str, str, float]], closest: float | None
) -> None:
    """The nearest pairs side by side; in words alone where no picture was kept."""
    shown = found[:TWINS_SHOWN]
    has_pictures = any(find_picture(entry.folder, "training", nearest) for _, nearest, _ in shown)
    figures = ""
    for case, nearest, distance in shown:
        pictures = _picture(entry, "model", case, model, _("output"))
        pictures += _picture(entry, "training", nearest, "", _("training photo"))
        beyond = _(" · nearer than any true photo") if closest is not None and distance < closest else ""
        words = f"{escape(case)} ↔ {escape(nearest)} · {number_text(distance)}{beyond}"
        pair = f"<div>{pictures}</div>" if has_pictures else ""
        figures += f"<figure>{pair}<figcaption>{words}</figcaption></figure>"
    st.html(f"<div class='cmp-twins'>{figures}</div>")
    said = _(
        "The {shown} outputs that are nearest to a training photo, out of {all}.",
        shown=len(shown),
        all=len(found),
    )
    if closest is not None:
        nearer = sum(distance < closest for *_, distance in found)
        said += " " + (
            ngettext(
                "{n} is nearer than any true photo is.", "{n} are nearer than any true photo is.", nearer
            )
            if nearer
            else _("None is nearer than any true photo is.")
        )
    st.caption(said)


def _picture(entry: Entry, kind: str, name: str, model: str, words: str) -> str:
    url = picture_url(entry.folder, kind, name, model)
    if not url:
        return f"<span class='none'>{escape(_('{what} {name}: no image here', what=words, name=name))}</span>"
    return f"<img src='{url}' alt='{escape(f'{words} {name}')}'>"


def show_export(entry: Entry, votes: Sequence[Vote]) -> None:
    """Offer a comparison in files of five kinds, and the votes on it."""
    from eval.comparison.export_csv import to_csv
    from eval.comparison.export_html import to_html
    from eval.comparison.export_paper import to_latex, to_markdown

    assert entry.comparison is not None
    shown, folder = with_votes(entry.comparison, votes), entry.folder
    name = harmless(shown.title.lower().replace(" ", "-"))
    csv = "utf-8-sig"  # so that spreadsheets see that it is UTF-8
    kinds: list[tuple[str, str, str, str, Callable[[], bytes]]] = [
        ("CSV", _("Table"), "csv", "text/csv", lambda: to_csv(shown).encode(csv)),
        ("JSON", _("Everything"), "json", "application/json", (folder / RESULT_FILE).read_bytes),
        ("Markdown", _("Table for a README"), "md", "text/markdown", lambda: to_markdown(shown).encode()),
        ("LaTeX", _("Table for a paper"), "tex", "application/x-tex", lambda: to_latex(shown).encode()),
        (
            "HTML",
            _("Report to print, one file"),
            "html",
            "text/html",
            lambda: to_html(shown, folder).encode(),
        ),
    ]
    if votes:
        title = _("Blind votes ({n:,})", n=len(votes))
        kinds.append(("CSV", title, "votes.csv", "text/csv", lambda: votes_csv(votes).encode(csv)))
    with st.popover(_("Export"), icon=":material/download:", key=f"compare_export_{entry.id}"):
        for label, says, ending, mime, make in kinds:
            st.download_button(
                f"{label} · {says}", make, file_name=f"{name}.{ending}", mime=mime, width="stretch",
                key=f"compare_{ending}_{entry.id}", on_click="ignore",
            )  # fmt: skip
        st.caption(_("For a PDF, open the report and print it."))


CASES, VOTE, PAIRS, COUNTS, STEPS, MAP, TWINS, ABOUT = (
    N_("Cases"), N_("Blind vote"), N_("Pairs"), N_("Images needed"), N_("Checkpoints"), N_("Map"),
    N_("Training photos"), N_("Settings and sets"),
)  # fmt: skip


def show_result(root: Path, entry: Entry, others: Sequence[Entry]) -> None:
    """The whole result is a fragment: choosing a figure or a section does not draw the page's frame again."""

    @st.fragment
    def show() -> None:
        assert entry.comparison is not None
        folder = votes_folder(root, entry)
        votes = read_votes(folder)
        top = st.container()
        shown, column, earlier = show_choices(entry, entry.comparison, others, votes)
        titled = with_titles(shown, _)
        with top:
            show_answer(titled, column)
        show_board(titled, column, earlier and with_titles(earlier, _), key=entry.id)
        _show_actions(root, entry, votes)
        _show_sections(entry, shown, column, folder)

    show()


def _show_actions(root: Path, entry: Entry, votes: Sequence[Vote]) -> None:
    with st.container(horizontal=True, key="compare_actions"):
        if not access.may(Role.OWNER):
            show_export(entry, votes)
            return
        repeats = st.button(
            _("Repeat this comparison"), icon=":material/replay:", key="compare_repeat", disabled=entry.request is None,
            help=_("Starts it again with the same settings.") if entry.request is not None
            else _("Nobody knows what it was asked for: it has no request.json."),
        )  # fmt: skip
        if repeats:
            _repeat(root, entry)
            st.rerun()
        show_export(entry, votes)
        if entry.id != SHIPPED:
            show_remove(root, entry)


def _repeat(root: Path, entry: Entry) -> None:
    """Start the same comparison; where its files are not on this machine the form asks for others.

    The shipped one names no data: it takes the only dataset version that there is.
    """
    from eval.comparison.comparison_store import on_data, start

    assert entry.request is not None
    request = entry.request
    if entry.id == SHIPPED:
        versions = list(datasets().values())
        if len(versions) != 1:
            NOTICE.keep(
                _(
                    "The photos behind the shipped comparison have a licence of their own and are not part of the "
                    "product. Choose a dataset version or a folder of pairs below, and start it."
                )
            )
            choose_new(entry.id)
            return
        request = on_data(request, versions[0])
    try:
        started = start(root, request)
    except (ValueError, OSError) as error:
        PROBLEM.keep(
            _("It cannot be repeated as it was: {error} Choose the data below, and start it.", error=error)
        )
        choose_new(entry.id)
    else:
        choose_result(started.id)


def _show_sections(entry: Entry, comparison: Comparison, column: Column, votes: Path) -> None:
    titled = with_titles(comparison, _)  # pictures and votes go by the names that are kept
    sections: dict[str, Callable[[], None]] = {
        CASES: lambda: show_cases(entry, comparison, column),
        VOTE: lambda: show_vote(entry, comparison, votes),
        PAIRS: lambda: show_pairs(titled, column),
        COUNTS: lambda: _show_chart("counts", curve_chart(titled, column, "n"), column),
        STEPS: lambda: _show_chart("steps", curve_chart(titled, column, "step"), column),
        MAP: lambda: _show_chart("map", map_chart(titled), column),
        TWINS: lambda: show_twins(entry, comparison),
        ABOUT: lambda: show_about(titled),
    }
    if not any(curve.over == "step" for curve in comparison.curves):
        sections.pop(STEPS)
    with st.container(key="compare_section"):
        picked = st.segmented_control(
            _("Section"), list(sections), default=CASES, required=True, key=f"{SECTION}_{entry.id}",
            label_visibility="collapsed", format_func=_,
        ) or CASES  # fmt: skip
    sections.get(picked, sections[CASES])()

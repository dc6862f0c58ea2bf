"""What a comparison is doing, or has done, in words."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING

from dashboard.shared.texts import N_, _, ngettext, translate_sentence
from dashboard.views.train.formatting import duration
from eval.comparison.formatting import real_words
from eval.comparison.titles import titled_stage

if TYPE_CHECKING:
    from eval.comparison.comparison_store import Entry
    from eval.comparison.result import Comparison, SetUsed

MESSAGE_LENGTH = 600
STATES = (N_("running"), N_("done"), N_("failed"), N_("cancelled"), N_("interrupted"))


def titles_of(entries: Sequence[Entry]) -> dict[str, str]:
    """A text for each id that never changes while the comparison is kept, and that no other has.

    A select box sends its option's text: state and progress must not be in it.
    """
    plain_titles = {one.id: _title(one) for one in entries}
    count = Counter(plain_titles.values())
    return {
        name: title if count[title] == 1 else f"{title} · {name.rsplit('-', 1)[-1]}"
        for name, title in plain_titles.items()
    }


def _title(entry: Entry) -> str:
    if entry.id == "shipped":
        return _("{title} · shipped", title=_(entry.title))
    return f"{entry.title} · {entry.created[:19].replace('T', ' ')}"


def caption_of(entry: Entry) -> str:
    """Its state in a word or two, and how far it is."""
    if entry.state != "running":
        return _(entry.state)
    stage, done, total = _progress_of(entry)
    return f"{stage} {done / total:.0%}" if total else stage


def sentence_of(entry: Entry) -> str:
    """What it is doing, or how it ended and what can be done."""
    if entry.state == "running":
        stage, done, total = _progress_of(entry)
        words = stage[:1].upper() + stage[1:]
        words += f" · {_('{done:,} of {total:,}', done=done, total=total)}" if total else " …"
        if entry.seconds_left is not None:
            words += " · " + _("about {time} left of everything", time=duration(entry.seconds_left))
        return words
    kept = _("What it had made is kept; it goes on from there.")
    if entry.state == "failed":
        why = translate_sentence(entry.message) or _("its log says no more")
        why = why[:MESSAGE_LENGTH].rstrip(". ")
        return _("It failed: {why}. {kept}", why=why, kept=kept)
    if entry.state == "cancelled":
        return _("It was cancelled. {kept}", kept=kept)
    if entry.state == "interrupted":
        return _("Its process is gone: killed, out of memory, or the machine went down. {kept}", kept=kept)
    return _("It is done.")


def _progress_of(entry: Entry) -> tuple[str, int, int]:
    """Its stage in words that call models by their titles, and how much of it is done."""
    stage, done, total = entry.progress or ("starting", 0, 0)
    if entry.request is not None:
        stage = titled_stage(stage, entry.request, _)
    return _("starting") if stage == "starting" else translate_sentence(stage), done, total


def facts_of(comparison: Comparison) -> str:
    """What was compared with what, in one line."""
    used = comparison.protocol
    counts = sorted({model.set.count for model in comparison.models})
    count = _("{low:,} to {high:,}", low=counts[0], high=counts[-1]) if counts else _("no")
    if len(counts) == 1:
        count = f"{counts[0]:,}"
    return " · ".join(
        (
            ngettext("{n} model", "{n} models", len(comparison.models)),
            _("{count} images each", count=count),
            _("against {real}", real=translate_sentence(real_words(comparison.real))),
            used.extractor,
            comparison.created[:10],
        )
    )


def set_words(used: SetUsed) -> str:
    """A set with its count and what was left out."""
    count, left_out = used.count, len(used.left_out)
    if left_out:
        return _("{n:,} images, {left_out} left out", n=count, left_out=left_out)
    return _("{n:,} images", n=count)

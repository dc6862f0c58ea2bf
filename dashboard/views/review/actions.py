"""Carries out what a reviewer did in the browser: once each, in order, at once in the database."""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from dashboard import access
from dashboard.roles import Role
from dashboard.shared import audit
from dashboard.shared.plain_text import without_folders
from dashboard.shared.sent_values import three_points
from dashboard.shared.texts import _, ngettext, translate_sentence
from dashboard.views.review.filters import PAGE_SIZE, View
from dashboard.views.review.state import IdempotencyLog, ReviewSession, clean_name

if TYPE_CHECKING:
    from curation.library.library import Library

logger = logging.getLogger(__name__)

_CLIENT = re.compile(r"[0-9a-f]{12}")
_ID = re.compile(r"[0-9a-f]{64}")
LABEL_LENGTH = 40
ACTIONS_AT_ONCE = 200  # as in outbox.js
DECISIONS = ("keep", "reject", "unsure", "")


def apply_actions(library: Library, session: ReviewSession, actions: Any, book: IdempotencyLog) -> None:
    """Do what was not yet done.

    What makes no sense is noted as done and told, so that it is not sent for ever. When the library
    cannot be written (locked, disk full), nothing more is done and nothing noted: the browser keeps it
    all and sends it again, as it does with what is beyond `ACTIONS_AT_ONCE`, so that other reviewers get their turn.
    """
    from curation.library.records import LibraryError

    session.trouble = ""
    with book.lock:
        for action in actions[:ACTIONS_AT_ONCE] if isinstance(actions, list) else []:
            client, number = (
                (action.get("client"), action.get("number")) if isinstance(action, dict) else (None, None)
            )
            if not (isinstance(client, str) and _CLIENT.fullmatch(client) and isinstance(number, int)):
                continue
            if client not in session.clients:
                session.clients = [*session.clients, client][-20:]
            if number <= book.last(client):
                continue
            try:
                _do(library, session, action, f"{client}:{number}")
            except LibraryError as error:
                logger.warning("a decision waits: %s", error)
                session.trouble = without_folders(error)
                return
            except (KeyError, ValueError) as error:
                session.say(translate_sentence(error.args[0]) if error.args else _("That could not be done."))
            book.note(client, number)


def _do(library: Library, session: ReviewSession, action: Mapping[str, Any], token: str) -> None:
    kind = str(action.get("kind"))
    if kind in _PAGE:
        _PAGE[kind](library, session, action)
        return
    if kind not in _LIBRARY:
        raise ValueError(_("{kind!r} is nothing that a reviewer does.", kind=kind))
    if (kind == "delete" or action.get("settle") is True) and not access.may(Role.CURATOR):
        raise ValueError(_("Only curators delete for good and settle disagreements."))
    who = access.visitor().name or clean_name(action.get("who"))
    if not who:
        raise ValueError(_("Say who is reviewing first."))
    _LIBRARY[kind](library, session, action, who, token)


def _ids(action: Mapping[str, Any]) -> list[str]:
    ids = action.get("ids")
    if not (isinstance(ids, list) and 0 < len(ids) <= PAGE_SIZE):
        raise ValueError(_("Expected up to {n} images.", n=PAGE_SIZE))
    if not all(isinstance(image_id, str) and _ID.fullmatch(image_id) for image_id in ids):
        raise ValueError(_("That is no image of this library."))
    return ids


def _here(library: Library, action: Mapping[str, Any]) -> list[str]:
    """The action's images without those that somebody deleted meanwhile."""
    known = library.table().index
    ids = [image_id for image_id in _ids(action) if image_id in known]
    if not ids:
        raise ValueError(_("This image was deleted meanwhile."))
    return ids


def _decide(
    library: Library, _session: ReviewSession, action: Mapping[str, Any], who: str, token: str
) -> None:
    if action.get("decision") not in DECISIONS:
        raise ValueError(_("{decision!r} is no decision.", decision=action.get("decision")))
    settle = action.get("settle") is True and action["decision"] != ""
    library.decide(_here(library, action), action["decision"], reviewer=who, settle=settle, token=token)


def _agree(library: Library, session: ReviewSession, action: Mapping[str, Any], who: str, token: str) -> None:
    """Take the machine's verdict on what nobody has decided: of the page, or of all that the filter finds."""
    is_filter = action.get("scope") == "filter" and not session.view.is_queue
    table = library.table()
    rows = table.loc[
        [key for key in (session.ids if is_filter else _here(library, action)) if key in table.index]
    ]
    is_open = ((rows["decision"] == "") & ~rows["disputed"].astype(bool)).to_numpy()
    if session.view.is_second:
        is_open = ~rows.index.isin(list(library.opinions_of(list(rows.index), who)))
    verdicts = rows.loc[is_open & rows["verdict"].isin(["keep", "reject"]), "verdict"].astype(str)
    wanted = {str(key): verdict for key, verdict in verdicts.items()}
    if not wanted:
        raise ValueError(_("Nothing is left that the machine has judged and nobody has decided."))
    library.decide_each(wanted, reviewer=who, token=token)
    kept = sum(verdict == "keep" for verdict in wanted.values())
    session.say(
        _(
            "Agreed with the machine: {kept:,} kept, {rejected:,} rejected. Z takes it back.",
            kept=kept,
            rejected=len(wanted) - kept,
        )
    )


def _pick(library: Library, _session: ReviewSession, action: Mapping[str, Any], who: str, token: str) -> None:
    """Keep one of several that look alike, and reject the others."""
    ids, keep = _here(library, action), action.get("keep")
    if keep not in ids:
        raise ValueError(_("This image was deleted meanwhile."))
    library.decide_each({key: "keep" if key == keep else "reject" for key in ids}, reviewer=who, token=token)


def _label(
    library: Library, _session: ReviewSession, action: Mapping[str, Any], who: str, token: str
) -> None:
    add, remove = (_labels(action.get(name)) for name in ("add", "remove"))
    library.decide(
        _here(library, action), None, reviewer=who, add_labels=add, remove_labels=remove, token=token
    )


def _labels(names: Any) -> tuple[str, ...]:
    if not isinstance(names, list) or len(names) > 20:
        raise ValueError(_("Expected a list of labels."))
    return tuple(name.strip()[:LABEL_LENGTH] for name in names if isinstance(name, str) and name.strip())


def _undo(library: Library, session: ReviewSession, _action: Mapping[str, Any], who: str, token: str) -> None:
    changed = library.undo(who, token=token)
    if not changed:
        session.say(_("Nothing of yours is left to undo."))
    elif set(changed).isdisjoint(session.page_ids()):
        n = len(changed)
        session.say(ngettext("Undone: {n} face on another page.", "Undone: {n} faces on another page.", n))


def _redo(library: Library, session: ReviewSession, _action: Mapping[str, Any], who: str, token: str) -> None:
    changed = library.redo(who, token=token)
    if not changed:
        session.say(_("Nothing is left to redo."))
    elif set(changed).isdisjoint(session.page_ids()):
        n = len(changed)
        session.say(
            ngettext("Done again: {n} face on another page.", "Done again: {n} faces on another page.", n)
        )


def _align(
    library: Library, _session: ReviewSession, action: Mapping[str, Any], who: str, token: str
) -> None:
    from curation.analysis.analyse import realign

    points = three_points(action.get("anchors"))
    if points is None:
        raise ValueError(_("Expected three points: two eyes and the mouth."))
    (image_id,) = _ids(action)[:1]
    library.correct_alignment(image_id, points, who, token=token)
    library.save_examinations([realign(library, image_id, points)])


def _delete(
    library: Library, session: ReviewSession, action: Mapping[str, Any], who: str, _token: str
) -> None:
    why = str(action.get("why") or "").strip()[:200]
    if not why:
        raise ValueError(_("Say why it is to be deleted."))
    traces = library.delete_for_good(_ids(action), who=who, why=why)
    audit.record("delete images", ", ".join(_ids(action)), why)
    session.say(_("Deleted for good. {sentence}", sentence=translate_sentence(traces.sentence())).strip())


def _turn(_library: Library, session: ReviewSession, action: Mapping[str, Any]) -> None:
    by = 1 if action.get("by") == 1 else -1
    if session.view.is_queue:
        session.is_leased = False
        session.release = True
        return
    to = action.get("to")
    page = session.view.page + by
    if isinstance(to, int):
        page = min(to, (len(session.ids) - 1) // PAGE_SIZE)
    if page * PAGE_SIZE >= len(session.ids):  # past the end: look again for what is there now
        session.found_for, page = None, 0
    session.view = replace(session.view, page=max(0, page))
    session.turns += 1


def _open(_library: Library, session: ReviewSession, action: Mapping[str, Any]) -> None:
    image_id = action.get("id")
    session.detail = image_id if isinstance(image_id, str) and _ID.fullmatch(image_id) else ""


def _beside(library: Library, session: ReviewSession, action: Mapping[str, Any]) -> None:
    """Show some faces side by side, or all that look like one, the best first."""
    if "group" not in action:
        session.beside = _here(library, action) if action.get("ids") else []
        return
    table, image_id = library.table(), _id(action["group"])
    group = str(table["duplicate_group"].get(image_id, ""))
    members = list(table.index[table["duplicate_group"] == group])[:PAGE_SIZE] if group else [image_id]
    session.beside = sorted(members, key=lambda key: key != group)  # a group is called after its best


def _reviewer(library: Library, session: ReviewSession, action: Mapping[str, Any]) -> None:
    name = access.visitor().name or clean_name(action.get("name"))
    if not name:
        raise ValueError(_("A name needs at least one letter."))
    if session.reviewer and session.reviewer != name:
        library.release(session.reviewer)
        session.is_leased = False
    session.reviewer = name


def _look(_library: Library, session: ReviewSession, action: Mapping[str, Any]) -> None:
    """Show the picture that a face was cut from, or the faces of a picture."""
    from curation.library.records import GROUP_PICTURE

    if "picture" in action:
        session.look_at(View(text=_id(action["picture"])))
    else:
        session.look_at(View(source=(f"{GROUP_PICTURE}{_id(action.get('facesOf'))}",)))
    session.detail = ""
    session.widgets += 1


def _split(library: Library, session: ReviewSession, action: Mapping[str, Any]) -> None:
    if not access.may(Role.CURATOR):
        raise ValueError(_("Only curators add pictures."))
    from curation.jobs import start_splitting

    start_splitting(library.root, _id(action.get("id")))
    session.shows_splitting = True
    session.say(_("Its faces are being cut out and judged. They come in as pictures of their own."))


def _id(value: Any) -> str:
    if not (isinstance(value, str) and _ID.fullmatch(value)):
        raise ValueError(_("That is no image of this library."))
    return value


_PAGE: dict[str, Callable[..., None]] = {
    "turn": _turn, "open": _open, "beside": _beside, "reviewer": _reviewer, "look": _look, "split": _split,
}  # fmt: skip
_LIBRARY: dict[str, Callable[..., None]] = {
    "decide": _decide, "agree": _agree, "pick": _pick, "label": _label, "undo": _undo, "redo": _redo, "align": _align,
    "delete": _delete,
}  # fmt: skip

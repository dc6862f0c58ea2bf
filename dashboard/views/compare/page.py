"""The Compare page: which model is better, whether the difference is real, and where each fails."""

from __future__ import annotations

import streamlit as st

from core.config import settings
from dashboard import access
from dashboard.roles import Role
from dashboard.shared.plain_text import as_text
from dashboard.shared.resources import asset_text
from dashboard.shared.texts import _
from dashboard.views.compare.form import show_form
from dashboard.views.compare.result import show_result
from dashboard.views.compare.running import show_top, show_unfinished
from dashboard.views.compare.state import NEW, NOTICE, PROBLEM, RESULT, SHIPPED


def show_page() -> None:
    """The kept comparisons above; the chosen one, or the form, below."""
    st.html(f"<style>{asset_text('views/compare/page.css')}</style>")
    with st.spinner(_("Loading …"), show_time=False):
        from eval.comparison.comparison_store import entries, root_of, shipped
    root = root_of(settings().data)
    try:
        kept = entries(root)
    except OSError as error:
        st.error(
            as_text(_("{root} cannot be read: {error}", root=root, error=error)), icon=":material/folder_off:"
        )
        return
    product = shipped()
    found = [*kept, *([product] if product else [])]
    chosen = st.query_params.get(RESULT)
    if chosen is None and NEW not in st.query_params and found:
        running = (entry.id for entry in kept if entry.state == "running")
        done = (entry.id for entry in found if entry.state == "done")
        chosen = next(running, None) or next(done, None) or found[0].id
    show_top(found, chosen)
    PROBLEM.show_error()
    if notice := NOTICE.take():
        st.info(as_text(notice), icon=":material/info:")
    entry = next((one for one in found if one.id == chosen), None)
    if chosen is None and not access.may(Role.OWNER):
        st.info(_("There is no comparison yet. Owners make them."), icon=":material/lock:")
    elif chosen is None:
        show_form(root, found)
    elif entry is None:
        said = (
            _("There is no shipped comparison; it may have been removed. Choose another above.")
            if chosen == SHIPPED
            else _("There is no comparison {id}; it may have been removed. Choose another above.", id=chosen)
        )
        st.warning(said, icon=":material/delete:")
    elif entry.comparison is None:
        show_unfinished(root, entry)
    else:
        show_result(root, entry, found)

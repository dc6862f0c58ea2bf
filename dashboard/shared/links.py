"""Link to pages and own routes."""

from __future__ import annotations

from typing import Literal

import streamlit as st

from dashboard.views.review.filters import View, to_query


def review_button(
    label: str,
    view: View,
    *,
    key: str,
    type: Literal["primary", "secondary", "tertiary"] = "tertiary",
    disabled: bool = False,
) -> None:
    """A button to the Review page with this view's images."""
    if st.button(label, key=key, type=type, disabled=disabled):
        from dashboard.views.review import page as review

        st.switch_page(st.Page(review.show_page, url_path="review"), query_params=to_query(view))


def address(path: str) -> str:
    """``/path``, or ``/base/path`` under ``--server.baseUrlPath=base``: for routes and for whoever asks for them."""
    base = str(st.get_option("server.baseUrlPath") or "").strip("/")
    return "/" + "/".join(part for part in (base, path.strip("/")) if part)

"""Ways from one page to another within the same visit."""

from __future__ import annotations

from typing import Literal

import streamlit as st

from dashboard.review.filters import View, to_query


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
        from dashboard.views import review

        st.switch_page(st.Page(review.show_page, url_path="review"), query_params=to_query(view))

"""Link to pages and own routes."""

from __future__ import annotations

from typing import Literal

import streamlit as st
from starlette.requests import Request
from starlette.responses import RedirectResponse
from starlette.routing import Route

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


def routes() -> list[Route]:
    """``/draw``: Streamlit serves its default page at the root alone and says "Page not found" elsewhere."""

    async def to_root(request: Request) -> RedirectResponse:
        root = address("").rstrip("/") + "/"
        return RedirectResponse(f"{root}?{request.url.query}" if request.url.query else root)

    return [Route(address("draw"), to_root, methods=["GET"])]

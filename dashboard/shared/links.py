"""Link to pages and own routes: from an export to its training, from a model to where it draws and is compared."""

from __future__ import annotations

from pathlib import Path
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


def train_on(pairs: Path) -> None:
    """Go to the form of a training, with a folder of pairs filled in."""
    from dashboard.views.train import page as train

    query = {"new": "1", "data": str(pairs)}
    st.switch_page(st.Page(train.show_page, url_path="train"), query_params=query)


def draw_with(generator: str) -> None:
    """Go to the Draw page, to paint with a generator from now on; the drawing there and its settings stay."""
    from dashboard.views.draw import page as draw
    from dashboard.views.draw.generator_menu import pick_generator
    from dashboard.views.draw.state import draw_session

    pick_generator(draw_session(), generator)
    st.switch_page(st.Page(draw.show_page, url_path="draw", default=True))


def compare_model(generator: str) -> None:
    """Go to the form of a comparison, with a generator and the default one chosen."""
    from dashboard.views.compare import page as compare

    query = {"new": "1", "model": generator}
    st.switch_page(st.Page(compare.show_page, url_path="compare"), query_params=query)


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

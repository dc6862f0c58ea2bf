"""Link to pages and own routes: from an export to its training, from a model to where it draws and is compared."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Literal

import streamlit as st
from starlette.requests import Request
from starlette.responses import RedirectResponse
from starlette.routing import Route

from dashboard.shared.texts import _
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
        _go("review", to_query(view))


def show_collect_link() -> None:
    """A link to the Collect page, where nothing has come in yet."""
    page = st.Page(lambda: None, url_path="collect")
    st.page_link(page, label=_("Collect pictures"), icon=":material/arrow_forward:")


def train_on(pairs: Path) -> None:
    """Go to the form of a training, with a folder of pairs filled in."""
    _go("train", {"new": "1", "data": str(pairs)})


def draw_with(generator: str) -> None:
    """Go to the Draw page, to paint with a generator from now on; the drawing there and its settings stay."""
    from dashboard.views.draw.generator_menu import pick_generator
    from dashboard.views.draw.state import draw_session

    pick_generator(draw_session(), generator)
    _go("draw")


def compare_model(generator: str) -> None:
    """Go to the form of a comparison, with a generator and the default one chosen."""
    _go("compare", {"new": "1", "model": generator})


def _go(path: str, query: Mapping[str, str | list[str]] | None = None) -> None:
    """Go to a page by its address: what shows it, the frame of all pages knows."""
    st.switch_page(st.Page(lambda: None, url_path=path, default=path == "draw"), query_params=query)


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

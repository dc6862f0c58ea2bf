"""Addresses of the studio's own routes, below the path that the server is told to serve under."""

from __future__ import annotations

import streamlit as st


def address(path: str) -> str:
    """``/path``, or ``/base/path`` under ``--server.baseUrlPath=base``: for routes and for whoever asks for them."""
    base = str(st.get_option("server.baseUrlPath") or "").strip("/")
    return "/" + "/".join(part for part in (base, path.strip("/")) if part)

"""Entry point of the dashboard: `python -m streamlit run dashboard/app.py`, from the repository's root."""

import sys
from pathlib import Path

import streamlit as st

ROOT = Path(__file__).resolve().parent.parent
if str(ROOT) not in sys.path:
    sys.path.insert(0, str(ROOT))

from dashboard.views import draw  # noqa: E402  (needs the root on the path)

ASSETS = ROOT / "dashboard" / "assets"

st.set_page_config(page_title="Sketch2Face Studio", page_icon=str(ASSETS / "icon.svg"), layout="wide")
st.logo(str(ASSETS / "logo.svg"), size="medium")
st.navigation([st.Page(draw.show_page, title="Draw", url_path="draw", default=True)], position="top").run()

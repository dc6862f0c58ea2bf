"""Entry point: `python -m streamlit run dashboard/app.py`, from the repository's root.

The file is read twice. The server imports it and finds ``app``: the pages and our own HTTP routes on one
port. For every visitor Streamlit runs it as ``__main__``, which shows the pages.
"""

import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
if str(ROOT) not in sys.path:
    sys.path.insert(0, str(ROOT))

ASSETS = ROOT / "dashboard" / "assets"


def show_pages() -> None:
    """The frame that all pages share, and the page that is asked for."""
    import streamlit as st

    from dashboard.views.collect import page as collect
    from dashboard.views.compare import page as compare
    from dashboard.views.draw import page as draw
    from dashboard.views.export import page as export
    from dashboard.views.models import page as models
    from dashboard.views.overview import page as overview
    from dashboard.views.review import page as review
    from dashboard.views.rules import page as rules
    from dashboard.views.train import page as train

    st.set_page_config(page_title="Sketch2Face Studio", page_icon=str(ASSETS / "icon.svg"), layout="wide")
    st.logo(str(ASSETS / "logo.svg"), size="medium")
    pages = [
        st.Page(draw.show_page, title="Draw", url_path="draw", default=True),
        st.Page(collect.show_page, title="Collect", url_path="collect"),
        st.Page(review.show_page, title="Review", url_path="review"),
        st.Page(rules.show_page, title="Rules", url_path="rules"),
        st.Page(overview.show_page, title="Overview", url_path="overview"),
        st.Page(export.show_page, title="Export", url_path="export"),
        st.Page(train.show_page, title="Train", url_path="train"),
        st.Page(models.show_page, title="Models", url_path="models"),
        st.Page(compare.show_page, title="Compare", url_path="compare"),
    ]
    st.navigation(pages, position="top").run()


if __name__ == "__main__":
    show_pages()
elif __name__ != "__mp_main__":  # a spawned worker reads this file as well, and needs none of it
    import streamlit as st
    from starlette.middleware import Middleware

    from core.config import settings
    from dashboard import api
    from dashboard.hosts import HostGuard, refuse_if_open, warn_if_unreachable
    from dashboard.lifespan import lifespan
    from dashboard.shared.uploads import UploadStaging
    from dashboard.views.review import routes

    address, hosts = st.get_option("server.address"), settings().hosts
    refuse_if_open(address, is_allowed=settings().open)
    warn_if_unreachable(address, hosts)
    app = st.App(
        __file__,
        routes=[*api.routes(), *routes.routes()],
        middleware=[Middleware(HostGuard, named=hosts), Middleware(UploadStaging)],
        lifespan=lifespan,
    )

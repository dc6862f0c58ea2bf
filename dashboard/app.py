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

    from dashboard import access
    from dashboard.roles import Role
    from dashboard.shared.resources import asset_text
    from dashboard.shared.texts import N_, _, show_language_menu
    from dashboard.views.audit import page as audit
    from dashboard.views.collect import page as collect
    from dashboard.views.compare import page as compare
    from dashboard.views.draw import page as draw
    from dashboard.views.export import page as export
    from dashboard.views.models import page as models
    from dashboard.views.overview import page as overview
    from dashboard.views.review import page as review
    from dashboard.views.rules import page as rules
    from dashboard.views.train import page as train
    from dashboard.views.yourself import page as yourself

    st.set_page_config(page_title="Sketch2Face Studio", page_icon=str(ASSETS / "icon.svg"), layout="wide")
    st.logo(str(ASSETS / "logo.svg"), size="medium")
    st.html(f"<style>{asset_text('assets/studio.css')}</style>")
    show_language_menu(asset_text("assets/texts.js", "assets/streamlit.js"))
    who = access.visitor()
    if not who.may(Role.GUEST):
        access.show_sign_in(who)
        return
    access.note_session(who)
    pages = [
        access.page(draw.show_page, N_("Draw"), Role.GUEST, default=True),
        access.page(yourself.show_page, N_("Draw yourself"), Role.OWNER, path="yourself"),
        access.page(collect.show_page, N_("Collect"), Role.CURATOR),
        access.page(rules.show_page, N_("Rules"), Role.CURATOR),
        access.page(review.show_page, N_("Review"), Role.LABELLER),
        access.page(overview.show_page, N_("Overview"), Role.LABELLER),
        access.page(export.show_page, N_("Export"), Role.CURATOR),
        access.page(train.show_page, N_("Train"), Role.OWNER),
        access.page(models.show_page, N_("Models"), Role.OWNER),
        access.page(compare.show_page, N_("Compare"), Role.GUEST),
    ]
    pages.append(access.page(audit.show_page, N_("Audit"), Role.OWNER))
    if who.name:
        pages.append(st.Page(st.logout, title=_("Sign out"), url_path="sign-out"))
    page = st.navigation(pages, position="top")
    access.show_trouble(who)
    page.run()


if __name__ == "__main__":
    show_pages()
elif __name__ != "__mp_main__":  # a spawned worker reads this file as well, and needs none of it
    import streamlit as st
    from starlette.middleware import Middleware

    from core.config import settings
    from dashboard import access, api, metrics
    from dashboard.first_paint import FirstPaint
    from dashboard.hosts import HostGuard, refuse_if_open, warn_if_unreachable
    from dashboard.lifespan import lifespan
    from dashboard.restore import refuse_if_half_restored
    from dashboard.shared import audit, links
    from dashboard.shared.conversions import log_conversions
    from dashboard.shared.texts import RequestLanguage
    from dashboard.shared.uploads import UploadStaging
    from dashboard.views.review import routes
    from dashboard.websocket_guards import MessageGuard, WebsocketLimit

    address, hosts = st.get_option("server.address"), settings().hosts
    log_conversions(settings().log_format)
    access.check_roles()
    refuse_if_half_restored(settings().data)
    refuse_if_open(address, is_allowed=settings().open or access.has_sign_in())
    warn_if_unreachable(address, hosts)
    app = st.App(
        __file__,
        routes=[*api.routes(), *metrics.routes(), *routes.routes(), *audit.routes(), *links.routes()],
        middleware=[
            Middleware(RequestLanguage),
            Middleware(HostGuard, named=hosts),
            Middleware(WebsocketLimit),
            Middleware(MessageGuard),
            Middleware(access.RoleGuard),
            Middleware(UploadStaging),
            Middleware(FirstPaint),
        ],
        lifespan=lifespan,
    )

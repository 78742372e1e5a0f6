"""What every page shares: its language, its theme, its links, and how a sentence is written in both languages."""

from typing import Any, Final

from flask import Blueprint, Flask, Response, current_app, make_response, redirect, render_template, request

from tandem.kernel import telemetry
from tandem.kernel.i18n import COOKIE, LANGUAGES, Text, language
from tandem.kernel.settings import Settings
from tandem.web.assets import asset_url

THEME_COOKIE: Final = "tandem_theme"
THEMES: Final = ("light", "dark")
_YEAR_SECONDS: Final = 365 * 24 * 3600

_SETTINGS: Final = "tandem_web_settings"

blueprint = Blueprint("layout", __name__, template_folder="templates")


def open_pages(app: Flask, settings: Settings) -> None:
    """Let the pages know which platform they are about."""
    app.extensions[_SETTINGS] = settings


def settings_here() -> Settings:
    """The settings of the platform that shows this page."""
    settings: Settings = current_app.extensions[_SETTINGS]
    return settings


def page(template: str, status: int = 200, **facts: Any) -> Response:
    """A whole page in the reader's language and theme. A language chosen in the address is remembered."""
    theme = request.cookies.get(THEME_COOKIE)
    html = render_template(
        f"web/{template}",
        t=_in_both,
        asset=asset_url,
        language=language.get(),
        theme=theme if theme in THEMES else None,
        path=request.path,
        request_id=telemetry.fact("request_id"),
        **facts,
    )
    response = make_response(html, status)
    chosen = request.args.get("lang")
    if chosen in LANGUAGES:
        remember(response, COOKIE, chosen)
    return response


@blueprint.post("/preferences")
def prefer() -> Response:
    """Choose light, dark or (anything else) what the system says; then back to the page one came from."""
    response = make_response(redirect(_own_path(request.form.get("back", "/")), 303))
    theme = request.form.get("theme")
    if theme in THEMES:
        remember(response, THEME_COOKIE, theme)
    else:
        response.delete_cookie(THEME_COOKIE)
    return response


def remember(response: Response, cookie: str, value: str) -> None:
    """Keep a choice of taste for a year. It says nothing about who chose."""
    response.set_cookie(cookie, value, max_age=_YEAR_SECONDS, secure=request.is_secure, httponly=True, samesite="Lax")


def _own_path(wanted: str) -> str:
    # "//elsewhere" and "/\elsewhere" are other people's sites to a browser.
    is_ours = wanted.startswith("/") and not wanted.startswith(("//", "/\\")) and wanted.isprintable()
    return wanted if is_ours else "/"


def _in_both(en: str, zh: str, **facts: object) -> str:
    return Text(en, zh)(**facts)

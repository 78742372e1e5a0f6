"""The front page: what runs here, for whom, how it is right now, and where to read on."""

import json
from dataclasses import dataclass
from importlib import metadata
from typing import Any, Final

from flask import Blueprint, Response, current_app

from tandem.kernel import clock
from tandem.kernel.access import Audience
from tandem.kernel.http.routes import ROUTES
from tandem.kernel.i18n import Text, format_moment
from tandem.kernel.settings import Settings
from tandem.web import parts
from tandem.web.layout import page, settings_here

blueprint = Blueprint("front", __name__)

# `tandem up` writes the demonstration's logins there and prints them, with their passwords, in its terminal.
_DEMONSTRATION: Final = "demo.json"


@dataclass(frozen=True)
class Door:
    """One audience's way in. `routes` counts what the API offers it."""

    audience: Audience
    who: Text
    gets: Text
    base: str
    routes: int


_AUDIENCES: Final[tuple[tuple[Audience, Text, Text], ...]] = (
    (
        "hospital",
        Text("Hospitals", "医院"),
        Text(
            "Run an Internet hospital on your own licence. Doctors, services and records stay yours, and every line"
            " of your statement can be recomputed.",
            "以自己的执业许可开办互联网医院。医生、服务与病历始终归医院，结算单逐行可复算。",
        ),
    ),
    (
        "patient",
        Text("Patients", "患者"),
        Text(
            "Find a doctor, hold a slot, pay, be seen. Cancellations and refunds follow rules you can read.",
            "找医生、占号源、付费、就诊。取消与退款按公开的规则办理。",
        ),
    ),
    (
        "employer",
        Text("Employers", "企业"),
        Text(
            "Give your staff consultations. You see how many were used, never by whom.",
            "为员工购买健康服务。看得到用了多少，看不到是谁。",
        ),
    ),
    (
        "operator",
        Text("Operator", "运营方"),
        Text(
            "Admit hospitals and employers on evidence, agree on fees, reconcile to the fen. A chart cannot be opened"
            " from here.",
            "凭证据准入医院与企业，约定费率，对账到分。在这里打不开任何病历。",
        ),
    ),
    (
        "public",
        Text("Everybody", "公众"),
        Text("Search hospitals, services and free slots without an account.", "无需账号即可查询医院、服务与号源。"),
    ),
)

_PLACES: Final[dict[str, Text]] = {
    "operator": Text("Operator", "运营方"),
    "hospital": Text("Hospital administrator", "医院管理员"),
    "doctor": Text("Doctor", "医生"),
    "employer": Text("Employer", "企业管理员"),
    "patient": Text("Patient", "患者"),
}


@blueprint.get("/")
def front() -> Response:
    """What runs here."""
    settings = settings_here()
    told = parts.reports(settings)
    return page(
        "front.html",
        parts=told,
        whole=parts.worst(told),
        doors=_doors(),
        logins=_demonstration_logins(settings),
        audience_name=_audience_name,
        moment=format_moment(clock.now()),
        version=_version(),
    )


def _doors() -> list[Door]:
    routes = current_app.extensions.get(ROUTES, {}).values()
    counts = {audience: sum(route.audience == audience for route in routes) for audience, _, _ in _AUDIENCES}
    return [
        Door(audience, who, gets, f"/api/{audience}/v1", counts[audience])
        for audience, who, gets in _AUDIENCES
        if counts[audience]
    ]


def _demonstration_logins(settings: Settings) -> list[dict[str, str]]:
    """Who can sign in to the demonstration, and where; never with what. Nothing where real money moves."""
    if settings.is_live:
        return []
    try:
        book: Any = json.loads((settings.home / _DEMONSTRATION).read_text())
    except (OSError, ValueError):
        return []
    logins = book.get("logins", []) if isinstance(book, dict) else []
    return [{name: str(login[name]) for name in ("audience", "login", "path")} for login in logins]


def _audience_name(audience: str) -> str:
    return str(_PLACES.get(audience, audience))


def _version() -> str:
    try:
        return metadata.version("tandem")
    except metadata.PackageNotFoundError:  # run from the source folder without an install
        return str(Text("source", "源码"))

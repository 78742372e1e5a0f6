"""The API's pages: a short guide in both languages, and below it every operation to try out."""

from typing import Final

from flask import Blueprint, Response, request

from tandem.kernel.access import AUDIENCES, Audience
from tandem.kernel.i18n import Text
from tandem.web.layout import page, settings_here

blueprint = Blueprint("guide", __name__)

_SHOWN: Final[dict[Audience, Text]] = {
    "public": Text("Everybody", "公众"),
    "patient": Text("Patients", "患者"),
    "hospital": Text("Hospitals", "医院"),
    "employer": Text("Employers", "企业"),
    "operator": Text("Operator", "运营方"),
    "regulator": Text("Regulators", "监管部门"),
}


@blueprint.get("/docs")
def docs() -> Response:
    """The guide, and the operations of all audiences or of one."""
    wanted = request.args.get("audience")
    return page(
        "docs.html",
        audiences=_SHOWN,
        audience=wanted if wanted in AUDIENCES else None,
        base_url=settings_here().base_url,
    )


@blueprint.get("/docs/")
def docs_with_a_slash() -> Response:
    """The same page has one address."""
    return Response(status=308, headers={"Location": "/docs"})

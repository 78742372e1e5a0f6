"""A page for every way the platform says no. Its address is the `type` of the problem, so it must never go away."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from inspect import cleandoc
from itertools import groupby
from typing import Final

from flask import Blueprint, Flask, Response, current_app, request

from tandem.kernel.errors import NotFound, Problem
from tandem.kernel.http.faults import PAGE
from tandem.kernel.http.routes import ROUTES
from tandem.kernel.i18n import Text, language
from tandem.kernel.settings import Settings
from tandem.web.layout import page

blueprint = Blueprint("problems", __name__)

# What the kind of refusal says about its moment, whatever the reason is.
_MOMENTS: Final[dict[int, Text]] = {
    400: Text("The request could not be understood; nothing was done.", "请求无法理解，未执行任何操作。"),
    401: Text("It is not known who is asking; nothing was done.", "无法确认请求方身份，未执行任何操作。"),
    403: Text("It is known who is asking, and they may not do this.", "已确认请求方身份，但其无权执行此操作。"),
    404: Text(
        "Nothing of that kind is there for the asker: missing, or somebody else's.",
        "请求方看不到所请求的内容：不存在，或属于他人。",
    ),
    409: Text(
        "The request was understood and contradicts the present state; nothing was changed.",
        "请求可以理解，但与当前状态冲突，未作任何更改。",
    ),
    405: Text("The address is there and does not take that method.", "该地址存在，但不支持此请求方法。"),
    412: Text("The request rests on a version that is no longer the newest.", "请求所依据的版本已不是最新版本。"),
    413: Text("More was sent than this address takes.", "发送的内容超过该地址的上限。"),
    415: Text("The content type is not one this address takes.", "该地址不接受此内容类型。"),
    422: Text(
        "The request was readable, and what it says cannot be accepted; nothing was changed.",
        "请求可以解析，但内容不能接受，未作任何更改。",
    ),
    428: Text("The change was not tied to a version that was read.", "修改未指明所依据的版本。"),
    429: Text("Too much was asked in too short a time.", "短时间内请求过多。"),
    500: Text("A fault of the platform; the request id leads to it.", "平台自身故障，可凭请求编号定位。"),
    503: Text("A part of the platform is not answering at the moment.", "平台某部分暂时没有响应。"),
}
_SOURCES: Final = re.compile(r"\s*\((?:[\w.-]+\.md|I-\d|Four)[^)]*\)")
_FACTS: Final = re.compile(r"\{\w+\}")
_ROUTES_SHOWN: Final = 12


@dataclass(frozen=True)
class Refusal:
    """What a problem's page tells. `because` is the class's own sentence, which is written in English only."""

    slug: str
    status: int
    title: Text
    mend: Text | None
    moment: Text | None
    because: str | None


@blueprint.get("/problems")
def index() -> Response:
    """Every problem, by status."""
    known = sorted(refusals(), key=lambda each: (each.status, each.slug))
    by_status = [(status, list(those)) for status, those in groupby(known, key=lambda each: each.status)]
    return page("problems.html", by_status=by_status, moments=_MOMENTS, count=len(known))


@blueprint.get("/problems/<slug>")
def problem(slug: str) -> Response:
    """One problem: what it means, when it happens, how to mend it, and which operations answer with it."""
    refusal = next((each for each in refusals() if each.slug == slug), None)
    if refusal is None:
        raise NotFound
    ways = _ways_to(slug)
    return page("problem.html", refusal=refusal, ways=ways[:_ROUTES_SHOWN], more=len(ways) - _ROUTES_SHOWN)


def refusals() -> Iterator[Refusal]:
    """Every problem the opened houses can answer with."""
    for kind in dict.fromkeys(_below(Problem)):
        own_words = kind.__dict__.get("__doc__")
        because = " ".join(_SOURCES.sub("", cleandoc(own_words)).split()) if own_words else None
        mend = None if kind.mend is None else _without_facts(kind.mend)
        yield Refusal(kind.slug, kind.status, _without_facts(kind.title), mend, _MOMENTS.get(kind.status), because)


def open_error_pages(app: Flask, _settings: Settings) -> None:
    """Let people in a browser see a page where programs get a problem document."""
    app.extensions[PAGE] = problem_page


def problem_page(refused: Problem) -> Response | None:
    """The refusal as a page, for a person who came by browser; None where a program asks."""
    if request.path.startswith(("/api/", "/webhooks/")):
        return None
    # A program that takes anything gets the document; a browser names HTML before all else.
    if (
        request.accept_mimetypes.best_match(["application/problem+json", "application/json", "text/html"])
        != "text/html"
    ):
        return None
    other = "en" if language.get() == "zh-CN" else "zh-CN"
    return page("refused.html", refused.status, refused=refused, other=other)


def _without_facts(told: Text) -> Text:
    # "{limit} rows" names a fact of one refusal; the page is about all of them.
    return Text(_FACTS.sub("…", told.en), _FACTS.sub("…", told.zh))


def _below(kind: type[Problem]) -> Iterator[type[Problem]]:
    for narrower in kind.__subclasses__():
        yield narrower
        yield from _below(narrower)


def _ways_to(slug: str) -> list[tuple[str, str]]:
    routes = current_app.extensions.get(ROUTES, {})
    return sorted(
        (rule.rule, routes[rule.endpoint].method)
        for rule in current_app.url_map.iter_rules()
        if rule.endpoint in routes and slug in _slugs(routes[rule.endpoint].refuses)
    )


def _slugs(refuses: dict[int, list[type[Problem]]]) -> set[str]:
    return {kind.slug for those in refuses.values() for kind in those}

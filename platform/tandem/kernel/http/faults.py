"""Whatever goes wrong is answered as a problem: typed, in the language of the caller, with an id and no trace."""

from typing import Final

import orjson
from flask import Flask, Response, current_app, request
from sqlalchemy.exc import DataError, IntegrityError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.orm.exc import StaleDataError
from werkzeug.exceptions import HTTPException

from tandem.kernel import errors, telemetry
from tandem.kernel.database import refusing_constraint
from tandem.kernel.errors import Problem
from tandem.kernel.http.replies import PROBLEM_JSON, json_response
from tandem.kernel.i18n import Text

# Where the pages, which stand above the kernel, leave their way to show a problem to a person: problem -> page or None.
PAGE: Final = "tandem_problem_page"
_LOCK_NOT_AVAILABLE = "55P03"


class Conflict(Problem):
    """A constraint refused it, or another changed the row meanwhile, and no command had a better word."""

    status, slug = 409, "conflict"
    title = Text("This contradicts what is already here", "与已有内容冲突")
    mend = Text("Read it again and repeat with other values.", "请重新读取后使用其他值重试。")


class Fault(Problem):
    """Ours, not the caller's. The request id leads to the log line."""

    status, slug = 500, "fault"
    title = Text("Something broke on our side", "平台内部出错")
    mend = Text(
        "Retry with the same Idempotency-Key; quote request_id to the operator.",
        "请使用同一幂等键重试，或将 request_id 告知运营方。",
    )


_BY_STATUS: dict[int, type[Problem]] = {
    400: errors.Malformed,
    404: errors.NotFound,
    405: errors.MethodNotAllowed,
    413: errors.BodyTooLarge,
    415: errors.UnsupportedMediaType,
    429: errors.TooManyRequests,
}


def answer_problems(app: Flask) -> None:
    """Register the answers for every kind of failure."""
    app.register_error_handler(Problem, _answer)
    app.register_error_handler(HTTPException, _http)
    app.register_error_handler(OperationalError, _operational)
    app.register_error_handler(PoolTimeout, lambda _: _answer(errors.Unavailable()))
    app.register_error_handler(IntegrityError, _integrity)
    app.register_error_handler(StaleDataError, lambda _: _answer(Conflict()))
    app.register_error_handler(DataError, lambda _: _answer(errors.Invalid()))
    app.register_error_handler(Exception, _fault)


def _answer(problem: Problem) -> Response:
    telemetry.count("problems", slug=problem.slug)
    shown = current_app.extensions.get(PAGE)
    response = (shown and shown(problem)) or _document(problem)
    if problem.status == 401:
        response.headers["WWW-Authenticate"] = "Bearer"
    if problem.status in {429, 503}:
        response.headers["Retry-After"] = str(problem.facts.get("retry_after_seconds", 2))
    return response


def _document(problem: Problem) -> Response:
    return json_response(orjson.dumps(problem.body(telemetry.fact("request_id"))), problem.status, PROBLEM_JSON)


def _http(refused: HTTPException) -> Response | HTTPException:
    if refused.code is None or refused.code < 400:
        return refused
    problem = _BY_STATUS.get(refused.code, Fault if refused.code >= 500 else errors.Malformed)()
    response = _answer(problem)
    for name, value in refused.get_headers():
        if name in {"Allow", "Retry-After"}:
            response.headers[name] = value
    return response


def _operational(failed: OperationalError) -> Response:
    state = getattr(failed.orig, "sqlstate", None)
    telemetry.log.warning("database_refused", sqlstate=state, path=str(request.url_rule))
    return _answer(errors.StillRunning() if state == _LOCK_NOT_AVAILABLE else errors.Unavailable())


def _integrity(refused: IntegrityError) -> Response:
    constraint = refusing_constraint(refused)
    telemetry.log.warning("constraint_refused", constraint=constraint, path=str(request.url_rule))
    return _answer(Conflict(constraint=constraint))


def _fault(error: Exception) -> Response:
    telemetry.log.error("fault", exc_info=error, path=str(request.url_rule))
    return _answer(Fault())

"""Where a request becomes a transaction: identity, scope, access, parse, view, one commit, reply."""

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from hashlib import sha256
from typing import Any, Final
from uuid import UUID

from flask import Response, request
from sqlalchemy.exc import OperationalError

from tandem.kernel import audit, errors, idempotency, identity, telemetry
from tandem.kernel.access import PUBLIC, SIGNED_IN, roles_holding
from tandem.kernel.database import Page, session
from tandem.kernel.http.bodies import read_batch, read_body
from tandem.kernel.http.declarations import Route
from tandem.kernel.http.replies import json_response, page_body, to_json
from tandem.kernel.http.schemas import load, load_query, refuse_nul
from tandem.kernel.identity import Actor, LoginSession, Token
from tandem.kernel.settings import BODY_LIMIT_BYTES, UPLOAD_LIMIT_BYTES
from tandem.kernel.tenancy import (
    OPERATOR_ID,
    across_tenants,
    acting_for,
    as_person,
    current_scope,
    in_public,
    transaction,
)

COOKIE: Final = "tandem_session"
ATTEMPTS: Final = 3
_RETRYABLE: Final = {"40001", "40P01"}  # serialization failure, deadlock: PostgreSQL asks to try again
_KEY: Final = re.compile(r"[!-~]{1,255}")
# The path names the organisation an operator's route is about; its kind must be as the name says.
_TARGETS: Final = {
    "organization_id": None,
    "hospital_id": "hospital",
    "employer_id": "employer",
    "programme_id": "programme",
}

TenantKind = Callable[[UUID], str | None]
_tenant_kind: list[TenantKind] = []


def register_tenant_kind(kind_of: TenantKind) -> None:
    """Tell the edge how to look up an organisation's kind, in the operator's scope of that organisation."""
    _tenant_kind[:] = [kind_of]


def serve(route: Route, view: Callable[..., Any], path: dict[str, Any]) -> Response:
    """Serve one request by its declaration. A deadlock's victim is tried again: nothing of it has happened."""
    for attempt in range(1, ATTEMPTS + 1):
        try:
            return _serve_once(route, view, path)
        except OperationalError as failed:
            state = getattr(failed.orig, "sqlstate", None)
            if state not in _RETRYABLE or attempt == ATTEMPTS:
                raise
            telemetry.count("request_retries", sqlstate=str(state))
    raise errors.Unavailable


def check_if_match(row: Any) -> None:
    """Compare the request's If-Match with a row's version. Raises PreconditionRequired or VersionConflict."""
    if_match = request.headers.get("If-Match")
    if if_match is None:
        raise errors.PreconditionRequired
    if if_match.strip().strip('"').removeprefix('W/"') != str(row.version):
        raise errors.VersionConflict(current_version=row.version)


def _serve_once(route: Route, view: Callable[..., Any], path: dict[str, Any]) -> Response:
    with _scope(route, path) as actor, transaction():
        identity.act_as(actor)
        telemetry.bind(actor=str(actor.id) if actor.id else None, tenant_id=str(actor.tenant_id or ""))
        if route.allow not in {PUBLIC, SIGNED_IN} and route.allow not in actor.permissions:
            raise errors.Forbidden(permission=route.allow, roles=roles_holding(route.allow, route.audience))
        if route.across:
            where = f"{request.method} {request.url_rule}"
            audit.record(action="tenants.crossed", object_type="route", object_id=where, of_tenant=OPERATOR_ID)
        arguments = _arguments(route, path)
        replay = _replay(route, actor)
        if replay is not None:
            return json_response(replay.body, replay.status, **{"Idempotent-Replayed": "true"})
        response = _reply(route, view(**arguments))
        if route.idempotent:
            idempotency.finish(response.status_code, response.get_data())
        return response


@contextmanager
def _scope(route: Route, path: dict[str, Any]) -> Iterator[Actor]:
    if route.allow == PUBLIC:
        with in_public():
            yield identity.NOBODY
        return
    token = identity.read_token(credential())
    if token.kind != "tds":
        with _as_key(route, token, path) as actor:
            yield actor
        return
    if route.audience == "patient":
        with _as_patient(route, token, path) as actor:
            yield actor
        return
    login = identity.find_session(token)
    if login.audience != route.audience:
        raise errors.Unauthenticated
    _check_csrf(login.csrf_token)
    with _as_signed_in(route, login, path) as actor:
        yield actor


@contextmanager
def _as_key(route: Route, token: Token, path: dict[str, Any]) -> Iterator[Actor]:
    is_operator = _is_operators(route, token.owner_id)
    with acting_for(token.owner_id, operator=is_operator):
        actor = identity.actor_of_key(token, route.audience)
        if not (is_operator and (route.across or _target(path))):
            yield actor
            return
        session.commit()
    with _as_operator(route, path):
        yield actor


@contextmanager
def _as_signed_in(route: Route, login: LoginSession, path: dict[str, Any]) -> Iterator[Actor]:
    person = login.person_id
    if login.tenant_id is None:
        raise errors.Unauthenticated
    is_operator = _is_operators(route, login.tenant_id)
    with acting_for(login.tenant_id, operator=is_operator, person_id=person):
        actor = identity.actor_in_place(login)
        if not (is_operator and (route.across or _target(path))):
            yield actor
            return
    with _as_operator(route, path):
        yield actor


def _is_operators(route: Route, tenant: UUID) -> bool:
    # Whatever a hospital's rows say of audiences: the operator's doors open to the operator's own people and keys,
    # and a patient is a person, never a key.
    is_operator = route.audience == "operator"
    if route.audience == "patient" or is_operator != (tenant == OPERATOR_ID):
        raise errors.Unauthenticated
    return is_operator


@contextmanager
def _as_patient(route: Route, token: Token, path: dict[str, Any]) -> Iterator[Actor]:
    # The token names the person, so that session, place and work are one transaction.
    person, hospital = token.owner_id, path.get("hospital_id")
    with as_person(person) if hospital is None else acting_for(hospital, person_id=person):
        login = identity.patient_session(token, hospital)
        if login.audience != route.audience:
            raise errors.Unauthenticated
        _check_csrf(login.csrf_token)
        if hospital is not None and not route.open and not login.is_here:
            raise errors.NotFound
        yield identity.patient_actor(person)


@contextmanager
def _as_operator(route: Route, path: dict[str, Any]) -> Iterator[None]:
    target = _target(path)
    if target is None:
        with across_tenants(reason=f"{route.method} {request.url_rule}"):
            yield
        return
    name, tenant = target
    with acting_for(tenant, operator=True):
        kind = _tenant_kind[0](tenant)
        if kind is None or _TARGETS[name] not in {None, kind}:
            raise errors.NotFound
        yield


def _target(path: dict[str, Any]) -> tuple[str, UUID] | None:
    return next(((name, path[name]) for name in _TARGETS if name in path), None)


def credential() -> str:
    """The token this request came with, in its header or its cookie. Raises Unauthenticated."""
    held = _bearer() or request.cookies.get(COOKIE)
    if held is None:
        raise errors.Unauthenticated
    return held


def _bearer() -> str | None:
    scheme, _, value = request.headers.get("Authorization", "").partition(" ")
    return value.strip() or None if scheme.lower() == "bearer" else None


def _check_csrf(csrf_token: str) -> None:
    # A cookie is sent by a browser on its own, and so is Basic from an address like user:x@host; Bearer never is.
    if request.method in {"GET", "HEAD"} or _bearer() is not None:
        return
    if request.headers.get("X-CSRF-Token") != csrf_token:
        raise errors.Forbidden(permission="csrf")


def _arguments(route: Route, path: dict[str, Any]) -> dict[str, Any]:
    arguments = dict(path)
    if any("\x00" in part for part in path.values() if isinstance(part, str)):
        raise errors.NotFound
    if route.query is not None:
        several = {name: values if len(values) > 1 else values[0] for name, values in request.args.lists()}
        arguments["query"] = load_query(route.query, several)
    if route.takes is not None:
        arguments["wish"] = load(route.takes, _batch() if route.bulk else _json())
    if route.upload:
        if request.mimetype not in route.upload:
            raise errors.UnsupportedMediaType(takes=list(route.upload))
        arguments["upload"] = request.get_data(cache=True)
    if route.raw:
        arguments["raw"] = _body(BODY_LIMIT_BYTES)
    return arguments


def _json() -> Any:
    body = _json_body(BODY_LIMIT_BYTES)
    data = read_body(body)
    if b"\\u0000" in body:
        refuse_nul(data)
    return data


def _batch() -> Any:
    return read_batch(_json_body(UPLOAD_LIMIT_BYTES))


def _json_body(limit_bytes: int) -> bytes:
    if request.mimetype != "application/json":
        raise errors.UnsupportedMediaType(takes=["application/json"])
    return _body(limit_bytes)


def _body(limit_bytes: int) -> bytes:
    if (request.content_length or 0) > limit_bytes:
        raise errors.BodyTooLarge(limit_bytes=limit_bytes)
    body = request.get_data(cache=True)
    if len(body) > limit_bytes:
        raise errors.BodyTooLarge(limit_bytes=limit_bytes)
    return body


def _replay(route: Route, actor: Actor) -> idempotency.Replay | None:
    if not route.idempotent:
        return None
    key = request.headers.get("Idempotency-Key", "")
    if not _KEY.fullmatch(key):
        raise errors.IdempotencyKeyRequired
    body_hash = sha256(request.full_path.encode() + b"\x00" + request.get_data(cache=True)).digest()
    return idempotency.begin(f"{request.method} {request.url_rule}", key, body_hash, actor_id=actor.id)


def _reply(route: Route, result: Any) -> Response:
    if isinstance(result, Response):
        return result
    if route.dump is None or result is None:
        return Response(status=204 if result is None else route.status)
    if route.many:
        page = result if isinstance(result, Page) else Page(result, None)
        return json_response(page_body(page, route.dump), route.status)
    # Asking a session that nobody has used yet would make one.
    if current_scope().session is not None and (session.new or session.dirty):
        session.flush()
    response = json_response(to_json(route.dump(result)), route.status)
    version = getattr(result, "version", None)
    if version is not None:
        response.headers["ETag"] = f'"{version}"'
    return response

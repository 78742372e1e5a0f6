"""The API document: put together from the routes' declarations when somebody first asks for it, then kept as bytes.

Putting it together costs half a second and twenty megabytes of schemas and dictionaries. No process pays that at its
start, and who paid keeps only the text.
"""

import threading
from collections.abc import Callable, Sequence
from importlib import import_module
from typing import Any, Final

import orjson
from flask import Blueprint, Flask, Response

from tandem.kernel.access import PUBLIC
from tandem.kernel.http.declarations import Route
from tandem.kernel.http.replies import JSON, PROBLEM_JSON
from tandem.kernel.http.routes import Api
from tandem.kernel.http.schemas import ProblemSchema

PATH: Final = "/openapi.json"
_ABOUT: Final = {
    "API_TITLE": "Tandem",
    "API_VERSION": "v1",
    "OPENAPI_VERSION": "3.1.0",
    "API_SPEC_OPTIONS": {
        "components": {"securitySchemes": {"bearer": {"type": "http", "scheme": "bearer"}}},
        "info": {"description": "Hospitals, employers, patients and the operator on one platform."},
    },
}
_IDEMPOTENCY_KEY: Final = {
    "in": "header",
    "name": "Idempotency-Key",
    "required": True,
    "schema": {"type": "string", "minLength": 1, "maxLength": 255, "pattern": "^[!-~]+$"},
    "description": "The same key with the same body answers the same; with another body 409.",
}
_IF_MATCH: Final = {
    "in": "header",
    "name": "If-Match",
    "required": True,
    "schema": {"type": "string"},
    "description": "The ETag you read.",
}


def document_of(apis: Sequence[Api]) -> Blueprint:
    """The view that answers with the document of these APIs."""
    blueprint = Blueprint("api-docs", __name__)
    lock, kept = threading.Lock(), list[bytes]()

    def openapi_json() -> Response:
        with lock:
            if not kept:
                kept.append(_put_together(apis))
        return Response(kept[0], mimetype=JSON)

    blueprint.add_url_rule(PATH, "openapi_json", openapi_json)
    return blueprint


def _put_together(apis: Sequence[Api]) -> bytes:
    # An application of its own, thrown away afterwards: what describes a route is no part of what answers there.
    smorest, paper = import_module("flask_smorest"), Flask("document", static_folder=None)
    paper.config |= _ABOUT
    drawn = smorest.Api(paper)
    drawn.DEFAULT_ERROR_RESPONSE_NAME = None  # every route names its own problems; "anything else" would hide a gap
    for api in apis:
        drawn.register_blueprint(_described(api, smorest.Blueprint))
    return orjson.dumps(drawn.spec.to_dict())


def _described(api: Api, blueprint: Callable[..., Any]) -> Any:
    page = blueprint(api.blueprint.name, __name__, url_prefix=api.blueprint.url_prefix, description=api.tag)
    for each in api.declared:

        def described() -> None:
            """Never called: only its words are read."""

        described.__name__, described.__doc__ = each.view.__name__, each.view.__doc__
        told = page.doc(**_documented(each.route, each.view))(described)
        page.add_url_rule(each.rule, each.endpoint, told, methods=[each.route.method], tags=[api.tag])
    return page


def _documented(route: Route, view: Callable[..., Any]) -> dict[str, Any]:
    parameters: list[Any] = []
    if route.query is not None:
        parameters.append({"in": "query", "schema": type(route.query)})
    if route.idempotent:
        parameters.append(_IDEMPOTENCY_KEY)
    if route.versioned:
        parameters.append(_IF_MATCH)
    documented: dict[str, Any] = {
        "operationId": f"{route.audience}_{_slice_of(view)}_{view.__name__}",
        "parameters": parameters,
        "responses": _responses(route),
        "security": [] if route.allow == PUBLIC else [{"bearer": []}],
        "x-permission": route.allow,
    }
    if route.takes is not None:
        documented["requestBody"] = {"required": True, "content": {JSON: {"schema": route.takes}}}
    if route.upload:
        documented["requestBody"] = {
            "required": True,
            "content": {each: {"schema": {"type": "string", "format": "binary"}} for each in route.upload},
        }
    if route.raw:
        documented["requestBody"] = {"required": True, "content": {JSON: {"schema": {"type": "object"}}}}
    return documented


def _slice_of(view: Callable[..., Any]) -> str:
    """Whose view it is: `api` is a module of a slice, or several in a package of that name."""
    *above, _ = view.__module__.split(".")
    return above[-2] if above[-1] == "api" else above[-1]


def _responses(route: Route) -> dict[str, Any]:
    responses: dict[str, Any] = {str(route.status): {"description": "OK"}}
    if route.gives is not None:
        schema: Any = route.gives
        if route.many:
            schema = {
                "type": "object",
                "required": ["data", "has_more", "next"],
                "properties": {
                    "data": {"type": "array", "items": route.gives},
                    "has_more": {"type": "boolean"},
                    "next": {"type": ["string", "null"]},
                },
            }
        responses[str(route.status)]["content"] = {JSON: {"schema": schema}}
    elif route.mimetype != JSON:
        responses[str(route.status)]["content"] = {route.mimetype: {"schema": {"type": "string"}}}
    for status, problems in sorted(route.refuses.items()):
        responses[str(status)] = {
            "description": " · ".join(sorted(problem.slug for problem in problems)),
            "content": {PROBLEM_JSON: {"schema": ProblemSchema}},
        }
    return responses

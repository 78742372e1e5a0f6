"""A route is declared once, in full; the declaration makes the view, its checks and its page in the API document."""

from collections.abc import Callable, Mapping
from typing import Any, Final

from flask import Flask
from flask_smorest import Blueprint

from tandem.kernel.access import PUBLIC, ROLES, SIGNED_IN, Audience
from tandem.kernel.http.declarations import Route
from tandem.kernel.http.edge import serve
from tandem.kernel.http.replies import JSON, PROBLEM_JSON, dumper
from tandem.kernel.http.schemas import PageQuery, ProblemSchema

ROUTES: Final = "tandem_routes"
_PERMISSIONS: Final = frozenset(permission for _, granted in ROLES.values() for permission in granted)
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


class Api:
    """A slice's JSON views for one audience. Its routes live below /api/<audience>/v1."""

    def __init__(
        self, name: str, *, audience: Audience, url_prefix: str = "", tag: str | None = None, root: str | None = None
    ) -> None:
        prefix = (root if root is not None else f"/api/{audience}/v1") + url_prefix
        self.audience = audience
        self.tag = tag or name.replace("_", " ").capitalize()
        self.blueprint = Blueprint(f"{audience}_{name}", name, url_prefix=prefix, description=self.tag)
        self.routes: dict[str, Route] = {}
        self.blueprint.record(self._tell_the_app)

    def get(self, rule: str, **declared: Any) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
        """Declare a read."""
        return self._route("GET", rule, **declared)

    def post(self, rule: str, **declared: Any) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
        """Declare a creation. It takes an Idempotency-Key unless `idempotent=False`."""
        declared.setdefault("idempotent", True)
        declared.setdefault("status", 201)
        return self._route("POST", rule, **declared)

    def patch(self, rule: str, **declared: Any) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
        """Declare a change of some fields."""
        return self._route("PATCH", rule, **declared)

    def put(self, rule: str, **declared: Any) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
        """Declare a replacement."""
        return self._route("PUT", rule, **declared)

    def delete(self, rule: str, **declared: Any) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
        """Declare a removal."""
        declared.setdefault("status", 204)
        return self._route("DELETE", rule, **declared)

    def _route(self, method: str, rule: str, **declared: Any) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
        route = _declared(method, self.audience, declared)

        def declare(view: Callable[..., Any]) -> Callable[..., Any]:
            def handler(**path: Any) -> Any:
                return serve(route, view, path)

            handler.__name__, handler.__doc__ = view.__name__, view.__doc__
            documented = self.blueprint.doc(**_documented(route, view))(handler)
            endpoint = f"{view.__name__}_{method.lower()}"
            self.blueprint.add_url_rule(rule, endpoint, documented, methods=[method], tags=[self.tag])
            self.routes[endpoint] = route
            return view

        return declare

    def _tell_the_app(self, state: Any) -> None:
        app: Flask = state.app
        known = app.extensions.setdefault(ROUTES, {})
        known |= {f"{self.blueprint.name}.{endpoint}": route for endpoint, route in self.routes.items()}


def _declared(method: str, audience: Audience, declared: Mapping[str, Any]) -> Route:
    given = dict(declared)
    for name in ("takes", "gives", "query"):
        if isinstance(given.get(name), type):
            given[name] = given[name]()
    if given.get("many") and given.get("query") is None:
        given["query"] = PageQuery()
    if isinstance(given.get("upload"), str):
        given["upload"] = (given["upload"],)
    gives = given.get("gives")
    route = Route(method, audience, dump=dumper(gives) if gives is not None else None, **given)
    if route.allow not in {PUBLIC, SIGNED_IN} and route.allow not in _PERMISSIONS:
        raise ValueError(f"{route.allow} is no permission in kernel/access.py")
    return route


def _documented(route: Route, view: Callable[..., Any]) -> dict[str, Any]:
    parameters: list[Any] = []
    if route.query is not None:
        parameters.append({"in": "query", "schema": type(route.query)})
    if route.idempotent:
        parameters.append(_IDEMPOTENCY_KEY)
    if route.versioned:
        parameters.append(_IF_MATCH)
    documented: dict[str, Any] = {
        "operationId": f"{route.audience}_{view.__module__.split('.')[-2]}_{view.__name__}",
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

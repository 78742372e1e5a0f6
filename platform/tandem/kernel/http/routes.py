"""A route is declared once, in full; the declaration makes the view, its checks and its page in the API document."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from flask import Blueprint, Flask

from tandem.kernel.access import PUBLIC, ROLES, SIGNED_IN, Audience
from tandem.kernel.http.declarations import Route
from tandem.kernel.http.edge import serve
from tandem.kernel.http.replies import dumper
from tandem.kernel.http.schemas import PageQuery

ROUTES: Final = "tandem_routes"
_PERMISSIONS: Final = frozenset(permission for _, granted in ROLES.values() for permission in granted)


@dataclass(frozen=True)
class Declared:
    """A route, where it is, and the view behind it."""

    rule: str
    endpoint: str
    route: Route
    view: Callable[..., Any]


class Api:
    """A slice's JSON views for one audience. Its routes live below /api/<audience>/v1."""

    def __init__(
        self, name: str, *, audience: Audience, url_prefix: str = "", tag: str | None = None, root: str | None = None
    ) -> None:
        prefix = (root if root is not None else f"/api/{audience}/v1") + url_prefix
        self.audience = audience
        self.tag = tag or name.replace("_", " ").capitalize()
        self.blueprint = Blueprint(f"{audience}_{name}", name, url_prefix=prefix)
        self.declared: list[Declared] = []
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
            endpoint = f"{view.__name__}_{method.lower()}"
            self.blueprint.add_url_rule(rule, endpoint, handler, methods=[method])
            self.declared.append(Declared(rule, endpoint, route, view))
            return view

        return declare

    def _tell_the_app(self, state: Any) -> None:
        app: Flask = state.app
        known = app.extensions.setdefault(ROUTES, {})
        known |= {f"{self.blueprint.name}.{each.endpoint}": each.route for each in self.declared}


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

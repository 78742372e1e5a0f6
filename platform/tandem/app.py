"""create_app: settings and houses in, one Flask application out. Nothing is connected to until it is used."""

import re
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Any, Final, Protocol

import orjson
from flask import Flask, Request, Response, request
from flask.json.provider import JSONProvider
from flask.sessions import SessionInterface, SessionMixin
from sqlalchemy.orm import configure_mappers
from werkzeug.routing import MapAdapter, RequestRedirect

from tandem.kernel import audit, clock, crypto, doorbell, i18n, identity, jobs, outbox, telemetry
from tandem.kernel.database import db, engine_options, watch
from tandem.kernel.errors import NotFound
from tandem.kernel.http import Api, answer_problems, document_of
from tandem.kernel.ids import new_id
from tandem.kernel.settings import UPLOAD_LIMIT_BYTES, Settings

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

SETTINGS: Final = "tandem_settings"
_REQUEST_ID: Final = re.compile(r"[A-Za-z0-9-]{8,64}")
# What every answer carries unless its view says otherwise.
_HEADERS: Final = {
    name.lower(): (name, value)
    for name, value in (
        ("Vary", "Accept-Language, Authorization, Cookie"),
        ("Cache-Control", "private, no-store"),
        (
            "Content-Security-Policy",
            "default-src 'self'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
            "frame-ancestors 'none'; base-uri 'none'; form-action 'self'",
        ),
        ("X-Content-Type-Options", "nosniff"),
        ("Referrer-Policy", "same-origin"),
        ("Cross-Origin-Opener-Policy", "same-origin"),
        ("Permissions-Policy", "camera=(), geolocation=(), microphone=()"),
    )
}


class House(Protocol):
    """What a house's `wiring` says of itself."""

    APIS: Sequence[Api]
    BLUEPRINTS: Sequence[Any]
    SUBSCRIPTIONS: dict[type[outbox.Event], Sequence[jobs.Job[Any]]]
    SCHEDULE: Sequence[jobs.Cron]


class OrjsonProvider(JSONProvider):
    """Flask's JSON through orjson: UUIDs and aware datetimes as they are."""

    def dumps(self, obj: Any, **kwargs: Any) -> str:
        return orjson.dumps(obj).decode()

    def loads(self, s: str | bytes, **kwargs: Any) -> Any:
        return orjson.loads(s)


class Framed:
    """Gives every answer the headers it carries unless its view says otherwise, and counts it.

    Around Flask and not inside it: here headers are plain pairs, and adding ten costs less than routing a request.
    """

    def __init__(self, inner: "WSGIApplication") -> None:
        self.inner = inner

    def __call__(self, environ: "WSGIEnvironment", start_response: "StartResponse") -> Iterable[bytes]:
        def start(status: str, headers: list[tuple[str, str]], exc_info: Any = None) -> Any:
            there = {name.lower() for name, _ in headers}
            headers += [pair for name, pair in _HEADERS.items() if name not in there]
            headers.append(("X-Request-Id", telemetry.fact("request_id") or ""))
            headers.append(("Content-Language", i18n.language.get()))
            telemetry.count("requests", method=environ["REQUEST_METHOD"], status=f"{status[0]}xx")
            return start_response(status, headers, exc_info)

        return self.inner(environ, start)


class Platform(Flask):
    """Flask without what no request here needs: every view is plain, so none is asked whether it is a coroutine."""

    def ensure_sync(self, func: Callable[..., Any]) -> Callable[..., Any]:
        return func

    def create_url_adapter(self, request: Request | None) -> MapAdapter | None:
        # No rule of ours asks for a host or subdomain, and no address is made from the Host header, which anybody can
        # forge: taking both apart, twice, costs as much as finding the route.
        if request is None:
            return super().create_url_adapter(None)
        # As it came: `request.path` gives an empty path the slash that it lacks.
        path = request.environ.get("PATH_INFO", "").encode("latin-1").decode(errors="replace")
        return MapAdapter(self.url_map, "", request.root_path, "", request.scheme, path, request.method)


class NoFlaskSession(SessionInterface):
    """Flask's own cookie session is not used: whoever would use it is told, and no request pays for opening it."""

    def open_session(self, app: Flask, request: Request) -> None:
        return None

    def save_session(self, app: Flask, session: SessionMixin, response: Response) -> None:
        return None


def create_app(settings: Settings, houses: Iterable[Any]) -> Flask:
    """Build the application of these houses. It can be built more than once in a process (tests do)."""
    app = Platform("tandem", static_folder=None)
    app.json = OrjsonProvider(app)
    app.session_interface = NoFlaskSession()
    app.extensions[SETTINGS] = settings
    app.config |= _config(settings)
    telemetry.configure()
    clock.follow(settings.clock_file)
    crypto.configure(settings.field_key)
    audit.configure(settings.audit_key)
    doorbell.configure(settings.redis_url)
    db.init_app(app)
    with app.app_context():
        for engine in db.engines.values():
            watch(engine)
    answer_problems(app)
    _frame_requests(app)
    _open_houses(app, settings, houses)
    # Now and not at the first query: what is made before a fork is shared by all who are forked.
    configure_mappers()
    return app


def settings_of(app: Flask) -> Settings:
    """The settings this application was built with."""
    settings: Settings = app.extensions[SETTINGS]
    return settings


def dispose_engines(app: Flask) -> None:
    """Forget connections that belong to a parent process; called in each child after a fork."""
    with app.app_context():
        for engine in db.engines.values():
            engine.dispose(close=False)


def _config(settings: Settings) -> dict[str, Any]:
    return {
        "SECRET_KEY": settings.secret_key,
        "MAX_CONTENT_LENGTH": UPLOAD_LIMIT_BYTES,
        "SQLALCHEMY_DATABASE_URI": _driver(settings.app_database_url),
        # A bind takes none of the default engine's options: it is given its own.
        "SQLALCHEMY_BINDS": {"operator": {"url": _driver(settings.operator_database_url), **engine_options()}},
        "SQLALCHEMY_ENGINE_OPTIONS": engine_options(),
    }


def _driver(url: str) -> str:
    return re.sub(r"^postgres(ql)?://", "postgresql+psycopg://", url)


def _open_houses(app: Flask, settings: Settings, houses: Iterable[Any]) -> None:
    timetable: list[jobs.Cron] = []
    apis: list[Api] = []
    for house in houses:
        for api in house.APIS:
            app.register_blueprint(api.blueprint)
            apis.append(api)
        for blueprint in house.BLUEPRINTS:
            app.register_blueprint(blueprint)
        outbox.subscribe(house.SUBSCRIPTIONS)
        timetable += house.SCHEDULE
        for opened in getattr(house, "ON_OPEN", ()):
            opened(app, settings)
    app.register_blueprint(document_of(apis))
    jobs.set_timetable(timetable)


def _language(environ: "WSGIEnvironment") -> i18n.Language:
    # Asked for in this address, chosen before, or what the browser speaks. Most requests ask and chose nothing, and
    # taking their query and cookies apart to learn that would cost each of them.
    asked = request.args.get("lang") if "lang=" in environ.get("QUERY_STRING", "") else None
    kept = request.cookies.get(i18n.COOKIE) if i18n.COOKIE in environ.get("HTTP_COOKIE", "") else None
    for chosen in (asked, kept):
        if chosen in i18n.LANGUAGES:
            return chosen
    return i18n.negotiate(asked or environ.get("HTTP_ACCEPT_LANGUAGE"))


def _frame_requests(app: Flask) -> None:
    app.wsgi_app = Framed(app.wsgi_app)  # type: ignore[method-assign]  # how Flask is given a layer around it

    @app.before_request
    def _begin() -> None:
        telemetry.forget()
        clock.hold()
        identity.act_as(identity.NOBODY)
        environ = request.environ
        given = environ.get("HTTP_X_REQUEST_ID", "")
        telemetry.bind(request_id=given if _REQUEST_ID.fullmatch(given) else str(new_id()))
        i18n.language.set(_language(environ))
        if isinstance(request.routing_exception, RequestRedirect):
            # Mending a path would answer with an address made from the Host header, which anybody can forge.
            raise NotFound

    @app.teardown_request
    def _end(_error: BaseException | None) -> None:
        clock.let_go()
        identity.act_as(identity.NOBODY)

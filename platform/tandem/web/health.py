"""Is it alive, is it ready, what does it count: for load balancers and for whoever is on call."""

from dataclasses import asdict

import orjson
from flask import Blueprint, Response

from tandem.kernel import telemetry

blueprint = Blueprint("health", __name__)


@blueprint.get("/livez")
def livez() -> Response:
    """The process answers."""
    return Response("ok\n", mimetype="text/plain")


@blueprint.get("/readyz")
def readyz() -> Response:
    """Each part the platform needs, and whether it answers; 503 when one does not."""
    parts = telemetry.readiness()
    ready = all(part.ok for part in parts.values())
    body = {"ready": ready, "parts": {name: asdict(part) for name, part in parts.items()}}
    return Response(orjson.dumps(body), 200 if ready else 503, mimetype="application/json")


@blueprint.get("/metrics")
def metrics() -> Response:
    """Prometheus counts of all processes. The site's proxy keeps this address inside."""
    body, content_type = telemetry.render_metrics()
    return Response(body, content_type=content_type)

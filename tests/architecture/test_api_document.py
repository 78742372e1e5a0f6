"""What /openapi.json promises is what comes: made-up requests, good and bad, from every audience and from nobody."""

import os
from collections.abc import Iterator
from typing import Any
from uuid import UUID

import pytest
import schemathesis
from flask import Flask
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis.errors import NonInteractiveExampleWarning
from schemathesis import GenerationMode
from schemathesis.checks import load_all_checks, not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)
from sqlalchemy import Engine

from tests.architecture.twins import World, a_world
from tests.people import signed_in

CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]
AUDIENCES = ("operator", "hospital", "employer", "patient", "public")


@pytest.fixture(scope="module")
def app(walked_app: Flask) -> Flask:
    return walked_app


@pytest.fixture(scope="module")
def world(app: Flask, engine: Engine) -> World:
    with app.app_context():
        return a_world(engine)


@pytest.fixture(scope="module")
def document(app: Flask) -> Any:
    load_all_checks()
    return schemathesis.openapi.from_wsgi("/openapi.json", app)


def operations(document: Any, audience: str) -> list[Any]:
    prefix = "/webhooks" if audience == "webhooks" else f"/api/{audience}/"
    return [each.ok() for each in document.get_all_operations() if each.ok().path.startswith(prefix)]


def try_out(operation: Any, headers: dict[str, str], own: UUID | None, *, examples: int, mode: GenerationMode) -> list[str]:
    """Made-up requests at one address; what was not as promised."""
    broken: list[str] = []

    @settings(
        max_examples=examples,
        database=None,
        deadline=None,
        derandomize=True,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(case=operation.as_strategy(generation_mode=mode))
    def one(case: Any) -> None:
        if own is not None:
            case.path_parameters = {name: str(own) if name.endswith("_id") else value for name, value in case.path_parameters.items()}
        response = case.call(headers=headers)
        try:
            case.validate_response(response, checks=CHECKS)
        except BaseExceptionGroup as failures:
            broken.extend(f"{operation.label} {response.status_code}: {type(each).__name__} {each} {response.content.decode()[:300]} {case.body!r:.200}" for each in failures.exceptions)

    one()
    return broken


@pytest.mark.parametrize("audience", AUDIENCES)
def test_x(document, world, audience):
    import time
    out = []
    headers = world.credentials.get(audience, {})
    own = (world.employers if audience == "employer" else world.hospitals)[0].id
    t=time.time(); n=0
    for operation in operations(document, audience):
        for mode in (GenerationMode.POSITIVE, GenerationMode.NEGATIVE):
            for o in (own, None):
                n+=1
                try:
                    out += try_out(operation, headers, o, examples=3, mode=mode)
                except Exception as x:
                    out.append(f"{operation.label} EXC {type(x).__name__} {str(x)[:300]}")
    print("TIME", audience, n, time.time()-t)
    for line in sorted(set(out)): print("  F", line.replace("\n"," ")[:700])
    assert 0

"""What /openapi.json promises is what comes: made-up requests, good and bad, from every audience and from nobody."""

import json
import os
from typing import Any
from uuid import UUID

import pytest
import schemathesis
from flask import Flask
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
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


def names_its_field(_ctx: Any, response: Any, _case: Any) -> None:
    """What cannot be accepted is named: a field, a reason, a mend."""
    if response.status_code != 422:
        return
    said = json.loads(response.content)
    named = said["type"] != "/problems/invalid" or all(
        each["field"] and each["reason"] and each["mend"] for each in said.get("errors") or [{"field": ""}]
    )
    assert named, f"no field is named: {said}"


CHECKS = [
    names_its_field,
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]
AUDIENCES = ("operator", "hospital", "employer", "patient", "regulator", "public")
# The first is the plainest that the document allows, the second as luck has it; sixty are sent by the slow suite.
EXAMPLES = 2
# What would spoil the run for whoever comes after.
LEFT_OUT = {"PUT /api/operator/v1/test_clock": "moves the clock of this process"}


@pytest.fixture(scope="module")
def app(walked_app: Flask) -> Flask:
    return walked_app


@pytest.fixture(scope="module")
def worlds(app: Flask, engine: Engine) -> list[World]:
    with app.app_context():
        return [a_world(engine), a_world(engine, bare=True)]


@pytest.fixture(scope="module")
def document(app: Flask) -> Any:
    load_all_checks()
    return schemathesis.openapi.from_wsgi("/openapi.json", app, config=config(reads_the_source=False))


@pytest.fixture(scope="module")
def studied_document(app: Flask) -> Any:
    load_all_checks()
    return schemathesis.openapi.from_wsgi("/openapi.json", app, config=config(reads_the_source=True))


def config(*, reads_the_source: bool) -> schemathesis.Config:
    """Whether made-up values are also words of the application's own source: looking for them pays with many requests."""
    return schemathesis.Config.from_dict({"analysis": {"constants": {"enabled": reads_the_source}}})


def operations(document: Any, audience: str) -> list[Any]:
    """The document's operations for one audience; the webhooks are the public's."""
    prefixes = (f"/api/{audience}/", *(["/webhooks/"] if audience == "public" else []))
    every = [each.ok() for each in document.get_all_operations()]
    return [each for each in every if each.path.startswith(prefixes) and each.label not in LEFT_OUT]


def broken_promises(operation: Any, callers: list[tuple[dict[str, str], UUID | None]], examples: int) -> list[str]:
    """Made-up requests at one address, each as one of these callers; what was not as the document says."""
    broken: list[str] = []
    modes = [operation.as_strategy(generation_mode=mode) for mode in (GenerationMode.POSITIVE, GenerationMode.NEGATIVE)]

    @settings(
        max_examples=examples,
        database=None,
        derandomize=True,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(case=st.one_of(modes), caller=st.sampled_from(callers))
    def request(case: Any, caller: tuple[dict[str, str], UUID | None]) -> None:
        headers, own = caller
        if own is not None:
            held = {name: str(own) for name in case.path_parameters if name.endswith("_id")}
            case.path_parameters = dict(case.path_parameters) | held
        answer = case.call(headers=headers)
        try:
            case.validate_response(answer, checks=CHECKS)
        except BaseExceptionGroup as failures:
            said = answer.content.decode(errors="replace")[:300]
            broken.extend(f"{operation.label} {answer.status_code}: {each} {said}" for each in failures.exceptions)

    request()
    return broken


def callers(worlds: list[World], audience: str) -> list[tuple[dict[str, str], UUID | None]]:
    """Somebody of this audience, with ids of their own (who asks the plainest question) and with any ids; and nobody."""
    known: list[tuple[dict[str, str], UUID | None]] = []
    for world in worlds:
        twin = (world.employers if audience == "employer" else world.hospitals)[0]
        if audience == "patient":
            known += [(signed_in(twin.id, "patient"), own) for own in (twin.id, None)]
        elif audience in world.credentials:
            known += [(world.credentials[audience], own) for own in (twin.id, None)]
    return [*known, ({}, None)]


@pytest.mark.parametrize("audience", AUDIENCES)
def test_what_the_document_promises_is_what_comes(document, worlds, audience):
    examples = int(os.environ.get("TANDEM_DOCUMENT_EXAMPLES", EXAMPLES))

    broken = [
        promise
        for operation in operations(document, audience)
        for promise in broken_promises(operation, callers(worlds, audience), examples)
    ]

    assert not broken, "\n".join(sorted(set(broken)))


@pytest.mark.slow
@pytest.mark.parametrize("audience", AUDIENCES)
def test_it_holds_for_many_more_requests(studied_document, worlds, audience):
    broken = [
        promise
        for operation in operations(studied_document, audience)
        for promise in broken_promises(operation, callers(worlds, audience), 60)
    ]

    assert not broken, "\n".join(sorted(set(broken)))

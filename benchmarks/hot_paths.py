"""The slot list and the booking POST, through the platform and through a bare handler, interleaved."""

import os
import pickle
import random
import statistics
from base64 import b32decode, b64encode
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Any, Final
from uuid import UUID

import orjson
from flask import Flask

import b2b.wiring
import tandem.wiring
import tenants.wiring
from benchmarks.load import Outcome, drive, percentile
from benchmarks.recording import named, recorded
from benchmarks.seeding import World, make_world
from benchmarks.servers import Web, cpu_seconds, family, serving
from tandem.app import create_app
from tandem.embedded import start_postgres, start_valkey
from tandem.embedded.roles import ROLES, prepare_database, with_database
from tandem.embedded.schema import upgrade
from tandem.kernel import crypto
from tandem.kernel.database import db
from tandem.kernel.ids import derived_id, new_id
from tandem.kernel.settings import Settings
from tandem.kernel.tenancy import acting_for

CONNECTIONS: Final = 8
FEW, MANY = 10, 2_000
PASSWORD: Final = "benchmarks"
# A small list is read far more often than a slot is booked, and costs less: more of them, for the same time.
LISTS, BOOKINGS, WARM = 3_000, 1_000, 600
SLICES: Final = 10
BOOK_ROUTE: Final = "/api/patient/v1/hospitals/<uuid:hospital_id>/appointments"


@dataclass
class Place:
    """A database of some size, what is in it, and who serves it."""

    size: int
    app: Flask
    environment: Mapping[str, str]
    app_url: str
    world: World
    unbooked: Iterator[tuple[UUID, UUID]]


@dataclass
class Measured:
    """All runs of one handler under one load."""

    per_second: list[float] = field(default_factory=list)
    web_ms: list[float] = field(default_factory=list)
    p50_ms: list[float] = field(default_factory=list)
    p99_ms: list[float] = field(default_factory=list)


def measure(home: Path, *, runs: int, share: float = 1.0, sizes: tuple[int, ...] = (FEW, MANY)) -> None:
    """Print requests per second of each handler, and the ratios of each run."""
    with ExitStack() as stack:
        places = [stack.enter_context(_place(home, size, runs)) for size in sizes]
        servers: list[tuple[str, Place, Web]] = []
        for place in places:
            servers += _servers(stack, home, place)
        for load in ("public slot list", "patient slot list", "booking"):
            found = _interleaved(load, servers, runs=runs, share=share)
            _print(load, found)


@contextmanager
def _place(home: Path, size: int, runs: int) -> Iterator[Place]:
    postgres = start_postgres(home, password=PASSWORD, settings={"max_connections": "200"})
    valkey = start_valkey(home, password=PASSWORD)
    admin_url = with_database(postgres.admin_url, f"hospitals_{size}_{os.getpid()}")
    urls = prepare_database(admin_url, dict.fromkeys(ROLES, PASSWORD))
    upgrade(urls.owner)
    settings = Settings(
        home=home,
        base_url="http://127.0.0.1:8000",
        app_database_url=urls.app,
        operator_database_url=urls.operator,
        owner_database_url=urls.owner,
        redis_url=valkey.url,
        secret_key=PASSWORD,
        field_key=bytes(range(32)),
        audit_key=bytes(range(32, 64)),
        stripe_secret_key="sk_test_" + "0" * 24,
        stripe_webhook_secrets=("whsec_" + "0" * 32,),
        stripe_base_url="http://127.0.0.1:1",
    )
    app = create_app(settings, [tandem.wiring, tenants.wiring, b2b.wiring])
    bookings = 2 * (runs * BOOKINGS + WARM)
    days = max(2, bookings // size // 30 + 2)
    print(f"seeding {size} hospitals, {days * 72} slots each", flush=True)
    world = make_world(app, admin_url, hospitals=size, days=days)
    # Spread over the hospitals, and not in the order in which they lie.
    pairs = [(hospital, slot) for slot in world.slots for hospital in world.hospitals]
    random.Random(7).shuffle(pairs)
    yield Place(size, app, _environment(settings), urls.app, world, iter(pairs))
    with app.app_context():
        for engine in db.engines.values():
            engine.dispose()


def _environment(settings: Settings) -> dict[str, str]:
    return {
        "TANDEM_HOME": str(settings.home),
        "TANDEM_BASE_URL": settings.base_url,
        "TANDEM_APP_DATABASE_URL": settings.app_database_url,
        "TANDEM_OPERATOR_DATABASE_URL": settings.operator_database_url,
        "REDIS_URL": settings.redis_url,
        "TANDEM_SECRET_KEY": settings.secret_key,
        "TANDEM_FIELD_KEY": b64encode(settings.field_key).decode(),
        "TANDEM_AUDIT_KEY": b64encode(settings.audit_key).decode(),
        "STRIPE_SECRET_KEY": settings.stripe_secret_key,
        "STRIPE_WEBHOOK_SECRET": settings.stripe_webhook_secrets[0],
    }


def _servers(stack: ExitStack, home: Path, place: Place) -> list[tuple[str, Place, Web]]:
    plans = home / f"plans_{place.size}.pickle"
    plans.write_bytes(pickle.dumps(_plans(place)))
    bare = {"BENCHMARK_PLANS": str(plans), "BENCHMARK_URL": place.app_url}
    made = []
    for name, target, config, environment in (
        ("bare", "benchmarks.bare:app", "benchmarks/bare.conf.py", bare),
        ("tandem", "wsgi:app", "deploy/gunicorn.conf.py", place.environment),
    ):
        log = home / f"{name}_{place.size}.log"
        web = stack.enter_context(serving(name, target, config, environment, log))
        made.append((name, place, web))
    return made


def _plans(place: Place) -> dict[str, Any]:
    """What the platform asks PostgreSQL for each load, recorded from a second request: the first fills caches."""
    client, world = place.app.test_client(), place.world
    raw = b32decode(world.token.rpartition("_")[2].upper() + "=" * (-len(world.token.rpartition("_")[2]) % 8))
    person = UUID(bytes=raw[:16])
    headers = {"Authorization": f"Bearer {world.token}"}
    plans = {}
    for load in ("public slot list", "patient slot list", "booking"):
        for _ in range(8):
            hospital, slot = next(place.unbooked)
            with place.app.app_context(), acting_for(hospital):
                # The hospital's key is at hand, as it is in a process that has been running.
                crypto.encrypt("", "benchmarks.warm")
            request = {"hospital": hospital, "person": person, "secret_hash": sha256(raw).digest()}
            with recorded() as steps:
                if load == "booking":
                    key, path = str(new_id()), f"/api/patient/v1/hospitals/{hospital}/appointments"
                    body = orjson.dumps({"slot_id": str(slot), "accepts_advice_only": False})
                    request["slot"] = slot
                    request["body_sha256"] = sha256(path.encode() + b"?\x00" + body).digest()
                    request["key"] = derived_id("idempotency", person, f"POST {BOOK_ROUTE}", key)
                    sent = headers | {"Idempotency-Key": key, "Content-Type": "application/json"}
                    answer = client.post(path, data=body, headers=sent)
                else:
                    request["service"] = world.service_id
                    answer = client.get(_list_path(load, hospital, world), headers=headers if "patient" in load else {})
            if answer.status_code not in {200, 201}:
                raise RuntimeError(f"{load}: {answer.status_code} {answer.text}")
        method, audience = ("POST" if load == "booking" else "GET"), ("public" if "public" in load else "patient")
        plans[method + audience] = named(steps, request)
        print(f"  {load}: {len(steps)} round trips")
        if os.environ.get("BENCHMARK_SHOW"):
            for step in plans[method + audience]:
                print("     ", step.kind, " ".join(str(getattr(step.sql, "form", step.sql)).split())[:1200])
    return plans


def _list_path(load: str, hospital: UUID, world: World) -> str:
    return f"/api/{load.split(maxsplit=1)[0]}/v1/hospitals/{hospital}/services/{world.service_id}/slots"


def _interleaved(
    load: str, servers: list[tuple[str, Place, Web]], *, runs: int, share: float
) -> dict[tuple[str, int], Measured]:
    found: dict[tuple[str, int], Measured] = {}
    count = int((BOOKINGS if load == "booking" else LISTS) * share)
    for _, place, web in servers:
        drive(web.port, _requests(load, place, int(WARM * share)), connections=CONNECTIONS)
    for _ in range(runs):
        slices: dict[int, Any] = {web.pid: [0.0, 0.0, []] for _, _, web in servers}
        for turn in range(SLICES):
            # To and fro in slices of a second or so: what else the machine does falls on all of them alike.
            for name, place, web in servers if turn % 2 == 0 else servers[::-1]:
                pids = family(web.pid)
                before = cpu_seconds(pids)
                outcome = drive(web.port, _requests(load, place, count // SLICES), connections=CONNECTIONS)
                _refuse_failures(load, name, outcome)
                slices[web.pid][0] += outcome.seconds
                slices[web.pid][1] += cpu_seconds(pids) - before
                slices[web.pid][2] += outcome.latencies
        for name, place, web in servers:
            seconds, busy, latencies = slices[web.pid]
            measured = found.setdefault((name, place.size), Measured())
            measured.per_second.append(len(latencies) / seconds)
            measured.web_ms.append(busy / len(latencies) * 1000)
            measured.p50_ms.append(percentile(latencies, 0.5))
            measured.p99_ms.append(percentile(latencies, 0.99))
    return found


def _requests(load: str, place: Place, count: int) -> list[bytes]:
    world, order = place.world, random.Random(count)
    made = []
    for _ in range(count):
        if load == "booking":
            hospital, slot = next(place.unbooked)
            body = orjson.dumps({"slot_id": str(slot), "accepts_advice_only": False})
            head = (
                f"POST /api/patient/v1/hospitals/{hospital}/appointments HTTP/1.1\r\nHost: 127.0.0.1\r\n"
                f"Authorization: Bearer {world.token}\r\nIdempotency-Key: {new_id()}\r\n"
                f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
            )
            made.append(head.encode() + body)
            continue
        path = _list_path(load, order.choice(world.hospitals), world)
        signed = f"Authorization: Bearer {world.token}\r\n" if load.startswith("patient") else ""
        made.append(f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\n{signed}\r\n".encode())
    return made


def _refuse_failures(load: str, name: str, outcome: Outcome) -> None:
    if set(outcome.statuses) - {b"200", b"201"}:
        raise RuntimeError(f"{load} through {name}: {outcome.statuses} {outcome.sample.decode(errors='replace')}")


def _print(load: str, found: dict[tuple[str, int], Measured]) -> None:
    print(f"\n{load}")
    print(f"  {'handler':<8}{'hospitals':>10}  {'requests/s, each run':<26}{'median':>7}{'p50 ms':>8}{'p99 ms':>8}"
          f"{'web CPU ms':>12}")  # fmt: skip
    for (name, size), one in found.items():
        print(
            f"  {name:<8}{size:>10}  {'  '.join(f'{each:6.0f}' for each in one.per_second):<26}"
            f"{statistics.median(one.per_second):>7.0f}{statistics.median(one.p50_ms):>8.2f}"
            f"{statistics.median(one.p99_ms):>8.2f}{statistics.median(one.web_ms):>12.3f}"
        )
    sizes = sorted({size for _, size in found})
    for size in sizes:
        _ratio(f"tandem / bare at {size} hospitals", found["tandem", size], found["bare", size])
    for size in sizes[1:]:
        _ratio(f"tandem at {size} / at {sizes[0]} hospitals", found["tandem", size], found["tandem", sizes[0]])


def _ratio(title: str, above: Measured, below: Measured) -> None:
    ratios = [a / b for a, b in zip(above.per_second, below.per_second, strict=True)]
    work = statistics.median(below.web_ms) / statistics.median(above.web_ms)
    each = ", ".join(f"{ratio:.2f}" for ratio in ratios)
    print(f"  {title}: {statistics.median(ratios):.2f} ({each}); by CPU of the web processes {work:.2f}", flush=True)

"""What a working environment needs, looked at one by one; each finding says what was seen and how to mend it."""

import os
import shutil
import stat
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from typing import Any, Final
from urllib.parse import urlsplit

import psycopg
import redis

from tandem.embedded.errors import ServerRefused
from tandem.embedded.home import Home
from tandem.embedded.processes import port_is_free
from tandem.embedded.roles import role_faults
from tandem.embedded.schema import pending
from tandem.kernel.settings import Settings, SettingsMissing

OLDEST_PYTHON: Final = (3, 11)
POSTGRES_MAJORS: Final = range(15, 19)
LEAST_FREE_BYTES: Final = 1 << 30
# The provider refuses webhooks that are five minutes off; a lease is twenty seconds; two seconds hurt nobody yet.
MOST_SKEW_SECONDS: Final = 2.0
_UNREACHABLE: Final = "is the server running, and is its URL right? `tandem env` shows the URLs"


@dataclass(frozen=True)
class Finding:
    """One thing looked at. `mend` is empty when nothing is wrong."""

    name: str
    seen: str
    mend: str = ""

    @property
    def ok(self) -> bool:
        return not self.mend


def examine(home: Home) -> Iterator[Finding]:
    """Look at everything; a part that cannot be looked at is a finding, never an exception."""
    yield from (_python(), _disk(home), _port(home), _secrets_file(home))
    try:
        settings = Settings.load(home=home.path)
    except (SettingsMissing, ServerRefused, ValueError) as missing:
        yield Finding("settings", str(missing), "run `tandem up` once, or set what deploy/env.example lists")
        return
    yield from _keys(settings)
    asleep = bool(home.stack()) and home.running_pid() is None
    mend = "nothing runs from this data folder: start it with `tandem up`" if asleep else _UNREACHABLE
    for role, url in _databases(settings).items():
        yield _looked_at(f"database as {role}", partial(_database, role, url), mend)
    if settings.owner_database_url:
        yield _looked_at("migrations", partial(_migrations, settings.owner_database_url), mend)
    yield _looked_at("clock", partial(_clock, settings.app_database_url), mend)
    yield _looked_at("redis", partial(_redis, settings.redis_url), mend)


def _python() -> Finding:
    seen = ".".join(map(str, sys.version_info[:3]))
    newer = "install Python 3.11 or newer, then `make PYTHON=/path/to/python3 setup`"
    return Finding("python", seen, "" if sys.version_info >= OLDEST_PYTHON else newer)


def _disk(home: Home) -> Finding:
    place = next(folder for folder in (home.path, *home.path.parents) if folder.exists())
    free = shutil.disk_usage(place).free
    if not os.access(place, os.W_OK):
        return Finding("disk", f"{place} cannot be written", "run as its owner, or set TANDEM_HOME")
    mend = "" if free >= LEAST_FREE_BYTES else f"free at least {LEAST_FREE_BYTES >> 30} GiB, or set TANDEM_HOME"
    return Finding("disk", f"{free / (1 << 30):.1f} GiB free at {place}", mend)


def _port(home: Home) -> Finding:
    running, stack = home.running_pid(), home.stack()
    if running:
        return Finding("port", f"{stack.get('port')}, served by our own supervisor (pid {running})")
    wanted = os.environ.get("TANDEM_PORT")
    if wanted and wanted.isdigit() and not port_is_free(int(wanted)):
        return Finding("port", f"{wanted} is taken", "stop what listens there, or set another TANDEM_PORT")
    return Finding("port", f"{wanted or 8000} (nothing of ours runs; `tandem up` starts it)")


def _secrets_file(home: Home) -> Finding:
    try:
        mode = stat.S_IMODE(home.secrets_file.stat().st_mode)
    except OSError:
        return Finding("secrets", "no secrets.json here; the environment must give the keys")
    mend = f"chmod 600 {home.secrets_file}, then change the keys if others use this machine" if mode & 0o077 else ""
    return Finding("secrets", f"secrets.json has mode {mode:03o}", mend)


def _keys(settings: Settings) -> Iterator[Finding]:
    strong = len(settings.secret_key) >= 32
    yield Finding(
        "secret key",
        f"{len(settings.secret_key)} characters",
        "" if strong else "set TANDEM_SECRET_KEY to 32 random characters or more",
    )
    for name, key in (("field key", settings.field_key), ("audit key", settings.audit_key)):
        variable = f"TANDEM_{name.replace(' ', '_').upper()}"
        right = len(key) == 32
        yield Finding(name, f"{len(key)} bytes", "" if right else f"set {variable} to 32 random bytes in base64")
    yield _stripe(settings)


def _stripe(settings: Settings) -> Finding:
    where = settings.stripe_base_url or "Stripe itself"
    if not settings.stripe_secret_key.startswith(("sk_", "rk_")):
        return Finding("stripe", "the secret key is not one of Stripe's", "set STRIPE_SECRET_KEY to sk_… or rk_…")
    if not settings.stripe_webhook_secrets:
        return Finding("stripe", f"{where}, no webhook is taken", "set STRIPE_WEBHOOK_SECRET; till then news is hourly")
    if not all(secret.rpartition("=")[2].startswith("whsec_") for secret in settings.stripe_webhook_secrets):
        return Finding("stripe", "a webhook secret is not one of Stripe's", "set STRIPE_WEBHOOK_SECRET to whsec_…")
    return Finding("stripe", f"{where}, {'live' if settings.is_live else 'test'} key")


def _databases(settings: Settings) -> dict[str, str]:
    urls = {"app": settings.app_database_url, "operator": settings.operator_database_url}
    return urls | ({"owner": settings.owner_database_url} if settings.owner_database_url else {})


def _database(role: str, url: str) -> Finding:
    name = f"database as {role}"
    with closing(psycopg.connect(url, connect_timeout=5)) as connection:
        version = connection.info.server_version // 10_000
        user = connection.info.user
    if version not in POSTGRES_MAJORS:
        newest, oldest = POSTGRES_MAJORS[-1], POSTGRES_MAJORS[0]
        return Finding(name, f"PostgreSQL {version}", f"use PostgreSQL {oldest} to {newest}")
    faults = [] if role == "owner" else role_faults(url)
    if faults:
        return Finding(
            name,
            "; ".join(faults),
            f"row-level security cannot hold {user}: take that right away with ALTER ROLE or REVOKE, "
            "as `tandem db roles --dry-run` shows it",
        )
    return Finding(name, f"{user} on PostgreSQL {version}, held by row-level security" if role != "owner" else user)


def _migrations(owner_url: str) -> Finding:
    names = pending(owner_url)
    if not names:
        return Finding("migrations", "none pending")
    return Finding("migrations", f"{len(names)} pending, first {names[0]}", "run `tandem db upgrade`")


def _clock(url: str) -> Finding:
    with closing(psycopg.connect(url, connect_timeout=5)) as connection:
        asked = time.time()
        row = connection.execute("SELECT extract(epoch FROM clock_timestamp())::float8").fetchone()
        answered = time.time()
    skew = (float(row[0]) if row else 0.0) - (asked + answered) / 2
    mend = "" if abs(skew) <= MOST_SKEW_SECONDS else "turn on time synchronisation (NTP) on both machines"
    return Finding("clock", f"{skew:+.3f} s between this machine and the database", mend)


def _redis(url: str) -> Finding:
    with closing(redis.Redis.from_url(url, socket_timeout=5, socket_connect_timeout=5)) as client:
        facts: dict[str, Any] = client.info()
        policy = facts.get("maxmemory_policy", "unknown")
    version = facts.get("valkey_version") or facts.get("redis_version")
    if policy != "noeviction":
        return Finding("redis", f"{version}, maxmemory-policy {policy}", "set maxmemory-policy noeviction")
    return Finding("redis", f"{version} at {urlsplit(url).hostname}:{urlsplit(url).port}, noeviction")


def _looked_at(name: str, look: Callable[[], Finding], mend: str) -> Finding:
    try:
        return look()
    except (psycopg.Error, redis.RedisError, ServerRefused, OSError) as error:
        told = (str(error).strip() or type(error).__name__).splitlines()[0]
        return Finding(name, told, mend)

"""One frozen page of settings: the environment first, then what `tandem up` wrote into TANDEM_HOME."""

import json
import os
from base64 import b64decode
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

HOME_DEFAULT: Final = ".tandem"
BODY_LIMIT_BYTES: Final = 1 << 20
UPLOAD_LIMIT_BYTES: Final = 20 << 20


class SettingsMissing(Exception):
    """A setting the platform cannot run without; the message names it and where it comes from."""


@dataclass(frozen=True)
class Settings:
    """Everything a process must know before it starts. Secrets are kept out of `repr`."""

    home: Path
    base_url: str
    app_database_url: str = field(repr=False)
    operator_database_url: str = field(repr=False)
    owner_database_url: str | None = field(repr=False)
    redis_url: str = field(repr=False)
    secret_key: str = field(repr=False)
    field_key: bytes = field(repr=False)
    audit_key: bytes = field(repr=False)
    stripe_secret_key: str = field(repr=False)
    stripe_webhook_secrets: tuple[str, ...] = field(repr=False)
    stripe_base_url: str | None = None

    @property
    def is_live(self) -> bool:
        """Whether real money moves: decided by the Stripe key alone."""
        return self.stripe_secret_key.startswith(("sk_live_", "rk_live_"))

    @property
    def clock_file(self) -> Path | None:
        """A movable clock's offset file; None as soon as Stripe itself, live or test, is at the other end."""
        return None if self.is_live or self.stripe_base_url is None else self.home / "clock"

    @classmethod
    def load(cls, environ: Mapping[str, str] = os.environ, home: Path | None = None) -> "Settings":
        """Read the environment, then `stack.json` and `secrets.json` of the home.

        Raises SettingsMissing naming the first setting that neither gives.
        """
        home = (home or Path(environ.get("TANDEM_HOME", HOME_DEFAULT))).resolve()
        stack, secrets = _read(home / "stack.json"), _read(home / "secrets.json")
        urls = stack.get("database_urls", {})

        def need(name: str, fallback: object) -> str:
            value = environ.get(name) or fallback
            if not value:
                raise SettingsMissing(f"{name} is not set and {home}/stack.json has none: run `tandem up` first")
            return str(value)

        return cls(
            home=home,
            base_url=need("TANDEM_BASE_URL", stack.get("base_url", "http://127.0.0.1:8000")),
            app_database_url=need("TANDEM_APP_DATABASE_URL", urls.get("app")),
            operator_database_url=need("TANDEM_OPERATOR_DATABASE_URL", urls.get("operator")),
            owner_database_url=environ.get("TANDEM_OWNER_DATABASE_URL") or urls.get("owner"),
            redis_url=need("REDIS_URL", stack.get("redis_url")),
            secret_key=need("TANDEM_SECRET_KEY", secrets.get("secret_key")),
            field_key=b64decode(need("TANDEM_FIELD_KEY", secrets.get("field_key"))),
            audit_key=b64decode(need("TANDEM_AUDIT_KEY", secrets.get("audit_key"))),
            stripe_secret_key=need("STRIPE_SECRET_KEY", secrets.get("stripe_secret_key")),
            stripe_webhook_secrets=_several(
                # Given and empty is a decision: no webhook is taken. Only where nothing is given, `tandem up` decides.
                ""
                if environ.get("STRIPE_WEBHOOK_SECRET") == ""
                else need("STRIPE_WEBHOOK_SECRET", secrets.get("stripe_webhook_secret"))
            ),
            stripe_base_url=None if environ.get("STRIPE_SECRET_KEY") else stack.get("sandbox_url"),
        )


def _several(value: str) -> tuple[str, ...]:
    # Two secrets, newest first, while one is being rotated.
    return tuple(part.strip() for part in value.split(",") if part.strip())


def _read(path: Path) -> dict[str, Any]:
    try:
        found = json.loads(path.read_text())
    except FileNotFoundError:
        return {}
    return found if isinstance(found, dict) else {}

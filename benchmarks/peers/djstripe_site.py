"""dj-stripe's webhook endpoint in a Django site that has nothing else: no session, no authentication, DEBUG off.

As documented it works an event in the request: it stores the delivery, checks the signature, asks the provider for the
object and stores both. With BENCHMARK_QUEUE set its `DJSTRIPE_WEBHOOK_EVENT_CALLBACK` puts the delivery on a Redis list
instead, as its documentation proposes for busy sites. Settings: one persistent connection per thread, psycopg 3.
Run as a program it migrates and makes the rows it needs; as a module it is a WSGI application.
"""

import json
import os
import sys
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID

import django
import stripe
from django.conf import settings

ENDPOINT = UUID("5f0c2f0e-2f6f-4f0e-9b8f-2b1f0e5f0c2f")
SECRET = "whsec_" + "0" * 32
API_KEY = "sk_test_" + "0" * 24
PLATFORM, CONNECTED = "acct_platform", "acct_benchmark"


def configure(url: str) -> None:
    place = urlsplit(url)
    settings.configure(
        DEBUG=False,
        SECRET_KEY="benchmarks",
        USE_TZ=True,
        ALLOWED_HOSTS=["*"],
        INSTALLED_APPS=["django.contrib.contenttypes", "django.contrib.auth", "djstripe"],
        # It says how long an answer is, so that connections can be kept.
        MIDDLEWARE=["django.middleware.common.CommonMiddleware"],
        ROOT_URLCONF="benchmarks.peers.djstripe_urls",
        LOGGING_CONFIG=None,
        DEFAULT_AUTO_FIELD="django.db.models.BigAutoField",
        DJSTRIPE_FOREIGN_KEY_TO_FIELD="id",
        STRIPE_LIVE_MODE=False,
        STRIPE_TEST_SECRET_KEY=API_KEY,
        **({"STRIPE_API_HOST": os.environ["BENCHMARK_PROVIDER"]} if "BENCHMARK_PROVIDER" in os.environ else {}),
        **({"DJSTRIPE_WEBHOOK_EVENT_CALLBACK": put_on_queue} if "BENCHMARK_QUEUE" in os.environ else {}),
        DATABASES={
            "default": {
                "ENGINE": "django.db.backends.postgresql",
                "NAME": place.path.strip("/"),
                "USER": place.username,
                "PASSWORD": place.password,
                "HOST": place.hostname,
                "PORT": place.port,
                "CONN_MAX_AGE": None,
            }
        },
    )
    # One retry would hide a provider that cannot keep up.
    stripe.max_network_retries = 0
    django.setup()


def put_on_queue(delivery: Any, api_key: str) -> None:
    """Leave the work to somebody else."""
    queue().lpush("djstripe:webhooks", delivery.id)


def queue() -> Any:
    """This process's connection pool."""
    if "queue" not in _kept:
        import redis

        _kept["queue"] = redis.Redis.from_url(os.environ["BENCHMARK_QUEUE"])
    return _kept["queue"]


_kept: dict[str, Any] = {}


def prepare() -> None:
    from django.core.management import call_command
    from djstripe.models import Account, APIKey, WebhookEndpoint

    call_command("migrate", verbosity=0)
    platform = Account.objects.create(id=PLATFORM, livemode=False, stripe_data={"id": PLATFORM})
    Account.objects.create(id=CONNECTED, livemode=False, stripe_data={"id": CONNECTED})
    APIKey.objects.create(secret=API_KEY, type="secret", livemode=False, djstripe_owner_account=platform)
    WebhookEndpoint.objects.create(
        id="we_benchmark",
        djstripe_uuid=ENDPOINT,
        secret=SECRET,
        livemode=False,
        djstripe_owner_account=platform,
        enabled_events=["*"],
        url="http://127.0.0.1/",
        status="enabled",
        stripe_data={},
    )


def wsgi() -> Any:
    from django.core.wsgi import get_wsgi_application

    configure(os.environ["BENCHMARK_URL"])
    return get_wsgi_application()


if __name__ == "__main__":
    configure(json.loads(sys.argv[-1])["url"])
    prepare()
else:
    application = wsgi()

"""django-hordak: transactions in bulk, as its own benchmark command makes them, or one atomic block each.

Facts: `single` (one transaction per journal), `legs`. With `prepare` it only migrates and makes the accounts.
Settings: DEBUG off, one persistent connection through psycopg 3 (binary), server-side binding as Django's default,
50,000 legs per atomic block as in hordak's `create_benchmark_transactions`; account ids, not account objects.
"""

from datetime import date, timedelta
from decimal import Decimal
from typing import Any
from urllib.parse import urlsplit

import django
from django.conf import settings

from benchmarks.stopwatch import Task
from benchmarks.workload import Journal, journals

ACCOUNTS = 1_000
LEGS_AT_ONCE = 50_000
BEGAN = date(2026, 1, 1)


def main() -> None:
    task = Task.given()
    _configure(task.url)
    if task.facts.get("prepare"):
        _prepare()
    else:
        _post(task)


def _post(task: Task) -> None:
    from hordak.models import Account, Leg, Transaction

    legs, single = int(task.facts.get("legs", 4)), bool(task.facts.get("single"))
    accounts = list(Account.objects.order_by("id").values_list("id", flat=True))
    work = journals(task.seed, task.count, legs=legs, accounts=ACCOUNTS, hot=False)
    at_once = 1 if single else LEGS_AT_ONCE // legs
    models = (Transaction, Leg)
    for first in range(0, task.count, at_once):
        batch = [next(work) for _ in range(min(at_once, task.count - first))]
        with task.timed():
            (_single if single else _bulk)(models, batch, accounts)
    assert Transaction.objects.count() == task.count
    task.tell()


def _bulk(models: Any, batch: list[Journal], accounts: list[int]) -> None:
    from django.db import transaction as database

    transaction_model, leg_model = models
    transactions, legs = [], []
    for journal in batch:
        transaction = transaction_model(date=_day(journal), description=journal.key)
        transactions.append(transaction)
        legs += [leg_model(transaction=transaction, **_leg(leg, accounts)) for leg in journal.legs]
    with database.atomic():
        transaction_model.objects.bulk_create(transactions)
        leg_model.objects.bulk_create(legs)


def _single(models: Any, batch: list[Journal], accounts: list[int]) -> None:
    from django.db import transaction as database

    transaction_model, leg_model = models
    for journal in batch:
        with database.atomic():
            transaction = transaction_model.objects.create(date=_day(journal), description=journal.key)
            for leg in journal.legs:
                leg_model.objects.create(transaction=transaction, **_leg(leg, accounts))


def _leg(leg: tuple[int, int], accounts: list[int]) -> dict[str, Any]:
    from moneyed import Money

    account, amount_minor = leg
    side = "debit" if amount_minor > 0 else "credit"
    return {"account_id": accounts[account], side: Money(Decimal(abs(amount_minor)).scaleb(-2), "CNY")}


def _day(journal: Journal) -> date:
    return BEGAN + timedelta(days=journal.number % 365)


def _prepare() -> None:
    from django.core.management import call_command
    from hordak.models import Account

    call_command("migrate", verbosity=0)
    made = []
    for number in range(ACCOUNTS + 1):
        account = Account(name=f"Account {number}", type="AS", currencies=["CNY"])
        account.lft, account.rght, account.tree_id, account.level = 0, 0, 0, 0
        made.append(account)
    Account.objects.bulk_create(made)
    Account.objects.rebuild()


def _configure(url: str) -> None:
    place = urlsplit(url)
    settings.configure(
        DEBUG=False,
        SECRET_KEY="benchmarks",
        USE_TZ=True,
        INSTALLED_APPS=["django.contrib.contenttypes", "django.contrib.auth", "mptt", "djmoney", "hordak"],
        DEFAULT_CURRENCY="CNY",
        CURRENCIES=("CNY",),
        HORDAK_INTERNAL_CURRENCY="CNY",
        DEFAULT_AUTO_FIELD="django.db.models.BigAutoField",
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
    django.setup()


main()

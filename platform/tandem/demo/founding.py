"""The operator's first people. No API can create them, because an API needs somebody who may call it."""

import json
import os
import secrets
from pathlib import Path
from typing import Any, Final

from tandem.accounts.api_keys.commands import issue_api_key
from tandem.accounts.organizations.commands import create_organization
from tandem.accounts.organizations.queries import organization_or_none
from tandem.accounts.people.commands import create_person
from tandem.accounts.people.queries import login_index, person_of_login
from tandem.accounts.staff.commands import give_seat
from tandem.accounts.staff.queries import seat_of
from tandem.kernel.access import permissions_of
from tandem.kernel.identity import WORKER, Actor, act_as
from tandem.kernel.ids import derived_id
from tandem.kernel.settings import Settings
from tandem.kernel.tenancy import OPERATOR_ID, acting_for, as_login, as_person, transaction

FILE: Final = "demo.json"
PEOPLE: Final = (
    ("staff", "operator.staff", "运营专员 周宁", ("operator_staff", "operator_finance")),
    ("supervisor", "operator.supervisor", "运营主管 顾清", ("operator_supervisor",)),
)
KEY_DAYS: Final = 365


def found_operator(settings: Settings) -> dict[str, Any]:
    """The operator, two of its people (four eyes) and a key for each; the same ones when they are there already."""
    book = read_book(settings.home)
    if "operator" in book:
        return book
    act_as(WORKER)
    with acting_for(OPERATOR_ID, operator=True), transaction():
        if organization_or_none() is None:
            create_organization(kind="operator", name="同行互联网医院运营", source="founding")
    book["operator"] = {role: _found_person(role, login, name, roles) for role, login, name, roles in PEOPLE}
    write_book(settings.home, book)
    return book


def _found_person(role: str, login: str, name: str, roles: tuple[str, ...]) -> dict[str, str]:
    person_id = derived_id("demo", "operator", role)
    password = f"demo-{secrets.token_hex(5)}"
    with as_login(login_index(login)):
        known = person_of_login(login_index(login))
    if known is None:
        with as_person(person_id), transaction():
            create_person(person_id, login=login, name=name, password=password)
    with acting_for(OPERATOR_ID, operator=True, person_id=person_id), transaction():
        if seat_of(person_id, "operator") is None:
            give_seat(person_id, roles=list(roles), name=name)
        act_as(
            Actor(
                "person", person_id, "operator", OPERATOR_ID, person_id, roles, permissions_of(list(roles), "operator")
            )
        )
        _, token = issue_api_key(name=f"demonstration ({role})", roles=roles, days=KEY_DAYS, live=False)
    act_as(WORKER)
    return {"login": login, "password": password, "api_key": token, "person_id": str(person_id)}


def read_book(home: Path) -> dict[str, Any]:
    """What the demonstration remembers: logins, keys and ids. Empty before the first time."""
    try:
        held = json.loads((home / FILE).read_text())
    except FileNotFoundError:
        return {}
    return held if isinstance(held, dict) else {}


def write_book(home: Path, book: dict[str, Any]) -> None:
    """Remember, readable by the owner of the home only."""
    fresh = home / f"{FILE}.{os.getpid()}"
    fresh.touch(mode=0o600)
    fresh.write_text(json.dumps(book, indent=1, ensure_ascii=False))
    fresh.replace(home / FILE)

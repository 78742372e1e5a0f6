"""An employer's kit: its statement proved from its own book, each altered line named, and nothing of anybody in it."""

import io
import json
import random
import shutil
import zipfile
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from flask import Flask
from flask.testing import FlaskClient

from tandem.billing.invoices import LineCredit, record_invoice_payment
from tandem.billing.settlements.commands import (
    confirm_employer_statement,
    decide_adjustment,
    dispute_programme,
    propose_adjustment,
)
from tandem.kernel import clock, jobs
from tandem.kernel.tenancy import OPERATOR_ID, acting_for, transaction
from tests.people import a_key
from tests.platform.billing.invoices.money import a_customer, credited
from tests.platform.billing.money import NOON, a_refund
from tests.platform.billing.settlements.test_employer_statements import OCTOBER, PRICE, SEPTEMBER, Prepaying
from tests.platform.billing.settlements.test_kit import forged, proved, told_of, written

RECORDS = ("rules", "earlier", "documents", "adjustments", "journals", "entries")


def until_quiet(*tenants: UUID) -> int:
    done = 0
    for tenant in tenants:
        for queue in ("fast", "slow"):
            while jobs.run_next(tenant, queue):
                done += 1
    return done


@pytest.fixture(scope="module")
def told(app: Flask, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Prepaying, list[Path], list[str]]]:
    """An employer's three statements with every kind of fact between them, the kits, and the payments of visits."""
    with app.app_context():
        with clock.frozen(NOON):
            employer = Prepaying(until_quiet)
            invoice = employer.prepays(200_000, of_which_paid=120_000)
            visits = employer.draw(12)
        with clock.frozen(datetime(2026, 10, 2, tzinfo=UTC)):
            one = employer.proposed(SEPTEMBER)
            with acting_for(employer.id), transaction():
                wish: dict[str, Any] = {"withheld_minor": 0, "because": "a survey", "evidence": "张三 was never there"}
                dispute = dispute_programme(one.id, employer.programme, "drawn", **wish)
                confirm_employer_statement(one.id)
                asked = propose_adjustment(
                    one.id, party="employer", amount_minor=-PRICE, because="张三", line_dispute_id=dispute.id
                )
            with acting_for(employer.id, operator=True), transaction():
                decide_adjustment(asked.id, party="operator", decision="accepted")
            credited(invoice, LineCredit(line_no=1, amount_minor=10_000))
            with acting_for(employer.id), transaction():
                record_invoice_payment(invoice.id, amount_minor=30_000, paid_on=date(2026, 9, 29), reference="late")
            until_quiet(employer.id)
            a_refund(employer.hospital, visits[0], PRICE)
            until_quiet(employer.hospital)
        with clock.frozen(datetime(2026, 11, 2, tzinfo=UTC)):
            visits += employer.draw(3, NOON + timedelta(days=31))
            two = employer.proposed(OCTOBER)
        with clock.frozen(datetime(2026, 12, 2, tzinfo=UTC)):
            visits += employer.draw(13, NOON + timedelta(days=62))
            three = employer.proposed(date(2026, 11, 30))
        base = tmp_path_factory.mktemp("employers-kits")
        kits = [written(employer.id, each.id, base / str(each.number)) for each in (one, two, three)]
        yield employer, kits, [str(each) for each in visits]


@pytest.fixture
def kit(told: tuple[Prepaying, list[Path], list[str]], tmp_path: Path) -> Path:
    """The second statement's kit, to be altered."""
    return Path(shutil.copytree(told[1][1], tmp_path / "kit"))


def test_three_months_are_proved_each_from_its_own_kit_by_the_same_program(
    told: tuple[Prepaying, list[Path], list[str]],
) -> None:
    _, kits, _ = told

    answers = [proved(each) for each in kits]

    assert [answer.returncode for answer in answers] == [0, 0, 0], answers
    assert len({(each / "verify.py").read_bytes() for each in kits}) == 1
    second = json.loads((kits[1] / "statement.json").read_text())
    assert [(each["kind"], each["amount_minor"]) for each in second["corrections"]] == [
        ("adjustment", -PRICE),
        ("credit_note", -10_000),
        ("payment", 30_000),
    ]
    assert "更正第 1 号结算单" in answers[1].stdout
    assert "暂不披露" in answers[1].stdout
    assert "3 adjustments" not in answers[2].stdout
    assert "2 earlier statements computed again" in answers[2].stdout


def test_a_kit_tells_nothing_of_a_visit_and_nobodys_words(told: tuple[Prepaying, list[Path], list[str]]) -> None:
    employer, kits, visits = told
    people = [str(each) for pair in employer.entitled for each in pair]

    whole = "".join(path.read_text() for kit in kits for path in kit.iterdir() if path.suffix != ".py")

    for secret in [*visits, *people, str(employer.hospital), "张三", "usage_event", "programme_revenue"]:
        assert secret not in whole
    assert {line["units_drawn"] for line in json.loads((kits[1] / "statement.json").read_text())["lines"]} == {None}


def test_every_altered_byte_is_found_and_its_file_and_line_named(kit: Path) -> None:
    places = [
        (path, place) for path in sorted(kit.iterdir()) if path.suffix != ".py" for place in range(path.stat().st_size)
    ]
    chance = random.Random(7)

    missed = []
    for path, place in chance.sample(places, 300):
        sound = path.read_bytes()
        line = sound[:place].count(b"\n") + 1
        altered = bytearray(sound)
        altered[place] ^= chance.randrange(1, 256)
        path.write_bytes(altered)
        name = f"{path.name} line {line}" if path.suffix == ".jsonl" else path.name
        if name not in told_of(kit, path.name):
            missed.append((path.name, place))
        path.write_bytes(sound)

    assert missed == []


@pytest.mark.parametrize(
    ("name", "number", "changes", "says"),
    [
        ("documents.jsonl", 1, {"amount_minor": 199_999}, "documents.jsonl line 1"),
        ("documents.jsonl", 1, {"programme_id": "another"}, "documents.jsonl line 1"),
        ("documents.jsonl", 2, {"kind": "invoice"}, "documents.jsonl line 2"),
        ("documents.jsonl", 3, {"id": "another"}, "documents.jsonl line 3"),
        ("adjustments.jsonl", 1, {"amount_minor": -1}, "adjustments.jsonl line 1"),
        ("adjustments.jsonl", 1, {"decided_party": "employer"}, "adjustments.jsonl line 1"),
        ("adjustments.jsonl", 1, {"statement_id": "another"}, "adjustments.jsonl line 1"),
        ("earlier.jsonl", 1, {"document_sha256": "0" * 64}, "earlier.jsonl line 1"),
        ("journals.jsonl", 2, {"source_id": "another"}, "journals.jsonl line 2"),
        ("entries.jsonl", 1, {"amount_minor": 1}, "entries.jsonl line 1"),
        ("rules.jsonl", 1, {"sha256": "0" * 64}, "rules.jsonl line 1"),
    ],
)
def test_a_lie_that_the_manifest_agrees_with_is_found_by_computing_again(
    kit: Path, name: str, number: int, changes: dict[str, Any], says: str
) -> None:
    forged(kit, name, number, **changes)

    assert says in told_of(kit, name)


@pytest.mark.parametrize(
    ("said", "instead", "named"),
    [
        (b'"unspent_minor":', b'"unspent_minor":1', "programme"),
        (b'"kind":"credit_note"', b'"kind":"other"', "corrections"),
        (b'"units_drawn":null', b'"units_drawn":3', "fewer than eleven"),
    ],
)
def test_a_statement_that_says_something_else_than_the_book_is_named(
    kit: Path, said: bytes, instead: bytes, named: str
) -> None:
    from tests.platform.billing.settlements.test_kit import agreeing

    document = (kit / "statement.json").read_bytes()
    (kit / "statement.json").write_bytes(document.replace(said, instead, 1))
    agreeing(kit)

    assert named in told_of(kit, "statement.json")


def test_a_kit_is_the_same_for_employer_and_operator_and_nobodys_for_strangers(
    told: tuple[Prepaying, list[Path], list[str]], client: FlaskClient, tmp_path: Path
) -> None:
    employer, kits, _ = told
    statement = json.loads((kits[0] / "manifest.json").read_text())["statement_id"]
    path = f"settlement_statements/{statement}/kit"
    hr = a_key(employer.id, "employer", "employer_admin")
    stranger = a_key(a_customer(), "employer", "employer_admin")

    theirs = client.get(f"/api/employer/v1/{path}", headers=hr)
    ours = client.get(
        f"/api/operator/v1/employers/{employer.id}/{path}", headers=a_key(OPERATOR_ID, "operator", "operator_finance")
    )

    assert client.get(f"/api/employer/v1/{path}", headers=stranger).status_code == 404
    assert theirs.data == ours.data
    zipfile.ZipFile(io.BytesIO(theirs.data)).extractall(tmp_path)
    assert proved(tmp_path / "statement-cny-1").returncode == 0

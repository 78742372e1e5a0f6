"""What the books say in other bookkeepers' languages is accepted by those bookkeepers."""

import shutil
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID

import pytest

from tandem.billing.ledger import JournalDraft, Line, balance_minor, journal_by_rule, post
from tandem.billing.ledger.export import FORMATS
from tandem.kernel.ids import new_id
from tandem.kernel.tenancy import acting_for, transaction

pytestmark = pytest.mark.usefixtures("app")
NOON = datetime(2026, 9, 1, 4, tzinfo=UTC)
PROGRAMME = new_id()
NASTY = 'a "quoted" \\ key; with\ttabs | bars * stars\nlines 人民医院'


def program(name: str) -> str:
    found = shutil.which(name, path=str(Path(sys.executable).parent)) or shutil.which(name)
    if found is None:
        pytest.skip(f"{name} is not installed")
    return found


@pytest.fixture
def employer() -> UUID:
    """An employer with books in two currencies, accounts by party, a reversal's signs and a key nobody would wish for."""
    employer = new_id()
    facts = {"effective_at": NOON, "source_type": "story", "source_id": NASTY}
    exchange = {"currency": "USD", "terms": {"other": "cny", "cash": "cash.bank"}}
    with acting_for(employer), transaction():
        post([
            journal_by_rule("prepayment_invoiced", amounts={"total": 123_456}, parties={"programme": PROGRAMME}, key=NASTY, **facts),
            journal_by_rule("prepayment_drawn", amounts={"used": 7_201}, parties={"programme": PROGRAMME}, key="2", **facts),
            journal_by_rule("currency_sold", amounts={"given": 10_000}, key="3", **facts, **exchange),
            JournalDraft("story", "4", NOON, [Line("fx.position.usd", -1), Line("tax.vat", 1)], "story", "4", "JPY"),
        ])  # fmt: skip
    return employer


def exported(employer: UUID, shape: str, currency: str, folder: Path) -> Path:
    written = folder / f"book.{shape}"
    with acting_for(employer), written.open("w", encoding="utf-8") as file:
        file.writelines(FORMATS[shape](currency))
    return written


@pytest.mark.parametrize("currency", ["CNY", "USD", "JPY"])
def test_bean_check_accepts_the_book(employer: UUID, currency: str, tmp_path: Path) -> None:
    book = exported(employer, "beancount", currency, tmp_path)

    checked = subprocess.run([program("bean-check"), str(book)], capture_output=True, text=True, check=False)

    assert (checked.returncode, checked.stdout + checked.stderr) == (0, "")


@pytest.mark.parametrize("currency", ["CNY", "USD", "JPY"])
def test_hledger_check_accepts_the_book(employer: UUID, currency: str, tmp_path: Path) -> None:
    book = exported(employer, "hledger", currency, tmp_path)
    words = [program("hledger"), "check", "--strict", "-f", str(book)]

    checked = subprocess.run(words, capture_output=True, text=True, check=False, env={"LC_ALL": "C.UTF-8"})

    assert (checked.returncode, checked.stdout + checked.stderr) == (0, "")


@pytest.mark.parametrize(("currency", "figure"), [("CNY", "1234.56"), ("USD", "100.00"), ("JPY", "1 ")])
def test_amounts_are_written_in_the_decimals_of_their_currency(
    employer: UUID, currency: str, figure: str, tmp_path: Path
) -> None:
    for shape in ("beancount", "hledger"):
        assert figure in exported(employer, shape, currency, tmp_path).read_text(encoding="utf-8")
    with acting_for(employer):
        assert balance_minor("prepaid.benefits") == 116_255

"""A book proves itself, and whoever alters one byte of it, by whatever right, is found out."""

from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal
from uuid import UUID

import pytest

from tandem.billing.ledger import JournalDraft, Line, balances, post, verification
from tandem.billing.ledger.export import FORMATS
from tandem.billing.ledger.sealing import body_hash, body_hash_of
from tandem.billing.ledger.verification import verify_books, verify_mirrors
from tandem.kernel.ids import new_id
from tandem.kernel.tenancy import OPERATOR_ID, acting_for, transaction
from tests.platform.billing.money import a_delivered_visit, a_hospital_with_an_agreement, a_payment

pytestmark = pytest.mark.usefixtures("app")
SAID = (
    "kind", "key", "currency", "effective_at", "source_type", "source_id", "rule_version", "reverses",
    "correlation_id",
)  # fmt: skip
NOON = datetime(2026, 9, 1, 4, tzinfo=UTC)


@pytest.fixture
def hospital() -> UUID:
    """A hospital with three payments in its book."""
    hospital = new_id()
    drafts = [
        JournalDraft(
            kind="payment_captured",
            key=f"charge:{n}",
            effective_at=NOON,
            lines=[Line("cash.psp", 100 * n), Line("ar.patient", -100 * n)],
            source_type="payment",
            source_id=new_id(),
        )
        for n in (1, 2, 3)
    ]
    with acting_for(hospital), transaction():
        post(drafts)
    return hospital


def faults_of(tenant: UUID) -> str:
    with acting_for(tenant):
        return "; ".join(fault for verdict in verify_books() for fault in verdict.faults)


def test_an_untouched_book_is_sound(hospital: UUID) -> None:
    with acting_for(hospital):
        (verdict,) = verify_books()

    assert verdict.is_sound, verdict.faults
    assert (verdict.journals, verdict.entries) == (3, 6)


@pytest.mark.parametrize(
    ("crime", "fault"),
    [
        ("UPDATE entry SET amount_minor = amount_minor + 1 WHERE tenant_id = %s AND seq = 2", "journal 2 is off by 2"),
        ("UPDATE entry SET amount_minor = amount_minor * 2 WHERE tenant_id = %s AND seq = 2", "journal 2 does not say"),
        ("UPDATE entry SET currency = 'USD' WHERE tenant_id = %s AND seq = 1", "journal 1 has an entry in another currency"),
        ("UPDATE entry SET fund = 'operator_cash' WHERE tenant_id = %s AND line_no = 2", "or of another fund"),
        ("UPDATE journal SET source_id = 'me' WHERE tenant_id = %s AND seq = 1", "journal 1 does not say"),
        ("UPDATE journal SET booked_at = now() WHERE tenant_id = %s AND seq = 3", "chain breaks at journal 3"),
        ("DELETE FROM journal WHERE tenant_id = %s AND seq = 2", "journal 2 is missing"),
        ("DELETE FROM journal WHERE tenant_id = %s AND seq = 2", "2 entries belong to no journal"),
        ("DELETE FROM journal WHERE tenant_id = %s AND seq = 3", "journals 3 to 3 are missing"),
        ("UPDATE account_balance SET posted_minor = 0 WHERE tenant_id = %s", "account cash.psp: the balance says 0"),
        ("UPDATE account SET code = 'cash.bank' WHERE tenant_id = %s AND code = 'cash.psp'", "does not say"),
        ("UPDATE book SET last_hash = ''::bytea WHERE tenant_id = %s", "last seal is not that of its last journal"),
    ],
)
def test_whoever_alters_a_book_is_found_out(
    hospital: UUID, as_superuser: Callable[..., None], crime: str, fault: str
) -> None:
    as_superuser(crime, hospital)

    assert fault in faults_of(hospital)


def test_a_line_that_was_moved_to_another_tenants_account_is_found_out(
    hospital: UUID, as_superuser: Callable[..., None]
) -> None:
    stranger = new_id()
    with acting_for(stranger), transaction():
        lines = [Line("cash.bank", 1), Line("tax.vat", -1)]
        post([JournalDraft("story", "1", NOON, lines, "story", "1")])

    as_superuser(
        "UPDATE entry SET account_id = (SELECT id FROM account WHERE tenant_id = %s AND code = 'cash.bank') "
        "WHERE tenant_id = %s AND seq = 2 AND line_no = 1",
        stranger,
        hospital,
    )

    assert "journal 2 has an entry without its account" in faults_of(hospital)


def test_windows_looked_at_together_see_what_one_after_the_other_sees(
    hospital: UUID, as_superuser: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(verification, "WINDOW", 1)
    as_superuser("UPDATE entry SET amount_minor = amount_minor + 1 WHERE tenant_id = %s AND seq = 2", hospital)

    with acting_for(hospital):
        (one,) = verify_books()
        (together,) = verify_books(workers=3)

    assert one == together
    assert (one.journals, one.entries, one.fault_count) == (3, 6, 4)


@pytest.mark.parametrize("words", ['quote " and \\\\ slash', "line\nbreak\ttab\x01\x1f\x7f", "人民医院 🏥 \u2028"])
def test_the_database_and_the_standard_library_hash_any_text_alike(words: str) -> None:
    hospital = new_id()
    draft = JournalDraft(
        kind="payment_captured",
        key=words,
        effective_at=NOON.replace(microsecond=7),
        lines=[Line("cash.psp", 100), Line("ar.patient", -100)],
        source_type="payment",
        source_id=words,
    )
    with acting_for(hospital), transaction():
        post([draft])

    with acting_for(hospital):
        (verdict,) = verify_books()
        assert verdict.is_sound, verdict.faults
    said = body_hash_of(
        **{name: getattr(draft, name) for name in SAID},
        lines=[(line.account_code, line.party_id, line.amount_minor) for line in draft.lines],
    )
    assert body_hash(draft) == said


def test_a_journal_added_behind_the_books_back_is_found_out(hospital: UUID, as_superuser: Callable[..., None]) -> None:
    as_superuser(
        "INSERT INTO entry SELECT tenant_id, book_id, 9, line_no, account_id, amount_minor, currency, fund FROM entry "
        "WHERE tenant_id = %s AND seq = 1",
        hospital,
    )

    assert "2 entries stand beyond the book's end" in faults_of(hospital)


def test_a_mirror_that_was_altered_is_found_out(work: Callable[..., int], as_superuser: Callable[..., None]) -> None:
    hospital = a_hospital_with_an_agreement()
    a_delivered_visit(hospital, a_payment(hospital))
    work(hospital)
    assert verify_mirrors(hospital) == []

    as_superuser(
        "UPDATE entry e SET amount_minor = amount_minor * 10 FROM account a WHERE a.tenant_id = e.tenant_id "
        "AND a.id = e.account_id AND a.tenant_id = %s AND a.code = 'ar.hospital' AND a.party_id = %s",
        OPERATOR_ID,
        hospital,
    )

    assert verify_mirrors(hospital) == ["journal 2 (operator_fee): -900 here, 9000 mirrored"]
    as_superuser(
        "UPDATE entry e SET amount_minor = amount_minor / 10 FROM account a WHERE a.tenant_id = e.tenant_id "
        "AND a.id = e.account_id AND a.tenant_id = %s AND a.code = 'ar.hospital' AND a.party_id = %s",
        OPERATOR_ID,
        hospital,
    )


def test_an_account_that_is_kept_as_something_else_is_named(hospital: UUID, as_superuser: Callable[..., None]) -> None:
    as_superuser("UPDATE account SET kind = 'income' WHERE tenant_id = %s AND code = 'cash.psp'", hospital)

    with acting_for(hospital):
        [verdict] = verify_books()

    assert verdict.faults == ["account cash.psp: it is kept as income of other money, the chart says otherwise"]


@pytest.mark.parametrize("shape", ["beancount", "hledger"])
def test_an_exported_book_balances_in_every_transaction_and_in_all(hospital: UUID, shape: str) -> None:
    with acting_for(hospital):
        lines = "".join(FORMATS[shape]("CNY")).splitlines()

    postings = [line.split() for line in lines if line.startswith("  ") and line.endswith(" CNY")]
    sums: dict[str, Decimal] = {}
    for account, amount, _ in postings:
        sums[account] = sums.get(account, Decimal(0)) + Decimal(amount)
    assert sums == {"Assets:Cash:Psp": Decimal("6.00"), "Assets:Ar:Patient": Decimal("-6.00")}
    assert sum(line.startswith("2026-09-01 * ") for line in lines) == 3


def test_the_csv_carries_every_entry_and_every_seal(hospital: UUID) -> None:
    with acting_for(hospital):
        head, *lines = "".join(FORMATS["csv"]("CNY")).splitlines()
        cash = next(row["balance_minor"] for row in balances() if row["code"] == "cash.psp")

    cells = [dict(zip(head.split(","), line.split(","), strict=True)) for line in lines]
    assert sum(int(cell["amount_minor"]) for cell in cells if cell["account_code"] == "cash.psp") == cash
    for one, following in zip(cells[::2], cells[2::2], strict=False):
        assert following["prev_hash"] == one["hash"]

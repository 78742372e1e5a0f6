"""The books: one per tenant and currency, written once, in sequence, sealed in a chain.

Journals and entries carry no row-level foreign keys (they cost a factor of four, money.md 2.2): the posting holds the
book's row, its statement joins the account it writes to and counts what it wrote, and `tandem ledger verify` stands
behind it.
"""

from datetime import date, datetime
from typing import Any, ClassVar, Final
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKeyConstraint, Index, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from tandem.billing.ledger.chart import FUNDS, KINDS, NEVER_A_BASIS
from tandem.billing.ledger.posting_rules import FAMILIES, ON_DELIVERY_ONLY
from tandem.kernel.choices import one_of
from tandem.kernel.database import Model, Reference, TenantOwned, Wall
from tandem.kernel.money import CURRENCIES
from tandem.kernel.states import states
from tandem.kernel.tenancy import OPERATOR_ID

BASES: Final = ("effective", "booked")


def _no_fee_on(account: str) -> str:
    quoted = ", ".join(repr(family) for family in ON_DELIVERY_ONLY)
    said = "array_to_string(legs || basis, ' ')"
    return f"family NOT IN ({quoted}) OR strpos({said}, '{account}') = 0"


class PostingRuleVersion(Reference, Model):
    """One version of a posting rule, as journals name it (code@version). Written once. 记账规则版本"""

    __tablename__ = "posting_rule_version"
    __reason__ = "the posting rules are public to every party of the platform and the same for all"
    # A row of it is never changed, by a trigger, which a cluster's copied tables cannot have.
    __on_coordinator__ = True
    __grants__: ClassVar[dict[str, str]] = {"tandem_app": "SELECT", "tandem_operator": "SELECT"}
    __table_args__ = (
        one_of("family", FAMILIES),
        CheckConstraint("version > 0", name="version"),
        *(CheckConstraint(_no_fee_on(code), name=f"no_fee_on_{code[4:]}") for code in sorted(NEVER_A_BASIS)),
        UniqueConstraint("code", "effective_from"),
    )

    code: Mapped[str] = mapped_column(primary_key=True)
    version: Mapped[int] = mapped_column(primary_key=True)
    effective_from: Mapped[date]
    family: Mapped[str]
    why: Mapped[str]
    legs: Mapped[list[str]]
    basis: Mapped[list[str]]
    mirror: Mapped[dict[str, Any] | None]
    sha256: Mapped[str]
    source: Mapped[str]


class Book(TenantOwned, Model):
    """A tenant's book in one currency. Its row is the lock: one writer at a time, so no gaps and no deadlocks. 账簿"""

    __tablename__ = "book"
    __wall__ = Wall(operator="read")
    __table_args__ = (UniqueConstraint("tenant_id", "currency"), one_of("currency", CURRENCIES))

    currency: Mapped[str]
    next_seq: Mapped[int] = mapped_column(default=1)
    last_hash: Mapped[bytes]
    frozen_at: Mapped[datetime | None]


class Account(TenantOwned, Model):
    """One account of a book: a code of the chart, and the party where the chart keeps it by party. 科目"""

    __tablename__ = "account"
    __wall__ = Wall(operator="read")
    __table_args__ = (
        ForeignKeyConstraint(["tenant_id", "book_id"], ["book.tenant_id", "book.id"]),
        UniqueConstraint("tenant_id", "book_id", "code", "party_id", postgresql_nulls_not_distinct=True),
        one_of("kind", KINDS),
        one_of("fund", FUNDS),
        CheckConstraint(f"fund <> 'medical' OR tenant_id <> '{OPERATOR_ID}'::uuid", name="no_medical_money"),
        CheckConstraint(
            f"fund = 'operator_cash' OR tenant_id <> '{OPERATOR_ID}'::uuid OR NOT starts_with(code, 'cash.')",
            name="operator_cash",
        ),
    )

    book_id: Mapped[UUID]
    code: Mapped[str]
    party_id: Mapped[UUID | None]
    kind: Mapped[str]
    fund: Mapped[str]
    is_interparty: Mapped[bool]
    closed_at: Mapped[datetime | None]
    floor_minor: Mapped[int | None]
    ceiling_minor: Mapped[int | None]


class AccountBalance(TenantOwned, Model):
    """What an account stands at: a cache, keyed by the account's id, that the verifier recomputes. 余额

    The limits are the account's, copied here so that a CHECK can hold the balance to them.
    """

    __tablename__ = "account_balance"
    __wall__ = Wall(operator="read")
    __table_args__ = (
        ForeignKeyConstraint(["tenant_id", "id"], ["account.tenant_id", "account.id"]),
        CheckConstraint("posted_minor >= floor_minor", name="floor"),
        CheckConstraint("posted_minor <= ceiling_minor", name="ceiling"),
        {"postgresql_with": {"fillfactor": "60"}},
    )

    posted_minor: Mapped[int]
    entry_count: Mapped[int]
    last_seq: Mapped[int]
    floor_minor: Mapped[int | None]
    ceiling_minor: Mapped[int | None]


class Journal(TenantOwned, Model):
    """One fact in the book: when it was true, when it was booked, why, by which rule, sealed to the one before. 凭证"""

    __tablename__ = "journal"
    __wall__ = Wall(operator="read", append_only=True)
    __table_args__ = (
        UniqueConstraint("tenant_id", "idem_scope", "idem_key"),
        UniqueConstraint("tenant_id", "book_id", "seq"),
        Index(
            "journal_reversed_once",
            "tenant_id",
            "reverses_id",
            unique=True,
            postgresql_where=text("reverses_id IS NOT NULL"),
        ),
        Index(
            "journal_by_correlation",
            "tenant_id",
            "correlation_id",
            postgresql_where=text("correlation_id IS NOT NULL"),
        ),
        Index("journal_by_effect", "tenant_id", "book_id", "effective_at", postgresql_include=["seq"]),
        # Journals lie in the order of their booking, so a summary of each range of pages is enough to find a day.
        Index("journal_by_booking", "booked_at", postgresql_using="brin"),
        CheckConstraint("seq > 0", name="seq"),
    )

    book_id: Mapped[UUID]
    seq: Mapped[int]
    kind: Mapped[str]
    idem_scope: Mapped[str]
    idem_key: Mapped[str]
    body_sha256: Mapped[bytes]
    effective_at: Mapped[datetime]
    booked_at: Mapped[datetime]
    source_type: Mapped[str]
    source_id: Mapped[str]
    rule_version: Mapped[str]
    reverses_id: Mapped[UUID | None]
    correlation_id: Mapped[UUID | None]
    prev_hash: Mapped[bytes]
    hash: Mapped[bytes]


class Entry(TenantOwned, Model):
    """One line of a journal, found by the journal's place in its book; debit is positive, credit negative. 分录

    `fund` is copied from the account by the posting statement, so that the trigger which proves each batch can
    prove the segregation of money without reading another table.
    """

    __tablename__ = "entry"
    __wall__ = Wall(operator="read", append_only=True)
    __table_args__ = (
        Index("entry_by_account", "tenant_id", "account_id", "seq", postgresql_include=["amount_minor"]),
        CheckConstraint("amount_minor <> 0", name="amount"),
        one_of("fund", FUNDS),
    )

    # An entry has no id of its own: at eighty thousand a second a second unique index would be the dearest part of it.
    id = None  # type: ignore[assignment]  # takes away the column that TenantOwned would give
    book_id: Mapped[UUID] = mapped_column(primary_key=True)
    seq: Mapped[int] = mapped_column(primary_key=True)
    line_no: Mapped[int] = mapped_column(primary_key=True)
    account_id: Mapped[UUID]
    amount_minor: Mapped[int]
    currency: Mapped[str]
    fund: Mapped[str]


class MirrorCursor(TenantOwned, Model):
    """How far a tenant's book, by its id, has been mirrored in the operator's. 对账镜像进度"""

    __tablename__ = "mirror_cursor"
    __wall__ = Wall(operator="read")
    __table_args__ = (ForeignKeyConstraint(["tenant_id", "id"], ["book.tenant_id", "book.id"]),)

    mirrored_seq: Mapped[int]


class BalanceCheckpoint(TenantOwned, Model):
    """What one business day moved on an account, by its id: a cache that can be thrown away and made again. 余额快照

    `basis` says whose day: on which the facts were true (effective), or on which they were booked (booked).
    """

    __tablename__ = "balance_checkpoint"
    __wall__ = Wall(operator="read")
    __table_args__ = (one_of("basis", BASES),)

    basis: Mapped[str] = mapped_column(primary_key=True)
    day: Mapped[date] = mapped_column(primary_key=True)
    moved_minor: Mapped[int]
    entry_count: Mapped[int]


class CheckpointCursor(TenantOwned, Model):
    """How far a book, by its id, has been counted into the checkpoints. 快照进度"""

    __tablename__ = "checkpoint_cursor"
    __wall__ = Wall(operator="read")
    __table_args__ = (ForeignKeyConstraint(["tenant_id", "id"], ["book.tenant_id", "book.id"]),)

    counted_seq: Mapped[int]


HOLD_NEXT: dict[str, set[str]] = {
    "pending": {"captured", "voided", "expired"},
    "captured": set(),
    "voided": set(),
    "expired": set(),
}


class MoneyHold(TenantOwned, Model):
    """A sum set aside until it is captured, in whole or in parts, called off, or its time runs out. 资金冻结

    Every step is a journal of its own; this row says how far it has come.
    """

    __tablename__ = "money_hold"
    __wall__ = Wall(operator="read")
    __table_args__ = (
        UniqueConstraint("tenant_id", "key"),
        states(HOLD_NEXT),
        CheckConstraint("amount_minor > 0", name="amount"),
        CheckConstraint("captured_minor BETWEEN 0 AND amount_minor", name="captured"),
        Index("money_hold_by_expiry", "tenant_id", "expires_at", postgresql_where=text("status = 'pending'")),
    )

    key: Mapped[str]
    account_code: Mapped[str]
    party_id: Mapped[UUID | None]
    currency: Mapped[str]
    amount_minor: Mapped[int]
    captured_minor: Mapped[int] = mapped_column(default=0)
    status: Mapped[str] = mapped_column(default="pending")
    placed_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    journal_id: Mapped[UUID]

    @property
    def left_minor(self) -> int:
        """What is held still, in minor units."""
        return self.amount_minor - self.captured_minor if self.status == "pending" else 0

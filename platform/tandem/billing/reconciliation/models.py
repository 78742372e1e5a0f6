"""Differences, the runs that found them, and the closing of days."""

from datetime import date, datetime
from typing import Any, ClassVar, Final
from uuid import UUID

from sqlalchemy import CheckConstraint, FetchedValue, ForeignKeyConstraint, Index, Text, UniqueConstraint, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from tandem.billing.reconciliation.findings import FAULTS, OWNERS, PASSES
from tandem.kernel import clock
from tandem.kernel.database import Changing, Model, Reference, TenantOwned, Versioned, Wall
from tandem.kernel.ids import new_id
from tandem.kernel.money import CURRENCIES
from tandem.kernel.states import states

NEXT: Final = {
    "open": {"explained", "resolved"},
    "explained": {"open", "resolved"},
    # Seen again after all: it is the same fault, with its history.
    "resolved": {"open", "explained"},
}
RESOLUTION_NEXT: Final = {"proposed": {"approved", "rejected"}, "approved": set[str](), "rejected": set[str]()}
PARTIES: Final = ("hospital", "operator")
CLAIM_SIDES: Final = ("bank", "payout", "invoice", "repayment", "exit")
MATCH_RULES: Final = ("id", "reference", "unique", "batch", "manual")
ITEM_STATES: Final = ("matched", "differs", "settled", "gone")
MODES: Final = ("full", "incremental", "day", "told")


def _one_of(column: str, values: tuple[str, ...], name: str) -> CheckConstraint:
    return CheckConstraint("{} IN ({})".format(column, ", ".join(f"'{each}'" for each in values)), name=name)


class ReconItem(TenantOwned, Model):
    """What came of holding two sides against each other under one natural key. 对账结果

    `comparison` is the pass and which of its comparisons ("R1.booked"). The hashes are of what each side says, NULL
    where it says nothing; a run that finds the same hashes and the same fault writes nothing. `settled`: it still
    differs, and both parties have agreed what that means.
    """

    __tablename__ = "recon_item"
    __wall__ = Wall(operator="read")
    __table_args__ = (
        Index(
            "recon_item_differs_idx",
            "tenant_id",
            "comparison",
            "natural_key",
            postgresql_where=text("status = 'differs'"),
        ),
        Index(
            "recon_item_settled_idx",
            "tenant_id",
            "comparison",
            "natural_key",
            postgresql_where=text("status = 'settled'"),
        ),
        _one_of("status", ITEM_STATES, "status"),
        CheckConstraint("(status IN ('differs', 'settled')) = (fault IS NOT NULL)", name="fault"),
    )

    id = None  # type: ignore[assignment]  # its key is what is compared; a second unique index would double its price
    comparison: Mapped[str] = mapped_column(Text(collation="C"), primary_key=True)
    natural_key: Mapped[str] = mapped_column(Text(collation="C"), primary_key=True)
    status: Mapped[str]
    diff_minor: Mapped[int]
    left_hash: Mapped[int | None]
    right_hash: Mapped[int | None]
    fault: Mapped[dict[str, Any] | None] = mapped_column(JSONB(none_as_null=True))
    first_seen_at: Mapped[datetime]
    last_seen_at: Mapped[datetime]
    run_id: Mapped[UUID]


class ReconWatermark(TenantOwned, Model):
    """Up to where a comparison has seen a source change; its row is the lock of whoever compares. 对账水位

    `source` is "xid" (transactions, for rows that bear `changed_xid`) or a book's id (places in it). `horizon` is
    written by the database on the node where the tenant's rows are: the oldest transaction still running there.
    """

    __tablename__ = "recon_watermark"
    __wall__ = Wall(operator="write")

    id = None  # type: ignore[assignment]  # its key is the comparison and the source
    comparison: Mapped[str] = mapped_column(Text(collation="C"), primary_key=True)
    source: Mapped[str] = mapped_column(Text(collation="C"), primary_key=True)
    position: Mapped[int] = mapped_column(default=0)
    horizon: Mapped[int] = mapped_column(server_default=FetchedValue())
    parked_at: Mapped[datetime | None]
    parked_because: Mapped[str | None]


class PassRun(TenantOwned, Model):
    """One run of one comparison: how much it looked at, what changed, what is new, under which rules. 对账运行"""

    __tablename__ = "recon_pass_run"
    __wall__ = Wall(operator="read", append_only=True)
    __table_args__ = (
        Index("recon_pass_run_by_time_idx", "tenant_id", "comparison", "finished_at", "id"),
        _one_of("mode", MODES, "mode"),
    )

    comparison: Mapped[str]
    mode: Mapped[str]
    checked_count: Mapped[int]
    changed_count: Mapped[int]
    new_count: Mapped[int]
    open_count: Mapped[int]
    is_parked: Mapped[bool]
    rule_version: Mapped[int]
    started_at: Mapped[datetime]
    finished_at: Mapped[datetime]


class Discrepancy(TenantOwned, Versioned, Model):
    """One difference between two who should agree, once, however often it is seen. 差异

    `fault` is its sort, `kind` its own name; those of one `cause_group` have one root. `proposed_journal` would mend it
    (`proposals.py`), or `no_journal_because` says why none does. `explained_by` says whether a
    rule or a party explained it, `settled_by` which party agreed to let it be ("rule": a tolerance did); nobody, when
    it went away. `state_run_id` is the run, or the resolution, that moved it last.
    """

    __tablename__ = "discrepancy"
    __wall__ = Wall(operator="write", deletable=False)
    __table_args__ = (
        states(NEXT),
        UniqueConstraint("tenant_id", "reconciliation_pass", "natural_key"),
        Index("discrepancy_by_status", "tenant_id", "status", "first_seen_at", "id"),
        Index("discrepancy_by_state_run_idx", "tenant_id", "state_run_id"),
        Index("discrepancy_by_money_idx", "tenant_id", "status", "amount_at_risk_minor", "id"),
        Index("discrepancy_by_cause_idx", "tenant_id", "reconciliation_pass", "kind", "cause_group"),
        Index(
            "discrepancy_unresolved_idx",
            "tenant_id",
            "comparison",
            "natural_key",
            postgresql_where=text("status <> 'resolved'"),
        ),
        _one_of("owner", OWNERS, "owner"),
        _one_of("reconciliation_pass", PASSES, "pass"),
        _one_of("fault", FAULTS, "fault"),
        _one_of("currency", CURRENCIES, "currency"),
        CheckConstraint("(proposed_journal IS NULL) = (no_journal_because IS NOT NULL)", name="journal_or_reason"),
    )

    reconciliation_pass: Mapped[str]
    comparison: Mapped[str] = mapped_column(Text(collation="C"), default="")
    natural_key: Mapped[str] = mapped_column(Text(collation="C"))
    kind: Mapped[str]
    fault: Mapped[str] = mapped_column(default="status")
    cause_group: Mapped[str] = mapped_column(default="")
    day: Mapped[date]
    owner: Mapped[str]
    status: Mapped[str] = mapped_column(default="open")
    cause: Mapped[str | None]
    explained_by: Mapped[str | None]
    settled_by: Mapped[str | None]
    expected_minor: Mapped[int]
    actual_minor: Mapped[int]
    amount_at_risk_minor: Mapped[int]
    currency: Mapped[str]
    evidence: Mapped[dict[str, Any]]
    proposed_journal: Mapped[dict[str, Any] | None] = mapped_column(JSONB(none_as_null=True))
    no_journal_because: Mapped[str | None]
    first_seen_at: Mapped[datetime] = mapped_column(default=clock.now)
    last_seen_at: Mapped[datetime] = mapped_column(default=clock.now)
    seen_count: Mapped[int] = mapped_column(default=1)
    deadline_at: Mapped[datetime]
    resolved_at: Mapped[datetime | None]
    state_run_id: Mapped[UUID | None]
    previous_status: Mapped[str | None]


class ReconciliationRun(TenantOwned, Model):
    """The latest run over one day of one tenant, and what it found. 对账批次"""

    __tablename__ = "reconciliation_run"
    __wall__ = Wall(operator="read")
    __table_args__ = (UniqueConstraint("tenant_id", "day"),)

    day: Mapped[date]
    day_close_id: Mapped[UUID | None]
    statement_id: Mapped[UUID | None]
    run_count: Mapped[int] = mapped_column(default=0)
    checked_count: Mapped[int] = mapped_column(default=0)
    found_count: Mapped[int] = mapped_column(default=0)
    finished_at: Mapped[datetime]


class DiscrepancyStep(TenantOwned, Model):
    """One step in the life of a difference: opened, explained, resolved, opened again, and by whom. 差异履历"""

    __tablename__ = "discrepancy_step"
    __wall__ = Wall(operator="write", append_only=True)
    __table_args__ = (Index("discrepancy_step_by_discrepancy_idx", "tenant_id", "discrepancy_id", "at", "id"),)

    discrepancy_id: Mapped[UUID]
    at: Mapped[datetime] = mapped_column(default=clock.now)
    from_status: Mapped[str | None]
    to_status: Mapped[str]
    by: Mapped[str]
    because: Mapped[str | None]


class DiscrepancyResolution(TenantOwned, Model):
    """How a difference, or a whole group of one cause, is to be settled: one party proposes, one decides. 处理方案

    `proposed_journal` is the difference's own, as it was when this was proposed; or `lines` are a journal by hand,
    account code to signed amount. Neither: nothing is to be booked. `refused_because`: the book refused what was
    agreed, and the difference is open again. A group's `member_count` differences are `resolution_member`.
    """

    __tablename__ = "discrepancy_resolution"
    __wall__ = Wall(operator="write", deletable=False)
    __table_args__ = (
        states(RESOLUTION_NEXT),
        Index("discrepancy_resolution_by_discrepancy_idx", "tenant_id", "discrepancy_id", "proposed_at"),
        Index(
            "discrepancy_resolution_one_proposed",
            "tenant_id",
            "discrepancy_id",
            unique=True,
            postgresql_where=text("status = 'proposed'"),
        ),
        _one_of("maker_party", PARTIES, "maker"),
        CheckConstraint("checker_party IS NULL OR checker_party <> maker_party", name="two_parties"),
        CheckConstraint("(status = 'proposed') = (checker_party IS NULL)", name="decided"),
        CheckConstraint("(discrepancy_id IS NULL) <> (cause_group IS NULL)", name="one_or_group"),
        CheckConstraint("proposed_journal IS NULL OR lines = '{}'", name="one_journal"),
        CheckConstraint("journal_id IS NULL OR refused_because IS NULL", name="booked_or_refused"),
        _one_of("currency", CURRENCIES, "currency"),
    )

    discrepancy_id: Mapped[UUID | None]
    reconciliation_pass: Mapped[str]
    kind: Mapped[str]
    cause_group: Mapped[str | None]
    status: Mapped[str] = mapped_column(default="proposed")
    cause: Mapped[str]
    lines: Mapped[dict[str, Any]]
    proposed_journal: Mapped[dict[str, Any] | None] = mapped_column(JSONB(none_as_null=True))
    currency: Mapped[str]
    maker_party: Mapped[str]
    maker: Mapped[str]
    checker_party: Mapped[str | None]
    checker: Mapped[str | None]
    member_count: Mapped[int | None]
    settled_count: Mapped[int] = mapped_column(default=0)
    proposed_at: Mapped[datetime] = mapped_column(default=clock.now)
    decided_at: Mapped[datetime | None]
    journal_id: Mapped[UUID | None]
    refused_because: Mapped[str | None]


class BankStatement(TenantOwned, Model):
    """One file of a bank, as it was sent: the same bytes are the same statement. 银行对账单"""

    __tablename__ = "bank_statement"
    __wall__ = Wall(operator="write", append_only=True)
    __table_args__ = (
        UniqueConstraint("tenant_id", "account", "file_sha256"),
        Index("bank_statement_by_time_idx", "tenant_id", "uploaded_at", "id"),
    )

    account: Mapped[str]
    profile: Mapped[str]
    file_sha256: Mapped[str]
    line_count: Mapped[int]
    known_count: Mapped[int]
    uploaded_at: Mapped[datetime] = mapped_column(default=clock.now)
    uploaded_by: Mapped[str]


class BankLineRow(TenantOwned, Changing, Model):
    """One movement of an organisation's bank account, once, in however many files it stands. 银行流水

    `identity` is the bank's own reference, or what the line says and how many of its like stood before it.
    """

    __tablename__ = "bank_line"
    __wall__ = Wall(operator="write", append_only=True)
    __table_args__ = (
        ForeignKeyConstraint(["tenant_id", "statement_id"], ["bank_statement.tenant_id", "bank_statement.id"]),
        UniqueConstraint("tenant_id", "account", "identity"),
        # What allocations refer to, so that the database itself knows how much a line is.
        UniqueConstraint("tenant_id", "id", "amount_minor"),
        Index("bank_line_by_change_idx", "tenant_id", "changed_xid"),
        Index("bank_line_by_reference_idx", "tenant_id", "bank_reference"),
        Index("bank_line_by_amount_idx", "tenant_id", "currency", "amount_minor", "booked_on"),
        CheckConstraint("amount_minor <> 0", name="amount"),
        _one_of("currency", CURRENCIES, "currency"),
    )

    statement_id: Mapped[UUID]
    account: Mapped[str]
    identity: Mapped[str]
    body_sha256: Mapped[bytes]
    row: Mapped[int]
    booked_on: Mapped[date]
    amount_minor: Mapped[int]
    currency: Mapped[str]
    reference: Mapped[str]
    bank_reference: Mapped[str]
    counterparty: Mapped[str]


class ReconClaim(TenantOwned, Changing, Model):
    """A line of a bank or what it is about, taken by one match; `rule` says by which rung of the ladder. 匹配认领"""

    __tablename__ = "recon_claim"
    __wall__ = Wall(operator="read")
    __table_args__ = (
        Index("recon_claim_by_match_idx", "tenant_id", "match_id"),
        Index("recon_claim_by_change_idx", "tenant_id", "changed_xid"),
        _one_of("side", CLAIM_SIDES, "side"),
        _one_of("rule", MATCH_RULES, "rule"),
    )

    id = None  # type: ignore[assignment]  # its key is what it claims, so that nothing is claimed twice
    side: Mapped[str] = mapped_column(primary_key=True)
    claimed_id: Mapped[UUID] = mapped_column(primary_key=True)
    match_id: Mapped[UUID]
    rule: Mapped[str]
    amount_minor: Mapped[int]
    claimed_at: Mapped[datetime] = mapped_column(default=clock.now)


class ReconciliationRule(Reference, Model):
    """One version of one rule by which differences are judged, for every organisation alike. 对账规则"""

    __tablename__ = "reconciliation_rule"
    __reason__ = "both parties of every difference are judged by the same rules"
    __grants__: ClassVar[dict[str, str]] = {"tandem_app": "SELECT", "tandem_operator": "SELECT, INSERT"}
    __table_args__ = (UniqueConstraint("version"), CheckConstraint("value >= 0", name="value"))

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    version: Mapped[int]
    name: Mapped[str]
    value: Mapped[int]
    because: Mapped[str]
    set_at: Mapped[datetime] = mapped_column(default=clock.now)


class DayClose(TenantOwned, Model):
    """The operator's wish to close a day: every hospital proposes its statement and reconciles. 日结"""

    __tablename__ = "day_close"
    __wall__ = Wall(operator="write")
    __table_args__ = (Index("day_close_by_day", "tenant_id", "day", "id"),)

    day: Mapped[date]
    requested_at: Mapped[datetime] = mapped_column(default=clock.now)
    tenant_count: Mapped[int | None]

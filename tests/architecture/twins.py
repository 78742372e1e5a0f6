"""Whole organisations made by rule, not by story: one row in every table, every id the same, a canary in every text.

Because all rows of such an organisation share one id, whatever an address means by an id, the organisation has it. A
table added tomorrow is filled without a line here, unless its constraints need a word in `_CHOSEN`.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, Final
from uuid import UUID

from sqlalchemy import ARRAY, CheckConstraint, Column, Engine, Table, insert, text
from sqlalchemy.dialects.postgresql import JSONB

from tandem.kernel import crypto
from tandem.kernel.access import roles_of
from tandem.kernel.database import Base, TenantOwned
from tandem.kernel.ids import new_id
from tandem.kernel.tenancy import OPERATOR_ID, acting_for
from tests.hospitals import CARDIOLOGY, an_id_number
from tests.people import a_key, signed_in

TODAY: Final = datetime.now(UTC).date()
_NOON: Final = datetime.combine(TODAY, time(4), UTC)
_LATER: Final = re.compile(r"(_to|_until|ends_on|last_on|last_day|end_at|period_end|closes_at|expires_at|deadline_at)$")
_LISTED: Final = re.compile(r"(?:^|[( ])(\w+) IN \(('[^)]*')\)")
# Never made by rule: keys that must open, and rows whose every column means something to a machine.
_LEFT_OUT: Final = {"tenant_key", "audit_pending", "audit_seal", "audit_head", "audit_checkpoint", "idempotency_key"}

_CHOSEN: Final[dict[str, Any]] = {
    "payment.order_type": "appointment",
    "payment.method": "entitlement",
    "payment.status": "succeeded",
    "payment.refund_reserved_minor": 0,
    "payment.refunded_minor": 0,
    "encounter.evidence_path": "follow_up",
    "encounter.status": "in-progress",
    "encounter_note.content_sha256": None,
    "encounter_note.signed_by": None,
    "appointment.status": "booked",
    "organization.status": "live",
    "organization_step.from_status": "draft",
    "organization_step.to_status": "submitted",
    "agreement_version.status": "proposed",
    "agreement_version.proposed_at": _NOON,
    "contract.status": "draft",
    "invoice.status": "issued",
    "settlement_statement.status": "proposed",
    "employer_statement.status": "proposed",
    "invoice.issued_at": _NOON,
    "invoice.paid_minor": 0,
    "invoice.tax_minor": 0,
    "invoice.credited_minor": 0,
    "invoice.fapiao_minor": 0,
    "invoice_tax.rate": None,
    "fapiao.adapter": "manual",
    "fapiao.reverses_id": None,
    "fapiao.tax_minor": 0,
    "fapiao.number": None,
    "fapiao.file_sha256": None,
    "medical_receipt.file_sha256": "0" * 64,
    "invoice_tax.tax_minor": 0,
    "invoice_tax.treatment": "exempt",
    "licence.status": "verified",
    "licence.number": "PDY-00000001",
    "waiver.bearer": "hospital_fund",
    "waiver.bearer_name": None,
    "waiver.status": "proposed",
    "waiver.needs_second": False,
    "prepayment_closing.policy": "refunded",
    "prepayment_closing.following_programme_id": None,
    "prepayment_closing.decided_at": None,
    "repayment.method": "refund",
    "repayment.prepayment_closing_id": None,
    "transfer_return.provider_reversal_id": None,
    "repayment.decided_at": None,
    "practitioner.status": "active",
    "practitioner.title": "attending_physician",
    "credential.document_sha256": "0" * 64,
    "hospital_profile.institution_code": "123456789012",
    "credential.practice_certificate_number": "110000000000001",
    "hospital_profile.phone": "0571-87654321",
    "hospital_profile.website": "https://example.org/",
    "person.password_hash": None,
    "hospital_profile.insurance_code": "H12345678901",
    "healthcare_service.status": "active",
    "healthcare_service.duration_minutes": 15,
    "schedule.slot_minutes": 15,
    "schedule.weekdays": [1, 2],
    "patient.relationship": "self",
    "patient.guardian_patient_id": None,
    "patient.born_on": "1980-05-17",
    "patient.sex": "female",
    "prior_diagnosis.document_kind": "report",
    "prior_diagnosis.diagnosis_code": "I10.x00",
    "prior_diagnosis.document_sha256": "0" * 64,
    "job.state": "dead",
    "job.lease_token": None,
    "job.lease_until": None,
    "balance_transaction.amount_minor": 7,
    "balance_transaction.fee_minor": 0,
    "balance_transaction.net_minor": 7,
    "entitlement.units_granted": 9,
    "entitlement.units_reserved": 0,
    "entitlement.status": "activated",
    "settlement_statement.previous_cut_seq": 0,
    "employer_statement.previous_cut_seq": 0,
    "employer_statement_line.is_told": True,
    "fee_accrual.basis_minor": 7,
    "organization_requirement.status": "met",
    "membership.roles": [],
    "roster_import.errors": [],
    "settlement_line.kind": "visits",
    "line_dispute.evidence_sha256": "0" * 64,
    "line_dispute.employer_statement_id": None,
    "line_dispute.programme_id": None,
    "fee_adjustment.employer_statement_id": None,
    "fee_adjustment.programme_id": None,
    "recon_item.status": "differs",
    "job.queue": "fast",
    "bank_allocation.taken_before_minor": 0,
    "bank_allocation.follows_place": None,
    "bank_allocation.place": 1,
    "bank_allocation.bank_line_exit_id": None,
    "bank_allocation.exit_minor": None,
    "bank_line_exit.decided_by": None,
    "bank_line_exit.decided_at": None,
    "bank_line_exit.refused_because": None,
    "bank_line_exit.returned_line_id": None,
    "bank_line_exit.returned_on": None,
    "bank_line_proposal.parts": {"0193b0a0-0000-7000-8000-000000000001": 7},
    "bank_line_proposal.decided_by": None,
    "bank_line_proposal.decided_at": None,
    "bank_line_proposal.refused_because": None,
    "discrepancy.reconciliation_pass": "R1",
    "discrepancy.proposed_journal": None,
    "discrepancy.no_journal_because": "by_hand",
    "discrepancy_resolution.proposed_journal": None,
    "discrepancy_resolution.refused_because": None,
    "discrepancy_resolution.reconciliation_pass": "R1",
    "discrepancy_resolution.status": "proposed",
    "discrepancy_resolution.maker_party": "hospital",
    "discrepancy_resolution.checker_party": None,
    "discrepancy_resolution.cause_group": None,
    "discrepancy_resolution.lines": {"suspense": 7, "cash.psp": -7},
    "resolution_member.proposed_journal": None,
    "resolution_member.journal_id": None,
    "resolution_member.refused_because": None,
    "usage_event.voids_key": None,
    "prepaid_pool.expires_on": TODAY + timedelta(days=9),
    "plan_tier.above": 0,
    "plan_component.meter": None,
    "plan_component.measures": None,
    "subscription.rated_until": TODAY,
    "usage_rollup.latest_at": None,
    "usage_rollup.latest_quantity": None,
}
_BY_NAME: Final[dict[str, Any]] = {
    "currency": "CNY",
    "specialty": CARDIOLOGY,
    "registered_specialties": [CARDIOLOGY],
    "percent_of_net": 1,
    "cap_percent": 1,
    "quantity": 1,
}
# What a bare twin has although its column may be empty: a constraint asks for it together with another.
_NEEDED: Final = {
    "bank_allocation.customer_id",
    "bank_allocation.invoice_id",
    "repayment.invoice_id",
    "repayment.invoice_intent_id",
    "transfer_return.proposed_by",
    "transfer_return.because",
    "employer_statement_line.drawn_minor",
    "employer_statement_line.units_drawn",
    "line_dispute.statement_id",
    "fee_adjustment.statement_id",
    "encounter.evidence_id",
    "discrepancy_resolution.discrepancy_id",
    "payment.entitlement_id",
    "payment.programme_id",
    "invoice.number",
    "recon_item.fault",
    "invoice.document_no",
    "invoice.seller",
    "invoice.buyer",
    "organization_requirement.evidence",
    "agreement_version.terms_sha256",
}
CANARY: Final = "金丝雀"


class Twin:
    """One organisation of every kind at once: a hospital, an employer or a programme with a row in every table."""

    def __init__(self, engine: Engine, kind: str, *, bare: bool = False) -> None:
        self.id = new_id()
        self.is_bare = bare
        self.kind = kind
        audience = "patient" if kind == "programme" else kind
        with acting_for(self.id), engine.begin() as connection:
            # Foreign keys and triggers sleep: what is tested is who can read a row, not how it came about.
            connection.execute(text("SET session_replication_role = replica"))
            for table in _tenants_tables():
                connection.execute(insert(table).values(self._row(table, audience)))
            person = Base.metadata.tables["person"]
            connection.execute(insert(person).values(self._person(person)))

    def admit_patient(self, engine: Engine) -> None:
        """Its person is a patient here as well as on the staff."""
        membership = Base.metadata.tables["membership"]
        with acting_for(self.id), engine.begin() as connection:
            row = self._row(membership, "patient") | {"id": new_id()}
            connection.execute(insert(membership).values(row))

    def canary(self, table: str = "", column: str = "") -> str:
        """What is written in a text of this organisation; without a table, what all of them begin with."""
        return f"{CANARY}{self.id.hex[-6:]}" + (f".{table}.{column}" if table else "")

    def _row(self, table: Table, audience: str) -> dict[str, Any]:
        listed = _choices(table)
        row = {column.name: self._value(table, column, listed) for column in table.columns}
        if "kind" in row and table.name == "organization":
            row["kind"] = self.kind
        if table.name in {"membership", "api_key", "invitation"}:
            row |= {"audience": audience, "roles": row["roles"] or ["nobody"]}
        if table.name == "membership":
            row["roles"] = []
        return row

    def _person(self, table: Table) -> dict[str, Any]:
        login = f"twin-{self.id.hex}"
        row = {column.name: self._value(table, column, {}) for column in table.columns}
        index = crypto.platform_index(login, "person.login")
        return row | {"id": self.id, "login": login, "login_index": index, "language": "en", "totp_secret": None}

    def _value(self, table: Table, column: Column[Any], listed: dict[str, str]) -> Any:
        named = f"{table.name}.{column.name}"
        if named in _CHOSEN:
            return _CHOSEN[named]
        if column.name in _BY_NAME:
            return _BY_NAME[column.name]
        if column.name in listed:
            return listed[column.name]
        if self.is_bare and column.nullable and named not in _NEEDED:
            return None
        if column.name == "id_number":
            return an_id_number()
        return _made(column, self.id, self.canary(table.name, column.name))


@dataclass(frozen=True)
class World:
    """Two of everything, and a credential of the first for every audience."""

    hospitals: tuple[Twin, Twin]
    employers: tuple[Twin, Twin]
    programmes: tuple[Twin, Twin]
    credentials: dict[str, dict[str, str]]

    @property
    def twins(self) -> tuple[Twin, ...]:
        return (*self.hospitals, *self.employers, *self.programmes)


def a_world(engine: Engine, *, bare: bool = False) -> World:
    """Two hospitals, two employers, two programmes; `bare` ones have nothing that may be left out.

    Needs an application's context.
    """
    twins = [Twin(engine, kind, bare=bare) for kind in ("hospital", "employer", "programme") for _ in range(2)]
    for hospital in twins[:2]:
        hospital.admit_patient(engine)
    credentials = {
        "operator": a_key(OPERATOR_ID, "operator", *roles_of("operator")),
        "hospital": a_key(twins[0].id, "hospital", *roles_of("hospital")),
        "employer": a_key(twins[2].id, "employer", *roles_of("employer")),
        "patient": signed_in(twins[0].id, "patient"),
    }
    return World((twins[0], twins[1]), (twins[2], twins[3]), (twins[4], twins[5]), credentials)


def _tenants_tables() -> list[Table]:
    owned = [mapper for mapper in Base.registry.mappers if issubclass(mapper.class_, TenantOwned)]
    plain = [mapper.local_table for mapper in Base.registry.mappers if "tenant_id" in mapper.local_table.c]
    tables = {mapper.local_table for mapper in owned} | {table for table in plain if "seq" in table.c}
    return [table for table in Base.metadata.sorted_tables if table in tables and table.name not in _LEFT_OUT]


def _choices(table: Table) -> dict[str, str]:
    """The first value each CHECK (column IN (…)) allows."""
    checks = [str(each.sqltext) for each in table.constraints if isinstance(each, CheckConstraint)]
    found = [_LISTED.search(check) for check in checks if " OR " not in check]
    return {match[1]: match[2].split("'")[1] for match in found if match}


def _made(column: Column[Any], own: UUID, canary: str) -> Any:
    if isinstance(column.type, crypto.EncryptedText):
        return canary
    if isinstance(column.type, JSONB):
        return {"canary": canary}
    if isinstance(column.type, ARRAY):
        return [own] if column.type.item_type.python_type is UUID else [canary]
    makers: dict[type, Callable[[], Any]] = {
        UUID: lambda: own if not column.name.endswith("_by") else new_id(),
        datetime: lambda: _moment(column),
        date: lambda: TODAY + timedelta(days=30 if _LATER.search(column.name) else 0),
        time: lambda: time(18) if _LATER.search(column.name) else time(9),
        bool: lambda: False,
        bytes: lambda: own.bytes * 2,
        str: lambda: canary,
    }
    return makers.get(column.type.python_type, lambda: 1)()


def _moment(column: Column[Any]) -> datetime | None:
    if _LATER.search(column.name) and not column.name.startswith("locked"):
        return _NOON + timedelta(days=30)
    return None if column.nullable else _NOON

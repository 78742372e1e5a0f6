"""Who may do what: audiences, roles and permissions, on one page.

A permission is `noun.verb`. A role is a set of permissions within one audience. The operator's roles hold no
clinical permission and never could use one: the operator's database role has no grant on clinical tables.
"""

from typing import Final, Literal

Audience = Literal["operator", "hospital", "employer", "patient", "regulator", "public"]
AUDIENCES: Final[tuple[Audience, ...]] = ("operator", "hospital", "employer", "patient", "regulator", "public")

PUBLIC: Final = "public"
SIGNED_IN: Final = "signed-in"
"""Any signed-in person or key of the route's audience."""

_OPERATOR_READS: Final = frozenset({
    "organizations.read", "agreements.read", "staff.read", "api_keys.read", "audit.read", "jobs.read",
    "usage.read", "ledger.read", "invoices.read", "payments.read", "settlements.read", "reconciliation.read",
    "contracts.read", "packages.read", "directory.read",
})  # fmt: skip
_OPERATOR_WORKS: Final = _OPERATOR_READS | {
    "organizations.apply", "organizations.review", "agreements.write", "packages.write", "contracts.write",
    "imports.write", "jobs.replay", "usage.write",
}  # fmt: skip
_OPERATOR_MONEY: Final = {
    "invoices.issue", "fapiao.issue", "settlements.propose", "reconciliation.run", "reconciliation.resolve",
    "payments.record",
    "days.close",
}  # fmt: skip
_OPERATOR_DECIDES: Final = {
    "organizations.approve", "organizations.suspend", "agreements.approve", "contracts.approve", "staff.write",
    "api_keys.write", "clock.move", "settlements.release",
}  # fmt: skip

_HOSPITAL_READS: Final = frozenset({
    "hospital.read", "departments.read", "practitioners.read", "services.read", "schedules.read", "staff.read",
    "organizations.read",
})  # fmt: skip
_HOSPITAL_RUNS: Final = _HOSPITAL_READS | {
    "onboarding.write", "licences.write", "departments.write", "practitioners.write", "services.write",
    "schedules.write", "appointments.read", "appointments.cancel", "staff.write", "api_keys.read", "api_keys.write",
    "audit.read", "usage.read", "usage.write", "invoices.read", "invoices.dispute", "invoices.pay", "fapiao.request",
    "settlements.read", "payments.read", "payments.refund", "payments.waive", "receipts.write", "ledger.read",
    "reconciliation.read", "agreements.read",
}  # fmt: skip
_HOSPITAL_MONEY: Final = _HOSPITAL_READS | {
    "usage.read", "ledger.read", "invoices.read", "invoices.dispute", "invoices.pay", "fapiao.request",
    "payments.read", "payments.refund", "payments.waive", "receipts.write", "settlements.read",
    "settlements.confirm", "reconciliation.read",
    "reconciliation.resolve", "agreements.read",
}  # fmt: skip
_HOSPITAL_CARES: Final = _HOSPITAL_READS | {
    "schedules.write", "appointments.read", "appointments.cancel", "encounters.read", "encounters.write",
    "encounters.sign", "patients.read", "records.read",
}  # fmt: skip

ROLES: Final[dict[str, tuple[Audience, frozenset[str]]]] = {
    "operator_staff": ("operator", frozenset(_OPERATOR_WORKS)),
    "operator_finance": ("operator", frozenset(_OPERATOR_READS | _OPERATOR_MONEY)),
    "operator_supervisor": ("operator", frozenset(_OPERATOR_WORKS | _OPERATOR_MONEY | _OPERATOR_DECIDES)),
    "operator_admin": ("operator", frozenset(_OPERATOR_WORKS | _OPERATOR_MONEY | _OPERATOR_DECIDES)),
    "hospital_admin": ("hospital", frozenset(
        _HOSPITAL_RUNS | {"settlements.confirm", "agreements.confirm", "reconciliation.resolve"}
    )),
    "medical_affairs": ("hospital", frozenset(_HOSPITAL_RUNS | _HOSPITAL_CARES | {"practitioners.verify"})),
    "doctor": ("hospital", frozenset(_HOSPITAL_CARES)),
    "pharmacist": ("hospital", frozenset(_HOSPITAL_READS)),
    "hospital_finance": ("hospital", frozenset(_HOSPITAL_MONEY)),
    "employer_admin": ("employer", frozenset({
        "employer.read", "onboarding.write", "packages.read", "contracts.read", "contracts.sign", "rosters.read",
        "rosters.write", "invoices.read", "invoices.dispute", "invoices.pay", "fapiao.request", "reports.read",
        "staff.read", "staff.write", "api_keys.read", "api_keys.write", "audit.read", "usage.read", "usage.write",
        "settlements.read", "settlements.confirm",
    })),
    "patient": ("patient", frozenset({
        "person.read", "patients.register", "directory.read", "appointments.book", "appointments.read",
        "appointments.cancel", "payments.pay", "payments.read", "records.read", "evidence.write", "benefits.activate",
        "benefits.read",
    })),
    "regulator": ("regulator", frozenset({"organizations.read"})),
}  # fmt: skip


def permissions_of(roles: list[str], audience: Audience) -> frozenset[str]:
    """All that these roles allow within one audience; a role of another audience counts for nothing."""
    granted: set[str] = set()
    for role in roles:
        home, allowed = ROLES.get(role, (None, frozenset()))
        if home == audience:
            granted |= allowed
    return frozenset(granted)


def roles_holding(permission: str, audience: Audience) -> list[str]:
    """The roles of an audience that may do this: what is told to who may not."""
    return [role for role, (home, allowed) in ROLES.items() if home == audience and permission in allowed]


def roles_of(audience: Audience) -> list[str]:
    """The roles an organisation of this audience can give."""
    return [role for role, (home, _) in ROLES.items() if home == audience]

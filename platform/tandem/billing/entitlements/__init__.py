"""What a programme owes its members: units granted, reserved by a booking, consumed by a visit, released by a cancel.

A programme (健康计划) is a tenant of its own, between the employer who pays and the hospitals that treat. Nobody of
the employer can act for it, so who uses a benefit is walled off from HR by the database and not by a promise. 权益
"""

from tandem.billing.entitlements.commands import (
    activate,
    admit_hospital,
    close_programme,
    consume,
    grant,
    release,
    reserve,
    revoke,
)
from tandem.billing.entitlements.errors import (
    EntitlementNotValid,
    EntitlementSpent,
    HospitalOutsideProgramme,
    NoSuchBenefit,
)
from tandem.billing.entitlements.models import Grant
from tandem.billing.entitlements.queries import (
    Activity,
    activity_since,
    benefits_of,
    consumed_among,
    consumed_at,
    members_drawing,
    members_with_use,
    programme_totals,
    units_reserved,
)

__all__ = [
    "Activity",
    "EntitlementNotValid",
    "EntitlementSpent",
    "Grant",
    "HospitalOutsideProgramme",
    "NoSuchBenefit",
    "activate",
    "activity_since",
    "admit_hospital",
    "benefits_of",
    "close_programme",
    "consume",
    "consumed_among",
    "consumed_at",
    "grant",
    "members_drawing",
    "members_with_use",
    "programme_totals",
    "release",
    "reserve",
    "revoke",
    "units_reserved",
]

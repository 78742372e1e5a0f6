"""What can happen to an entitlement, and what keeps the programme's sums right. [programme]

Locks are taken in one order, so that no two steps wait for each other: the programme's sums, then its entitlements.
"""

from tandem.billing.entitlements.commands.membership import activate, admit_hospital, close_programme, grant, revoke
from tandem.billing.entitlements.commands.units import consume, release, reserve

__all__ = ["activate", "admit_hospital", "close_programme", "consume", "grant", "release", "reserve", "revoke"]

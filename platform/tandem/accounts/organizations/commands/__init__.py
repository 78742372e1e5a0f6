"""Decisions about organisations. One function, one decision; nothing here commits."""

from tandem.accounts.organizations.commands.admit import (
    approve_organization,
    ask_for_information,
    reject_organization,
    review_organization,
    submit_organization,
    withdraw_organization,
)
from tandem.accounts.organizations.commands.create import create_organization, found_operator, open_application
from tandem.accounts.organizations.commands.requirements import meet_requirement, waive_requirement
from tandem.accounts.organizations.commands.run import (
    activate_organization,
    correct_organization,
    require_active,
    suspend_organization,
)

__all__ = [
    "activate_organization",
    "approve_organization",
    "ask_for_information",
    "correct_organization",
    "create_organization",
    "found_operator",
    "meet_requirement",
    "open_application",
    "reject_organization",
    "require_active",
    "review_organization",
    "submit_organization",
    "suspend_organization",
    "waive_requirement",
    "withdraw_organization",
]

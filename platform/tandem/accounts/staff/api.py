"""Staff: each organisation administers its own; the operator offers an organisation its first seat."""

from typing import Any, Final
from uuid import UUID

from tandem.accounts.people.commands import create_person
from tandem.accounts.people.errors import LoginTaken, SignInLocked
from tandem.accounts.people.proving import known_or_new_person
from tandem.accounts.staff import commands, queries
from tandem.accounts.staff.errors import AlreadyStaff, LastAdministrator, LicenceMayNotBeLent, RoleUnknown
from tandem.accounts.staff.models import Invitation
from tandem.accounts.staff.schemas import (
    AcceptanceSchema,
    AdministratorWishSchema,
    InvitationSchema,
    InvitationWishSchema,
    NewInvitationSchema,
    RoleSchema,
    RolesSchema,
    SeatSchema,
    StaffMemberSchema,
)
from tandem.kernel.access import PUBLIC, ROLES, Audience
from tandem.kernel.database import Page
from tandem.kernel.errors import NotFound, Unauthenticated
from tandem.kernel.http import Api
from tandem.kernel.identity import Membership, read_token
from tandem.kernel.tenancy import acting_for, transaction

operator = Api("organization_staff", audience="operator", tag="Staff")
public = Api("invitation_acceptances", audience="public", tag="Staff")


@operator.get("/roles", allow="staff.read", gives=RoleSchema, many=True)
def list_roles(query: dict[str, Any]) -> list[dict[str, Any]]:
    """Every role of every audience, and what it allows."""
    return [
        {"role": role, "audience": audience, "permissions": sorted(allowed)}
        for role, (audience, allowed) in ROLES.items()
    ]


@operator.get("/organizations/<uuid:organization_id>/staff", allow="staff.read", gives=StaffMemberSchema, many=True)
def list_organization_staff(organization_id: UUID, query: dict[str, Any]) -> Page:
    """An organisation's staff, present and past."""
    return queries.staff(limit=query["limit"], after=query["after"])


@operator.post(
    "/organizations/<uuid:organization_id>/invitations",
    allow="staff.write",
    takes=AdministratorWishSchema,
    gives=NewInvitationSchema,
    problems=(RoleUnknown,),
)
def invite_administrator(organization_id: UUID, wish: dict[str, str]) -> dict[str, Any]:
    """Offer an organisation the seat of its first administrator. The token is shown once."""
    invitation, token = commands.invite_administrator(addressee=wish["addressee"])
    return _with_token(invitation, token)


@public.post(
    "/invitation_acceptances",
    allow=PUBLIC,
    takes=AcceptanceSchema,
    gives=SeatSchema,
    idempotent=False,
    problems=(AlreadyStaff, LicenceMayNotBeLent, LoginTaken, SignInLocked),
)
def accept_invitation(wish: dict[str, str]) -> Membership:
    """Take up an invitation, once, with a new login or with the login you have."""
    try:
        token = read_token(wish["token"])
    except Unauthenticated:
        raise NotFound from None
    with acting_for(token.owner_id):
        # Before anything is said about a login: without an invitation nobody learns who has one.
        queries.open_invitation(token.secret_hash)
    person_id, is_new = known_or_new_person(wish["login"], wish["password"])
    with acting_for(token.owner_id, person_id=person_id), transaction():
        if is_new:
            create_person(person_id, login=wish["login"], name=wish["name"], password=wish["password"])
        return commands.accept_invitation(token.secret_hash, person_id, name=wish["name"])


def _staff_of(audience: Audience) -> Api:
    own = Api("staff", audience=audience, tag="Staff")

    @own.get("/staff", allow="staff.read", gives=StaffMemberSchema, many=True)
    def list_staff(query: dict[str, Any]) -> Page:
        """Your staff, present and past."""
        return queries.staff(limit=query["limit"], after=query["after"])

    @own.put(
        "/staff/<uuid:membership_id>/roles",
        allow="staff.write",
        takes=RolesSchema,
        gives=SeatSchema,
        problems=(RoleUnknown, LastAdministrator, LicenceMayNotBeLent),
    )
    def change_roles(membership_id: UUID, wish: dict[str, Any]) -> Membership:
        """Give one of your staff other roles."""
        return commands.change_roles(membership_id, wish["roles"])

    @own.delete("/staff/<uuid:membership_id>", allow="staff.write", problems=(LastAdministrator,))
    def end_membership(membership_id: UUID) -> None:
        """Somebody leaves; their sessions with you end at once."""
        commands.end_membership(membership_id)

    @own.get("/invitations", allow="staff.read", gives=InvitationSchema, many=True)
    def list_invitations(query: dict[str, Any]) -> Page:
        """The seats you have offered, newest first."""
        return queries.invitations(limit=query["limit"], after=query["after"])

    @own.post(
        "/invitations",
        allow="staff.write",
        takes=InvitationWishSchema,
        gives=NewInvitationSchema,
        problems=(RoleUnknown,),
    )
    def invite_staff(wish: dict[str, Any]) -> dict[str, Any]:
        """Offer a seat. The token is shown once."""
        invitation, token = commands.invite_staff(addressee=wish["addressee"], roles=wish["roles"])
        return _with_token(invitation, token)

    @own.delete("/invitations/<uuid:invitation_id>", allow="staff.write")
    def revoke_invitation(invitation_id: UUID) -> None:
        """Take an offer back."""
        commands.revoke_invitation(invitation_id)

    return own


def _with_token(invitation: Invitation, token: str) -> dict[str, Any]:
    shown = ("id", "addressee", "roles", "status", "created_at", "expires_at", "decided_at")
    return {name: getattr(invitation, name) for name in shown} | {"token": token}


APIS: Final = (operator, public, *(_staff_of(audience) for audience in ("operator", "hospital", "employer")))

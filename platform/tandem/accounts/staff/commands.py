"""Decisions about staff: invite, take a seat, change roles, leave."""

from collections.abc import Sequence
from datetime import timedelta
from typing import cast
from uuid import UUID

from sqlalchemy import ARRAY, Text, literal, update

from tandem.accounts.hands import hand
from tandem.accounts.organizations.queries import own_organization
from tandem.accounts.staff import queries
from tandem.accounts.staff.errors import AlreadyStaff, LastAdministrator, LicenceMayNotBeLent, RoleUnknown
from tandem.accounts.staff.models import ADMIN_ROLES, CLINICAL_ROLES, INVITATION_DAYS, NEXT, Invitation, StaffProfile
from tandem.kernel import audit, clock
from tandem.kernel.access import ROLES, Audience, permissions_of, roles_of
from tandem.kernel.database import session
from tandem.kernel.identity import Affiliation, ApiKey, Membership, make_token
from tandem.kernel.states import move
from tandem.kernel.tenancy import as_person, tenant_id

INVITATION_TOKEN = "tdi"  # noqa: S105 - the token's visible prefix, not a secret


def invite_staff(*, addressee: str, roles: Sequence[str]) -> tuple[Invitation, str]:
    """Offer a seat in the scope's organisation; returns the token, once. [any tenant] Raises RoleUnknown."""
    audience = _audience()
    _require_known(roles, audience)
    token, token_hash = make_token(INVITATION_TOKEN, tenant_id())
    invitation = Invitation(
        tenant_id=tenant_id(),
        addressee=addressee,
        audience=audience,
        roles=sorted(set(roles)),
        token_hash=token_hash,
        invited_by=hand(),
        expires_at=clock.now() + timedelta(days=INVITATION_DAYS),
    )
    session.add(invitation)
    session.flush()
    audit.record(
        action="invitation.made", object_type="invitation", object_id=invitation.id, details={"roles": list(roles)}
    )
    return invitation, token


def invite_administrator(*, addressee: str) -> tuple[Invitation, str]:
    """Offer the seat from which all others can be offered. [any tenant, by the operator]"""
    return invite_staff(addressee=addressee, roles=[ADMIN_ROLES.get(_audience(), "")])


def revoke_invitation(invitation_id: UUID) -> Invitation:
    """Take an offer back. [any tenant] Raises NotFound, TransitionRefused."""
    invitation = queries.invitation(invitation_id)
    move(invitation, "revoked", NEXT)
    invitation.decided_at = clock.now()
    return invitation


def accept_invitation(token_hash: bytes, person_id: UUID, *, name: str) -> Membership:
    """Take the seat offered, once. [its tenant, as the person]

    Raises NotFound for a token that is unknown, used, revoked or expired; AlreadyStaff; LicenceMayNotBeLent.
    """
    invitation = queries.open_invitation(token_hash)
    membership = give_seat(person_id, roles=invitation.roles, name=name)
    move(invitation, "accepted", NEXT)
    invitation.decided_at = clock.now()
    return membership


def give_seat(person_id: UUID, *, roles: Sequence[str], name: str) -> Membership:
    """Make a person one of the scope's staff. [any tenant, as the person]

    Raises RoleUnknown, AlreadyStaff, LicenceMayNotBeLent.
    """
    audience = _audience()
    _require_known(roles, audience)
    _keep_licences_at_home(person_id, audience, roles)
    seat = queries.seat_of(person_id, audience)
    if seat is not None and seat.status == "active":
        raise AlreadyStaff
    if seat is None:
        seat = Membership(tenant_id=tenant_id(), person_id=person_id, audience=audience, roles=list(roles))
        session.add_all((seat, Affiliation(person_id=person_id, tenant_id=tenant_id(), audience=audience)))
        session.flush()
        session.add(StaffProfile(tenant_id=tenant_id(), membership_id=seat.id, name=name))
    else:
        seat.roles, seat.status, seat.since, seat.ended_at = list(roles), "active", clock.now(), None
    session.flush()
    _note("seated", seat)
    return seat


def change_roles(membership_id: UUID, roles: Sequence[str]) -> Membership:
    """Give one of the staff other roles; keys that they issued and that may more end. [any tenant]

    Raises NotFound, RoleUnknown, LastAdministrator, LicenceMayNotBeLent.
    """
    seat = queries.staff_member(membership_id)
    _require_known(roles, seat.audience)
    with as_person(seat.person_id):
        _keep_licences_at_home(seat.person_id, seat.audience, roles)
    if ADMIN_ROLES[seat.audience] not in roles:
        _keep_an_administrator(seat)
    seat.roles = sorted(set(roles))
    _end_keys_beyond(seat, seat.roles)
    _note("roles_changed", seat)
    return seat


def end_membership(membership_id: UUID) -> Membership:
    """Somebody leaves: sessions in this place end with the seat, and so do keys that they issued. [any tenant]

    Raises NotFound, LastAdministrator.
    """
    seat = queries.staff_member(membership_id)
    if seat.status == "ended":
        return seat
    _keep_an_administrator(seat)
    seat.status, seat.ended_at = "ended", clock.now()
    _end_keys_beyond(seat, ())
    _note("ended", seat)
    return seat


def _end_keys_beyond(seat: Membership, roles: Sequence[str]) -> None:
    """A key acts for whoever issued it and has seen its token, so it may never do more than they may now."""
    audience = cast("Audience", seat.audience)
    held = permissions_of(list(roles), audience)
    kept = [role for role in roles_of(audience) if roles and permissions_of([role], audience) <= held]
    beyond = (
        update(ApiKey)
        .where(ApiKey.tenant_id == tenant_id(), ApiKey.created_by == seat.person_id)
        .where(
            ApiKey.audience == seat.audience,
            ApiKey.revoked_at.is_(None),
            ~ApiKey.roles.bool_op("<@")(literal(kept, ARRAY(Text))),
        )
        .values(revoked_at=clock.now())
        .returning(ApiKey.id)
    )
    for key_id in session.scalars(beyond):
        audit.record(action="api_key.revoked", object_type="api_key", object_id=key_id, details={"by": "seat"})


def _audience() -> str:
    return queries.AUDIENCES.get(own_organization().kind, "")


def _require_known(roles: Sequence[str], audience: str) -> None:
    known = [role for role, (home, _) in ROLES.items() if home == audience]
    if not roles or set(roles) - set(known):
        raise RoleUnknown(roles=known)


def _keep_licences_at_home(person_id: UUID, audience: str, roles: Sequence[str]) -> None:
    # Medical Institutions Regulations art. 23: a licence may not be lent, so nobody of the operator's works under it.
    if audience == "hospital" and CLINICAL_ROLES & set(roles) and queries.has_place(person_id, "operator"):
        raise LicenceMayNotBeLent
    if audience == "operator" and queries.has_place(person_id, "hospital"):
        raise LicenceMayNotBeLent


def _keep_an_administrator(seat: Membership) -> None:
    admins = queries.administrators(seat.audience, ADMIN_ROLES[seat.audience])
    if [admin.id for admin in admins] == [seat.id]:
        raise LastAdministrator


def _note(what: str, seat: Membership) -> None:
    audit.record(
        action=f"membership.{what}", object_type="membership", object_id=seat.id, details={"roles": list(seat.roles)}
    )

"""Whose hand acts. Four eyes are two people: a person's keys are that person's hands, however many they are."""

from uuid import UUID

from sqlalchemy import select

from tandem.kernel.database import session
from tandem.kernel.errors import Unauthenticated
from tandem.kernel.identity import ApiKey, current_actor

_key = ApiKey.__table__.c


def hand() -> UUID | None:
    """The person who acts, or who issued the key that does; the key itself where nobody stands behind it."""
    actor = current_actor()
    if actor.kind != "api_key":
        return actor.person_id or actor.id
    # A Core read: an operator's key acts in another tenant's scope, where the loader's belt would hide its own row.
    issuer = select(_key.created_by).where(_key.tenant_id == actor.tenant_id, _key.id == actor.id)
    return session.scalar(issuer) or actor.id


def deciding_hand() -> UUID:
    """The same for what needs somebody to answer for it. Raises Unauthenticated where nobody acts."""
    found = hand()
    if found is None:
        raise Unauthenticated
    return found

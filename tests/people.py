"""People and keys for stories: who they are, where they have a place, and the token they knock with."""

from datetime import timedelta
from uuid import UUID

from tandem.kernel import clock, crypto, identity
from tandem.kernel.access import Audience
from tandem.kernel.database import session
from tandem.kernel.ids import new_id
from tandem.kernel.tenancy import OPERATOR_ID, acting_for, as_person, transaction


def a_person(*, login: str | None = None, name: str = "李明", password: str | None = None) -> UUID:
    """Somebody with a login of the platform."""
    person_id = new_id()
    login = login or f"1{person_id.int % 10**10:010d}"
    with as_person(person_id), transaction():
        session.add(
            identity.Person(
                id=person_id,
                login=login,
                login_index=crypto.platform_index(login, "person.login"),
                name=name,
                password_hash=identity.hash_password(password) if password else None,
            )
        )
    return person_id


def a_place(person_id: UUID, tenant_id: UUID, audience: Audience, *roles: str) -> None:
    """Give a person a place in an organisation."""
    with acting_for(tenant_id, person_id=person_id), transaction():
        session.add(identity.Membership(tenant_id=tenant_id, person_id=person_id, audience=audience, roles=list(roles)))
        session.add(identity.Affiliation(person_id=person_id, tenant_id=tenant_id, audience=audience))


def signed_in(person_id: UUID, audience: Audience, tenant_id: UUID | None = None) -> dict[str, str]:
    """Headers of a person who is signed in to one place."""
    with as_person(person_id), transaction():
        person = session.get_one(identity.Person, person_id)
        token, _ = identity.open_session(person, audience, tenant_id)
    return {"Authorization": f"Bearer {token}"}


def staff(tenant_id: UUID, audience: Audience, *roles: str) -> dict[str, str]:
    """Headers of a fresh member of staff of an organisation."""
    person_id = a_person(name="王芳")
    a_place(person_id, tenant_id, audience, *roles)
    return signed_in(person_id, audience, tenant_id)


def operator_staff(*roles: str) -> dict[str, str]:
    """Headers of a fresh member of the operator's staff."""
    return staff(OPERATOR_ID, "operator", *(roles or ("operator_admin",)))


def a_key(tenant_id: UUID, audience: Audience, *roles: str) -> dict[str, str]:
    """Headers of a machine with an API key of an organisation."""
    token, secret_hash = identity.make_token("tdm_test", tenant_id)
    with acting_for(tenant_id), transaction():
        session.add(
            identity.ApiKey(
                tenant_id=tenant_id,
                name="tests",
                hint=token[-4:],
                secret_hash=secret_hash,
                audience=audience,
                roles=list(roles),
                expires_at=clock.now() + timedelta(days=1),
            )
        )
    return {"Authorization": f"Bearer {token}"}


def once() -> dict[str, str]:
    """A fresh Idempotency-Key header."""
    return {"Idempotency-Key": str(new_id())}

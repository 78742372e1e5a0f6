"""Signing in and out, and oneself: the same at every audience's door. Patients sign up at theirs."""

from collections.abc import Sequence
from typing import Any, Final
from uuid import UUID

from tandem.accounts.organizations.queries import organization_or_none
from tandem.accounts.people.commands import change_password, create_person
from tandem.accounts.people.errors import LoginTaken, PasswordWrong, SignInLocked, SignInRefused
from tandem.accounts.people.proving import forgive, prove_password
from tandem.accounts.people.queries import acting_person
from tandem.accounts.sessions import commands, queries
from tandem.accounts.sessions.errors import CodeWrong, PersonNeeded, PlaceNeeded, SecondFactorNeeded
from tandem.accounts.sessions.schemas import (
    MeSchema,
    OpenSessionSchema,
    PasswordChangeSchema,
    PersonSchema,
    SessionSchema,
    SignInSchema,
    SignUpSchema,
    TotpProofSchema,
    TotpRemovalSchema,
    TotpSecretSchema,
)
from tandem.kernel.access import PUBLIC, SIGNED_IN, Audience
from tandem.kernel.http import Api, credential
from tandem.kernel.identity import Person, current_actor, open_session, read_token
from tandem.kernel.ids import new_id
from tandem.kernel.tenancy import as_person, transaction

DOORS: Final[tuple[Audience, ...]] = ("operator", "hospital", "employer", "patient", "regulator")


def sign_in(audience: Audience, wish: dict[str, Any]) -> dict[str, Any]:
    """Prove the password, then the second factor, then find the place, and open a session there.

    Each proof is an edge of its own, so that a failure is remembered although the request is refused.
    """
    person_id = prove_password(wish["login"], wish["password"])
    with as_person(person_id), transaction():
        person = commands.require_second_factor(person_id, wish.get("totp"))
        tenant = None
        if audience != "patient":
            tenant = commands.choose_place(queries.places(person_id, audience), wish.get("tenant_id"))
            if tenant is None:
                raise SignInRefused
        token, opened = open_session(person, audience, tenant)
    forgive(wish["login"])
    return {
        "token": token,
        "csrf_token": opened.csrf_token,
        "audience": audience,
        "person_id": person_id,
        "tenant_id": tenant,
        "expires_at": opened.expires_at,
    }


def _door(audience: Audience) -> Api:
    api = Api("sessions", audience=audience, tag="Sessions")
    _open_and_close(api, audience)
    _oneself(api)
    return api


def _open_and_close(api: Api, audience: Audience) -> None:
    @api.post(
        "/sessions",
        allow=PUBLIC,
        takes=SignInSchema,
        gives=SessionSchema,
        idempotent=False,
        problems=(SignInRefused, SignInLocked, SecondFactorNeeded, PlaceNeeded),
    )
    def create_session(wish: dict[str, Any]) -> dict[str, Any]:
        """Sign in with login and password, and a one-time code where one is enrolled."""
        return sign_in(audience, wish)

    @api.get("/sessions", allow=SIGNED_IN, gives=OpenSessionSchema, many=True, problems=(PersonNeeded,))
    def list_sessions(query: dict[str, Any]) -> Sequence[Any]:
        """Your open sessions, at every door."""
        return queries.open_sessions(_person_id())

    @api.delete("/sessions", allow=SIGNED_IN, problems=(PersonNeeded,))
    def close_sessions() -> None:
        """Sign out everywhere."""
        commands.close_sessions(_person_id())

    @api.delete("/sessions/current", allow=SIGNED_IN, problems=(PersonNeeded,))
    def close_session() -> None:
        """Sign out."""
        _person_id()
        commands.close_session(read_token(credential()).secret_hash)


def _oneself(api: Api) -> None:
    @api.get("/me", allow=SIGNED_IN, gives=MeSchema)
    def show_me() -> dict[str, Any]:
        """Who you are to the platform, where, and what you may do."""
        return _me()

    @api.put("/me/password", allow=SIGNED_IN, takes=PasswordChangeSchema, problems=(PasswordWrong, PersonNeeded))
    def set_password(wish: dict[str, str]) -> None:
        """Set another password; every session but a new one ends."""
        person = change_password(_person_id(), **wish)
        commands.close_sessions(person.id)

    @api.post("/me/totp_secrets", allow=SIGNED_IN, gives=TotpSecretSchema, idempotent=False, problems=(PersonNeeded,))
    def propose_totp() -> dict[str, str]:
        """A fresh secret for your authenticator; nothing is kept until a code proves it."""
        secret, uri = commands.propose_totp(acting_person(_person_id()))
        return {"secret": secret, "uri": uri}

    @api.put("/me/totp", allow=SIGNED_IN, takes=TotpProofSchema, problems=(PasswordWrong, CodeWrong, PersonNeeded))
    def enrol_totp(wish: dict[str, str]) -> None:
        """From now on signing in needs a code of this secret."""
        commands.enrol_totp(_person_id(), **wish)

    @api.post(
        "/me/totp_removals",
        allow=SIGNED_IN,
        takes=TotpRemovalSchema,
        idempotent=False,
        problems=(PasswordWrong, CodeWrong, PersonNeeded),
    )
    def remove_totp(wish: dict[str, str]) -> None:
        """Sign in with the password only."""
        commands.remove_totp(_person_id(), **wish)


patient = Api("persons", audience="patient", url_prefix="/persons", tag="Sessions")


@patient.post("", allow=PUBLIC, takes=SignUpSchema, gives=PersonSchema, idempotent=False, problems=(LoginTaken,))
def sign_up(wish: dict[str, str]) -> Person:
    """Sign up with a phone number or another login, once for every hospital on the platform."""
    person_id = new_id()
    with as_person(person_id), transaction():
        return create_person(person_id, **wish)


def _person_id() -> UUID:
    person_id = current_actor().person_id
    if person_id is None:
        raise PersonNeeded
    return person_id


def _me() -> dict[str, Any]:
    actor = current_actor()
    organization = organization_or_none() if actor.tenant_id is not None else None
    person = acting_person(actor.person_id) if actor.person_id is not None else None
    return {
        "kind": actor.kind,
        "audience": actor.audience,
        "roles": list(actor.roles),
        "permissions": sorted(actor.permissions),
        "person": person and _myself(person),
        "organization": organization,
    }


def _myself(person: Person) -> dict[str, Any]:
    return {
        "id": person.id,
        "name": person.name,
        "login": person.login,
        "has_second_factor": person.totp_secret is not None,
        "failed_sign_ins": person.failed_logins,
        "was_locked_until": person.locked_until,
    }


APIS: Final = (*(_door(audience) for audience in DOORS), patient)

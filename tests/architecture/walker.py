"""The walker: goes to every address of the application as somebody, and notes what it should not have been told."""

import io
import json
import zipfile
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Final
from uuid import UUID

from flask import Flask
from flask.testing import FlaskClient
from pypdf import PdfReader
from werkzeug.routing import Rule

from tandem.billing.settlements import lines
from tandem.kernel.access import PUBLIC
from tandem.kernel.http import Route
from tandem.kernel.http.routes import ROUTES
from tandem.kernel.ids import new_id
from tests.architecture.bodies import a_body, ids_in
from tests.people import once

_BY_NAME: Final = {"code": "licence", "kind": next(iter(lines.BY_NAME)), "figure": "invoiced"}
"""Parts of an address that are no ids."""


@dataclass(frozen=True)
class Door:
    """One rule of the application and what it declares."""

    rule: Rule
    method: str
    route: Route

    def __str__(self) -> str:
        return f"{self.method} {self.rule.rule}"

    @property
    def ids(self) -> list[str]:
        """The names of the address's ids, in order."""
        return [name for name, kind in _arguments(self.rule) if kind == "uuid"]

    @property
    def body_ids(self) -> list[str]:
        """The names of the ids in its body."""
        return ids_in(self.route.takes)

    def address(self, **ids: UUID) -> str:
        """The path with these ids in it."""
        path = self.rule.rule
        for name, kind in _arguments(self.rule):
            placed = ids[name] if kind == "uuid" else _BY_NAME[name]
            path = path.replace(f"<uuid:{name}>", str(placed)).replace(f"<{kind}:{name}>", str(placed))
            path = path.replace(f"<{name}>", str(placed))
        return path


@dataclass
class Walker:
    """Somebody with a credential and an organisation of their own, who tries another's ids."""

    client: FlaskClient
    headers: dict[str, str]
    own: UUID
    foreign: UUID
    found: list[str] = field(default_factory=list)

    def ask(self, door: Door, *, body: dict[str, UUID] | None = None, **ids: UUID) -> Any:
        """Knock with a body the door accepts."""
        sent: dict[str, Any] = {}
        if door.route.takes is not None:
            sent["json"] = a_body(door.route.takes, self.own, **(body or {}))
        elif door.route.upload:
            sent = {"data": b"x", "content_type": door.route.upload[0]}
        headers = self.headers | once() | {"If-Match": '"1"', "Accept-Language": "en"}
        return self.client.open(door.address(**ids), method=door.method, headers=headers, **sent)

    def try_every_id(self, door: Door, but: Collection[str] = ()) -> None:
        """Put the foreign id in each place `but` these, and compare with an id that nobody has."""
        for name in [each for each in door.ids if each not in but and not _is_open(door, each)]:
            asked = dict.fromkeys(door.ids, self.own)
            theirs = self.ask(door, **asked | {name: self.foreign})
            nobody = new_id()
            nobodys = self.ask(door, **asked | {name: nobody})
            if theirs.status_code != 404 or told(theirs, self.foreign) != told(nobodys, nobody):
                self.note(door, name, theirs, nobodys)
        for name in [each for each in door.body_ids if each not in but]:
            asked = dict.fromkeys(door.ids, self.own)
            nobody = new_id()
            theirs = self.ask(door, body={name: self.foreign}, **asked)
            nobodys = self.ask(door, body={name: nobody}, **asked)
            if theirs.status_code >= 500 or told(theirs, self.foreign) != told(nobodys, nobody):
                self.note(door, name, theirs, nobodys)

    def note(self, door: Door, name: str, theirs: Any, nobodys: Any) -> None:
        """Remember that an address answered differently for an id it should not know."""
        said = f"{theirs.status_code} {text_of(theirs)[:300]}"
        self.found.append(f"{door} with another's {name}: {said} / a missing one: {nobodys.status_code}")

    def look_for(self, door: Door, strings: Sequence[str], **ids: UUID) -> None:
        """Read an address and note every one of these strings it tells."""
        answer = self.ask(door, **ids)
        text = text_of(answer)
        seen = [each for each in strings if each in text]
        if answer.status_code >= 500 or seen:
            self.found.append(f"{door}: {answer.status_code} tells {seen[:5]}")


def text_of(answer: Any) -> str:
    """All that an answer says; of an archive or a workbook, what its files say; of a PDF, what its pages say."""
    if answer.mimetype == "application/pdf":
        return "".join(page.extract_text() for page in PdfReader(io.BytesIO(answer.get_data())).pages)
    if answer.mimetype != "application/zip" and not answer.mimetype.endswith("spreadsheetml.sheet"):
        return str(answer.get_data(as_text=True))
    with zipfile.ZipFile(io.BytesIO(answer.get_data())) as archive:
        # docProps says when a workbook was made, nothing else.
        names = [name for name in archive.namelist() if not name.startswith("docProps/")]
        return "".join(archive.read(name).decode() for name in names)


def told(answer: Any, asked: UUID) -> tuple[int, Any]:
    """What an answer says, but for the id that was asked for and the id of the request."""
    text = text_of(answer).replace(str(asked), "ID")
    try:
        body = json.loads(text)
    except ValueError:
        return answer.status_code, text
    return answer.status_code, {name: each for name, each in body.items() if name != "request_id"}


def doors(app: Flask, *audiences: str) -> Iterator[Door]:
    """Every declared rule of the application, of some audiences or of all."""
    for rule in app.url_map.iter_rules():
        route = app.extensions[ROUTES].get(rule.endpoint)
        if route is not None and (not audiences or route.audience in audiences):
            yield Door(rule, route.method, route)


def closed_doors(app: Flask, *audiences: str) -> list[Door]:
    """Those that ask for a credential."""
    return [door for door in doors(app, *audiences) if door.route.allow != PUBLIC]


def _is_open(door: Door, name: str) -> bool:
    # What the public may see of a hospital, a signed-in patient may see as well.
    return door.route.open and name in {"hospital_id", "service_id"}


def _arguments(rule: Rule) -> list[tuple[str, str]]:
    parts = [part.split(">")[0] for part in rule.rule.split("<")[1:]]
    return [(part.rpartition(":")[2], part.rpartition(":")[0] or "string") for part in parts]

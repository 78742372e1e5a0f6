"""HR's own view of the roster: who was uploaded, never who uses what."""

from typing import Any
from uuid import UUID

from b2b.rosters import commands, queries
from b2b.rosters.errors import MemberLeft
from b2b.rosters.models import RosterImport, RosterMember
from b2b.rosters.schemas import (
    DepartureSchema,
    MemberQuery,
    MemberSchema,
    RosterImportSchema,
    RosterImportSummarySchema,
    RosterQuery,
)
from tandem.kernel.database import Page
from tandem.kernel.http import Api
from tandem.kernel.sheets import SHEET_PROBLEMS

rosters = Api("rosters", audience="employer", url_prefix="/rosters")
members = Api("members", audience="employer", url_prefix="/members")


@rosters.post(
    "",
    allow="rosters.write",
    upload=("text/csv", "application/octet-stream"),
    query=RosterQuery,
    gives=RosterImportSchema,
    problems=SHEET_PROBLEMS,
)
def import_roster(upload: bytes, query: dict[str, Any]) -> RosterImport:
    """Upload a CSV of employees (UTF-8 or GB18030; columns staff_number, name, phone, joined_on, left_on)."""
    return commands.import_roster(upload, dry_run=query["dry_run"])


@rosters.get("", allow="rosters.read", gives=RosterImportSummarySchema, many=True)
def list_imports(query: dict[str, Any]) -> Page:
    """Files uploaded before, and what became of them."""
    return queries.imports(**query)


@rosters.get("/<uuid:import_id>", allow="rosters.read", gives=RosterImportSchema)
def read_import(import_id: UUID) -> RosterImport:
    """One file, and what was wrong with its rows."""
    return queries.roster_import(import_id)


@members.get("", allow="rosters.read", gives=MemberSchema, query=MemberQuery, many=True)
def list_members(query: dict[str, Any]) -> Page:
    """The roster."""
    return queries.members(**query)


@members.post(
    "/<uuid:member_id>/departures",
    allow="rosters.write",
    takes=DepartureSchema,
    gives=MemberSchema,
    problems=(MemberLeft,),
)
def end_membership(member_id: UUID, wish: dict[str, Any]) -> RosterMember:
    """Somebody leaves; the units they have not reserved are withdrawn."""
    return commands.end_membership(member_id, left_on=wish["left_on"])


APIS = (rosters, members)

"""The matching core: two sides held against each other under natural keys, in a handful of statements however many.

A comparison is SQL: what both sides say, key by key, and which keys may have changed. A run takes the comparison's
row as its lock, works out the keys to look at, writes an item where something is new, makes differences of items,
and moves the watermark: one transaction, so that a run which is killed never was.

A run looks at a bounded list of keys by their indexes, or at everything at once. At everything it sends a sieve ahead
where the comparison has one, so that of a million keys it looks exactly at the few that are no plain pair.

Which keys may have changed is decided by a safe horizon. A row bears the transaction that wrote it last; a run keeps
the oldest transaction that was still running when it looked, and the next one looks at all from there on, so a slow
transaction is met when it ends. Books need no such care: their places are taken one after the other.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final, Literal
from uuid import UUID

import orjson
from sqlalchemy import CursorResult, text

from tandem.billing.arrays import text_array
from tandem.billing.reconciliation import outcomes
from tandem.billing.reconciliation.findings import Finding
from tandem.billing.reconciliation.models import PassRun
from tandem.billing.reconciliation.rules import Rules
from tandem.billing.reconciliation.sieve import Sieve, sift
from tandem.kernel import clock
from tandem.kernel.database import session
from tandem.kernel.ids import new_id
from tandem.kernel.tenancy import tenant_id

Mode = Literal["full", "incremental", "day"]

_PLACES: Final = "<places of books>"
"""Stands in a comparison's SQL until the run knows which books there are, and up to where it has seen them."""
COMPARE_TIMEOUT_MS: Final = 600_000
"""A first run over a whole history takes minutes, not the seconds of a request."""
MOST_KEYS: Final = 50_000
"""Above that many keys, looking at everything costs no more than looking at each by its indexes."""


@dataclass(frozen=True)
class Keys:
    """The keys a run looks at: all there are, or those of `scope`.

    `have_changed`: among them is every key under which anything bears a transaction since `:xid`, and few are.
    """

    are_all: bool
    have_changed: bool = False

    def within(self, column: str, of_key: str = "s.key", joined: str = "") -> str:
        """The condition that keeps `column` among the values that `of_key` makes of the keys `s.key`.

        An array, not a join: whatever the planner thinks of the keys' number, the column's index is used.
        """
        return "true" if self.are_all else f"{column} = ANY(ARRAY(SELECT {of_key} FROM scope s {joined}))"


@dataclass(frozen=True)
class Comparison:
    """Two sides and how their keys are found. `name` is the pass, a dot, and what is compared ("R1.booked").

    `compared` gives SQL with the columns key, left_text, right_text, diff_minor, fault (NULL where both sides agree),
    one row per key, at least for the keys it is given. `dirty` is SQL for the keys that may have changed since
    `:xid` and the places of books (see `books`), `of_day` for those of a day. Without `stores_matches` a key on which
    both sides always agreed leaves no row; so it is where there is a `sieve`. `is_timeless`: what both sides say is all
    there is to it, so a difference is looked at again only when one of them changed, or with its day, or with all.
    """

    name: str
    compared: Callable[[Keys], str]
    dirty: str
    of_day: str | None = None
    stores_matches: bool = True
    sieve: Sieve | None = None
    is_timeless: bool = False

    @property
    def reconciliation_pass(self) -> str:
        return self.name.partition(".")[0]

    @property
    def keeps_matches(self) -> bool:
        """Whether agreement leaves a row of its own."""
        return self.stores_matches and self.sieve is None


@dataclass(frozen=True)
class Look:
    """How a comparison is to look: everything, what changed, or what changed and one day's keys besides.

    `values` are further parameters of its SQL.
    """

    mode: Mode = "incremental"
    since: datetime | None = None
    until: datetime | None = None
    values: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Outcome:
    """What one run of a comparison came to. `new_count`: keys that differ now and did not before."""

    run_id: UUID
    comparison: str
    mode: str
    checked_count: int
    changed_count: int
    new_count: int
    open_count: int
    is_parked: bool


def books(keys: str, condition: str = "true") -> str:
    """SQL for keys of journals booked since the comparison last looked; `j` is the journal, `b` its book."""
    return (
        f"SELECT {keys} AS key FROM journal j JOIN book b ON b.tenant_id = j.tenant_id AND b.id = j.book_id "
        f"WHERE j.tenant_id = :tenant AND b.tenant_id = :tenant AND {_PLACES} AND {condition}"
    )


def run_comparison(comparison: Comparison, look: Look, rules: Rules) -> Outcome:
    """Hold both sides against each other and keep what came of it. [hospital, employer, operator]

    The first run of a comparison looks at everything, whatever it was asked. One at a time: a second waits its
    second for the lock, then fails to be tried again.
    """
    started_at, run_id = clock.now(), new_id()
    _prepare()
    xid, is_first = _take_turn(comparison.name)
    places = session.execute(_BOOKS, _names(comparison.name)).all()
    mode = "full" if is_first else look.mode
    values = {
        **_names(comparison.name), "xid": xid, "now": started_at, "run": run_id, "since": look.since,
        "until": look.until, **look.values, **{f"book{n}": row.id for n, row in enumerate(places)},
        **{f"currency{n}": row.currency for n, row in enumerate(places)},
        **{f"after{n}": row.position for n, row in enumerate(places)},
    }  # fmt: skip
    mode, keys, looked_at = _keys(comparison, mode, len(places), values)
    values["keys"] = keys
    of = Keys(are_all=keys is None, have_changed=mode != "full")
    changed = _write_items(_items_sql(comparison, of), values)
    if looked_at is not None:
        checked = looked_at
    elif comparison.keeps_matches:
        checked = session.execute(_COUNT_ITEMS, _names(comparison.name)).scalar_one()
    else:
        checked = session.execute(text(_COUNT.format(comparison.compared(Keys(True)))), values).scalar_one()
    # The places that were noted before anything was read: what is booked meanwhile is the next run's.
    told = {"books": [row.id for row in places], "places": [row.next_seq - 1 for row in places]}
    session.execute(_MOVE_ON_BOOKS, _names(comparison.name) | told)
    return _conclude(comparison.name, mode, rules, values, int(checked), changed)


def run_told(
    name: str, findings: Sequence[Finding], looked_at: Sequence[str], rules: Rules, *, checked_count: int | None = None
) -> Outcome:
    """Keep findings that could not be made by one statement: those of other tenants' books, or of a calculation.

    `looked_at` are the keys that were examined: one of them that is no longer found is settled by that. Bounded by
    the caller.
    """
    started_at, run_id = clock.now(), new_id()
    _prepare()
    _take_turn(name)
    found = {each.key: each for each in findings}
    values = {
        **_names(name), "now": started_at, "run": run_id,
        "expected": [str(each.expected_minor) for each in found.values()],
        "actual": [str(each.actual_minor) for each in found.values()],
        "diffs": [each.expected_minor - each.actual_minor for each in found.values()],
        "faults": [orjson.dumps(each.told()).decode() for each in found.values()],
        "found": list(found), "keys": text_array(list({*looked_at, *found})),
    }  # fmt: skip
    told = Comparison(name, lambda _: _TOLD, dirty="", stores_matches=False)
    changed = _write_items(_items_sql(told, Keys(are_all=False)), values)
    return _conclude(name, "told", rules, values, len(looked_at) if checked_count is None else checked_count, changed)


def position_of(name: str, source: str) -> int:
    """Up to where a comparison has seen a source, for comparisons that are told."""
    found = session.execute(_POSITION, _names(name) | {"source": source}).scalar_one_or_none()
    return int(found or 0)


def advance(name: str, source: str, position: int) -> None:
    """Move a told comparison's place in a source, in the transaction that keeps what it found there."""
    session.execute(_ADVANCE, _names(name) | {"source": source, "position": position})


def _prepare() -> None:
    session.execute(_PREPARE)


def _names(comparison: str) -> dict[str, Any]:
    return {"tenant": tenant_id(), "comparison": comparison}


def _take_turn(name: str) -> tuple[int, bool]:
    """Hold the comparison's row; returns from which transaction on rows are dirty, and whether it is the first run."""
    turn = session.execute(_TAKE_TURN, _names(name)).one()
    outcomes.heed_agreements(name)
    seen = int(turn.position)
    # A horizon that lies behind the last one is another server's: after a restore or a move all is looked at.
    return seen, seen == 0 or turn.horizon < seen


def _keys(
    comparison: Comparison, mode: Mode, books_count: int, values: Mapping[str, Any]
) -> tuple[Mode, str | None, int | None]:
    """In which mode after all, at which keys to look (None: all), and at how many those and a sieve have looked.

    The keys are an array literal: the database makes it and reads it, and nobody on the way takes it apart.
    """
    if mode != "full":
        session.execute(_BY_INDEX)
        dirty = session.execute(text(_DIRTY.format(_scope(comparison, mode, books_count), MOST_KEYS + 1)), values).one()
        if dirty.key_count <= MOST_KEYS:
            return mode, dirty.keys, dirty.key_count
        session.execute(_ANY_WAY)
    found = None
    if comparison.sieve is not None:
        session.execute(_ALL_AT_ONCE)
        found = sift(comparison.sieve, books_count, values, most=MOST_KEYS)
    if found is None:
        session.execute(_MUCH_MEMORY)
        session.execute(_ALL_AT_ONCE)
        return "full", None, None
    kept = session.execute(_KEPT_KEYS, _names(comparison.name)).scalars()
    session.execute(_IN_LOOPS)
    session.execute(_BY_INDEX)
    return "full", text_array(sorted({*found.suspects, *kept})), found.checked_count


def _scope(comparison: Comparison, mode: str, books_count: int) -> str:
    places = [f"j.book_id = :book{n} AND j.seq > :after{n}" for n in range(books_count)]
    asked = [comparison.dirty.replace(_PLACES, f"({' OR '.join(places) or 'false'})")]
    if not comparison.is_timeless:
        asked.append(_OPEN_KEYS)
    if mode == "day" and comparison.of_day is not None:
        asked.append(comparison.of_day)
    found = " UNION ALL ".join(f"SELECT d.key FROM ({each}) d" for each in asked)
    return f"SELECT DISTINCT k.key FROM ({found}) k WHERE k.key IS NOT NULL"


def _items_sql(comparison: Comparison, of: Keys) -> str:
    if of.are_all:
        keys, joined = "", f'compared c FULL JOIN ({_OWN_ITEMS}) o ON o.natural_key = c.key COLLATE "C"'
        key = "coalesce(c.key, o.natural_key)"
    else:
        keys = f"scope AS MATERIALIZED ({_GIVEN_KEYS}), "
        # Their own items only, by the items' key: the others are many.
        mine = f"{_OWN_ITEMS} AND natural_key = ANY(CAST(:keys AS text[]))"
        joined = f"scope s LEFT JOIN compared c ON c.key = s.key LEFT JOIN ({mine}) o "
        joined += 'ON o.natural_key = s.key COLLATE "C"'
        key = "s.key"

    news = "n.status <> 'gone'" if comparison.keeps_matches else "n.status = 'differs'"
    compared, once = comparison.compared(of), "" if of.are_all else "MATERIALIZED"
    return _INSERT_ITEMS.format(keys=keys, compared=compared, once=once, joined=joined, key=key, is_news=news)


def _write_items(sql: str, values: Mapping[str, Any]) -> int:
    written: CursorResult[Any] = session.execute(text(sql), values)  # type: ignore[assignment]  # an INSERT's result counts rows
    return written.rowcount


def _conclude(name: str, mode: str, rules: Rules, values: Mapping[str, Any], checked: int, changed: int) -> Outcome:
    new, is_parked = outcomes.settle_items(name, rules, values["run"], values["now"], checked, values["keys"])
    session.execute(_MOVE_ON, _names(name))
    open_count = session.execute(_COUNT_OPEN, _names(name)).scalar_one()
    run = PassRun(
        tenant_id=tenant_id(), id=values["run"], comparison=name, mode=mode, checked_count=checked,
        changed_count=changed, new_count=new, open_count=open_count, is_parked=is_parked, rule_version=rules.version,
        started_at=values["now"], finished_at=clock.now(),
    )  # fmt: skip
    session.add(run)
    session.flush()
    return Outcome(run.id, name, mode, checked, changed, new, int(open_count), is_parked)


_PREPARE: Final = text(
    f"SELECT set_config('statement_timeout', '{COMPARE_TIMEOUT_MS}', true), set_config('work_mem', '128MB', true), "
    "set_config('plan_cache_mode', 'force_custom_plan', true)"
)
_MUCH_MEMORY: Final = text("SET LOCAL work_mem = '128MB'")
# Everything, or a few keys among millions: the planner, which cannot know which, is told.
_ALL_AT_ONCE: Final = text("SET LOCAL enable_nestloop = off")
_BY_INDEX: Final = text("SET LOCAL enable_seqscan = off")
_ANY_WAY: Final = text("SET LOCAL enable_seqscan = on")
_IN_LOOPS: Final = text("SET LOCAL enable_nestloop = on")
_OWN_ITEMS: Final = "SELECT * FROM recon_item WHERE tenant_id = :tenant AND comparison = :comparison"
# Items are kept in the order of bytes, which is the fastest; sources' indexes are in the database's own order.
_OPEN_KEYS: Final = (
    'SELECT natural_key COLLATE "default" AS key FROM recon_item WHERE tenant_id = :tenant '
    "AND comparison = :comparison AND status = 'differs'"
)
# Rows that say that a key differs: sides that agree by now, or are gone, are no suspects of a sieve.
_KEPT_KEYS: Final = text(
    'SELECT natural_key COLLATE "default" FROM recon_item WHERE tenant_id = :tenant AND comparison = :comparison '
    "AND status IN ('differs', 'settled')"
)
_DIRTY: Final = "SELECT count(*) AS key_count, coalesce(array_agg(d.key), '{{}}')::text AS keys FROM ({} LIMIT {}) d"
_GIVEN_KEYS: Final = (
    "SELECT u.key FROM recon_watermark x CROSS JOIN unnest(CAST(:keys AS text[])) AS u(key) "
    "WHERE x.tenant_id = :tenant AND x.comparison = :comparison AND x.source = 'xid'"
)
_COUNT: Final = "SELECT count(*) FROM ({}) t"
# An UPDATE that changes nothing holds the row and calls the trigger, which writes the horizon where the rows are.
_TAKE_TURN: Final = text(
    "INSERT INTO recon_watermark AS w (tenant_id, comparison, source, position) "
    "VALUES (:tenant, :comparison, 'xid', 0) ON CONFLICT (tenant_id, comparison, source) "
    "DO UPDATE SET position = w.position RETURNING w.position, w.horizon"
)
_MOVE_ON: Final = text(
    "UPDATE recon_watermark SET position = horizon WHERE tenant_id = :tenant AND comparison = :comparison "
    "AND source = 'xid'"
)
"""To the horizon that was noted before anything was read: the statement sees that, its trigger notes a newer one."""
_BOOKS: Final = text(
    "SELECT b.id, b.currency, b.next_seq, coalesce(m.position, 0) AS position FROM book b LEFT JOIN recon_watermark m "
    "ON m.tenant_id = b.tenant_id AND m.comparison = :comparison AND m.source = b.id::text WHERE b.tenant_id = :tenant"
)
_MOVE_ON_BOOKS: Final = text(
    "INSERT INTO recon_watermark AS m (tenant_id, comparison, source, position) "
    "SELECT b.tenant_id, :comparison, b.id::text, u.place FROM unnest(CAST(:books AS uuid[]), "
    "CAST(:places AS bigint[])) AS u(id, place) JOIN book b ON b.tenant_id = :tenant AND b.id = u.id "
    "ON CONFLICT (tenant_id, comparison, source) DO UPDATE SET position = EXCLUDED.position"
)
_POSITION: Final = text(
    "SELECT position FROM recon_watermark WHERE tenant_id = :tenant AND comparison = :comparison AND source = :source"
)
_ADVANCE: Final = text(
    "INSERT INTO recon_watermark (tenant_id, comparison, source, position) "
    "VALUES (:tenant, :comparison, :source, :position) "
    "ON CONFLICT (tenant_id, comparison, source) DO UPDATE SET position = EXCLUDED.position"
)
_COUNT_ITEMS: Final = text(
    "SELECT count(*) FROM recon_item WHERE tenant_id = :tenant AND comparison = :comparison AND status <> 'gone'"
)
_COUNT_OPEN: Final = text(
    "SELECT count(*) FROM recon_item WHERE tenant_id = :tenant AND comparison = :comparison AND status = 'differs'"
)
# Items are joined to the comparison's own row, so that on a cluster the statement goes where the tenant's rows are.
_INSERT_ITEMS: Final = """
INSERT INTO recon_item AS i (tenant_id, comparison, natural_key, status, diff_minor, left_hash, right_hash, fault,
                             first_seen_at, last_seen_at, run_id)
WITH {keys}told AS ({compared}), compared AS {once} (
    SELECT t.key, hashtextextended(t.left_text, 0) AS left_hash,
           hashtextextended(t.right_text, 0) AS right_hash, t.diff_minor, t.fault FROM told t)
SELECT w.tenant_id, w.comparison, {key}, n.status, coalesce(c.diff_minor, 0), c.left_hash, c.right_hash, c.fault,
       :now, :now, :run
FROM recon_watermark w CROSS JOIN ({joined} CROSS JOIN LATERAL (
    SELECT CASE WHEN c.key IS NULL THEN 'gone' WHEN c.fault IS NULL THEN 'matched' ELSE 'differs' END) n(status))
WHERE w.tenant_id = :tenant AND w.comparison = :comparison AND w.source = 'xid'
  AND CASE WHEN o.natural_key IS NULL THEN {is_news}
           ELSE (o.left_hash, o.right_hash, o.fault) IS DISTINCT FROM (c.left_hash, c.right_hash, c.fault)
                OR o.status <> n.status AND (o.status, n.status) <> ('settled', 'differs') END
ORDER BY {key} COLLATE "C"
ON CONFLICT (tenant_id, comparison, natural_key) DO UPDATE SET
    status = EXCLUDED.status, diff_minor = EXCLUDED.diff_minor, left_hash = EXCLUDED.left_hash,
    right_hash = EXCLUDED.right_hash, fault = EXCLUDED.fault, last_seen_at = EXCLUDED.last_seen_at,
    run_id = EXCLUDED.run_id
"""
_TOLD: Final = (
    "SELECT u.key, u.expected AS left_text, u.actual AS right_text, u.diff AS diff_minor, u.fault::jsonb AS fault "
    "FROM recon_watermark x CROSS JOIN unnest(CAST(:found AS text[]), CAST(:expected AS text[]), "
    "CAST(:actual AS text[]), CAST(:diffs AS bigint[]), CAST(:faults AS text[])) AS u(key, expected, actual, diff, "
    "fault) WHERE x.tenant_id = :tenant AND x.comparison = :comparison AND x.source = 'xid'"
)

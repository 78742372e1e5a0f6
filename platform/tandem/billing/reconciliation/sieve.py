"""The sieve: of two sides with a million records each, the few keys that are worth an exact look.

Nearly all keys agree, with one record on each side. To prove that of a key takes neither a group nor a stored row: one
join of the records themselves, which the server may spread over its cores. What does not come out as such a pair is
suspect and is looked at exactly, by its key.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import text

from tandem.kernel.database import session


@dataclass(frozen=True)
class Sieve:
    """Both sides of a comparison as single records: SQL with the columns key, amount_minor and currency.

    `right` and `right_count` are SQL for so many books, known by the parameters `:book0`, `:currency0` and so on;
    `right_count` counts the records of `right`. A record that has no key belongs to no pair and is no suspect. Two
    records of one key, one on each side, with the same sum and currency, must be what the comparison calls agreed.
    """

    left: str
    right: Callable[[int], str]
    right_count: Callable[[int], str]


@dataclass(frozen=True)
class Sifted:
    """What a sieve left: how many keys there are, and those that are to be looked at."""

    checked_count: int
    suspects: list[str]


def sift(sieve: Sieve, books: int, values: Mapping[str, Any], *, most: int) -> Sifted | None:
    """The keys that are no plain pair; None where they are more than `most`.

    A key with m records on the left and n on the right makes m times n pairs, so the pairs are as many as the paired
    records of either side only if m and n are 1 everywhere. Where they are not, a second look finds those keys.
    """
    for setting in (_CHEAP_PAGES, _MEMORY, _BY_HASH):
        session.execute(setting)
    sides = {"left": sieve.left, "right": sieve.right(books)}
    row = session.execute(text(_SIEVE.format(**sides)), {**values, "most": most}).one()
    if row.suspect_count > most:
        return None
    suspects = set(row.suspects or ())
    counts = session.execute(text(_COUNTS.format(left=sieve.left, right_count=sieve.right_count(books))), values).one()
    if row.pairs == counts.lefts - row.left_only == counts.rights - row.right_only:
        return Sifted(row.pairs - row.unequal + len(suspects), sorted(suspects))
    several = session.execute(text(_SEVERAL.format(**sides)), {**values, "most": most}).one()
    if several.key_count > most:
        return None
    return Sifted(several.checked_count, sorted(suspects.union(several.keys or ())))


# A whole side is read: pages come in order, or lie in memory already.
_CHEAP_PAGES: Final = text("SET LOCAL random_page_cost = 1.1")
# Hashes of about a core's cache: what does not fit waits in files, and that is a fifth less work than one large table
# in which every probe misses. Leader and two workers hold 48 MB together, whatever the size of the sides.
_MEMORY: Final = text("SET LOCAL work_mem = '8MB'")
_BY_HASH: Final = text("SET LOCAL enable_mergejoin = off")
_UNEQUAL: Final = "(l.amount_minor <> r.amount_minor OR l.currency <> r.currency)"
_SUSPECT: Final = f"coalesce(l.key, r.key) IS NOT NULL AND (l.key IS NULL OR r.key IS NULL OR {_UNEQUAL})"
_SIEVE: Final = f"""
SELECT s.left_only, s.right_only, s.unequal, s.suspect_count, s.seen - s.left_only - s.right_only AS pairs,
       CASE WHEN s.suspect_count <= :most THEN s.keys END AS suspects
FROM (SELECT count(*) AS seen, count(*) FILTER (WHERE r.amount_minor IS NULL) AS left_only,
             count(*) FILTER (WHERE l.amount_minor IS NULL) AS right_only,
             count(*) FILTER (WHERE {_UNEQUAL}) AS unequal, count(*) FILTER (WHERE {_SUSPECT}) AS suspect_count,
             array_agg(coalesce(l.key, r.key)) FILTER (WHERE {_SUSPECT}) AS keys
      FROM ({{left}}) l FULL JOIN ({{right}}) r ON r.key = l.key) s"""
_COUNTS: Final = "SELECT (SELECT count(*) FROM ({left}) l) AS lefts, ({right_count}) AS rights"
# Keys with more than one record on a side: corrected by a second journal, or wrong; the exact look tells.
_SEVERAL: Final = """
SELECT s.checked_count, s.key_count, CASE WHEN s.key_count <= :most THEN s.keys END AS keys
FROM (SELECT count(*) AS checked_count, count(*) FILTER (WHERE k.most > 1) AS key_count,
             array_agg(k.key) FILTER (WHERE k.most > 1) AS keys
      FROM (SELECT u.key, greatest(sum(u.lefts), sum(u.rights)) AS most
            FROM (SELECT l.key, 1 AS lefts, 0 AS rights FROM ({left}) l
                  UNION ALL SELECT r.key, 0, 1 FROM ({right}) r) u
            WHERE u.key IS NOT NULL GROUP BY u.key) k) s"""

"""R1 and R2: our payments, refunds, disputes and payouts against book and provider, and its movements against the book.

Keys are the keys of facts (`charge:ch_1:captured`), those of movements `bt:txn_1`, of their fees `fee:txn_1`.
"""

from collections.abc import Sequence
from typing import Any, Final

from tandem.billing.prices import TARIFFS
from tandem.billing.reconciliation.matching import Comparison, Keys, books
from tandem.billing.reconciliation.passes.faults import (
    fault,
    journal_by,
    journal_of_fact,
    over_or_under,
    reversal_of_booked,
)
from tandem.billing.reconciliation.sieve import Sieve
from tandem.kernel.choices import listed

CASH_KINDS: Final = (
    "payment_captured", "payment_refunded", "refund_returned", "dispute_withdrawn", "dispute_won", "payout_sent",
    "payout_returned", "psp_unexplained",
)  # fmt: skip
"""Kinds of journal that carry a movement's gross sum on cash.psp."""
EXCHANGES: Final = ("currency_bought", "currency_sold")
"""Kinds that carry it where a fact's sum was settled in another currency: under the movement's own key."""

OMITTED: Final = "the provider confirms this and was asked for its movements since; it lists none"
LISTED: Final = "the provider's own balance transaction charges this fee; booked as charged, to be claimed back"


def tariffs() -> dict[str, Any]:
    """The provider's price list, as parameters of `R2.listed`."""
    return {
        "methods": [each.method for each in TARIFFS],
        "tariff_currencies": [each.currency for each in TARIFFS],
        "tariffs_from": [each.effective_from for each in TARIFFS],
        "rate_tops": [each.rate.numerator for each in TARIFFS],
        "rate_bottoms": [each.rate.denominator for each in TARIFFS],
        "fixed": [each.fixed_minor for each in TARIFFS],
    }


# table of a fact, its object's id there, noun and verb of its key, sign of its sum, whether it has happened, when
_REFUNDED_AT: Final = "coalesce(f.succeeded_at, f.created_at)"
_FACTS: Final = (
    ("payment", "provider_charge_id", "charge", "captured", 1, "f.captured_at IS NOT NULL", "f.captured_at"),
    ("refund", "provider_refund_id", "refund", "succeeded", -1, "f.is_posted", _REFUNDED_AT),
    ("refund", "provider_refund_id", "refund", "failed", 1, "f.is_reversed", _REFUNDED_AT),
    ("dispute", "provider_dispute_id", "dispute", "withdrawn", -1, "f.is_withdrawn", "f.opened_at"),
    ("dispute", "provider_dispute_id", "dispute", "won", 1, "f.is_reinstated", "f.opened_at"),
    ("payout", "provider_payout_id", "payout", "paid", -1, "f.is_posted", "f.sent_at"),
    ("payout", "provider_payout_id", "payout", "failed", 1, "f.is_reversed", "f.sent_at"),
)
_CHANGED: Final = "f.changed_xid >= :xid"
_OF_DAY: Final = "{at} >= :since AND {at} < :until"
_MOVED_LATELY: Final = (
    "{column} = ANY(ARRAY(SELECT m.source_id FROM balance_transaction m WHERE m.tenant_id = :tenant "
    "AND m.changed_xid >= :xid))"
)


def _facts(condition: str, *, tables: Sequence[str] = (), beside: str = "") -> str:
    """Everything of ours that moved money at the provider and meets a condition on its `{column}` or its `{at}`.

    Of these `tables` only, where they are named; `beside` are rows of something else that a fact is held against.
    """
    return " UNION ALL ".join(
        f"SELECT '{table}' AS source, f.id AS row_id, f.{column} AS object_id, "
        f"'{noun}\\:' || f.{column} || '\\:{verb}' AS key, {sign} * f.amount_minor AS amount_minor, f.currency, "
        f"{at} AS at FROM {beside}{table} f WHERE f.tenant_id = :tenant AND f.{column} IS NOT NULL AND {has_happened} "
        f"AND {condition.format(column=f'f.{column}', at=at)}"
        for table, column, noun, verb, sign, has_happened, at in _FACTS
        if not tables or table in tables
    )


def _facts_within(keys: Keys, of_key: str, fact: str = "s.key") -> str:
    """Our facts by key, with how many rows claim to be the same one. `of_key`, `fact`: object and fact of `s.key`."""
    facts = _facts_lately(of_key, fact) if keys.have_changed else _facts(keys.within("{column}", of_key))
    return (
        "SELECT key, min(source) AS source, min(row_id::text) AS row_id, min(object_id) AS object_id, "
        "sum(amount_minor)::bigint AS amount_minor, min(currency) AS currency, min(at) AS at, count(*) AS claims "
        f"FROM ({facts}) f GROUP BY key"
    )


def _facts_lately(of_key: str, fact: str) -> str:
    """Facts that were changed since the horizon, and what else there is under the keys of `scope`.

    A row that was changed is found under its object's id as it was, too, on another page, and whoever is first to see
    that it is dead says so there: two pages in full into the WAL, for each key, were most of what a run of few keys
    cost. So what changed is read by when it did, and what else bears its object's id as other rows only. Of payments
    alone several may bear one.
    """
    other = "h.source = 'payment' AND f.provider_charge_id = h.object_id AND f.changed_xid < :xid AND f.id {} h.row_id"
    ways = (_facts(other.format(way), tables=("payment",), beside="fresh h CROSS JOIN ") for way in "<>")
    return (
        f"WITH fresh AS MATERIALIZED ({_facts(_CHANGED)}), rest AS MATERIALIZED (SELECT {of_key} AS object_id "
        f"FROM scope s WHERE NOT EXISTS (SELECT FROM fresh h WHERE h.key = {fact})) SELECT * FROM fresh UNION ALL "
        + _facts("{column} = ANY(ARRAY(SELECT r.object_id FROM rest r)) AND f.changed_xid < :xid")
        + f" UNION ALL SELECT * FROM ({' UNION '.join(ways)}) o"
    )


_OURS: Final = {
    "expected": "l.amount_minor",
    "currency": "l.currency",
    "at": "l.at",
    "evidence": "jsonb_build_object(l.source || '_id', l.row_id, 'provider_id', l.object_id)",
}
_WITHOUT_FACT: Final = fault(
    "booked_without_fact", "missing_left", "operator", expected="0", actual="r.amount_minor", currency="r.currency",
    at="r.at", evidence="jsonb_build_object('journal_key', r.key, 'kind', r.kind)", no_journal="by_hand",
    journal=reversal_of_booked("r.kind", "r.key"),
)  # fmt: skip
_RULE_OF_FACT: Final = (
    "CASE WHEN l.source = 'payment' AND l.amount_minor >= 0 THEN 'payment_captured' "
    "WHEN l.source = 'refund' THEN CASE WHEN l.amount_minor < 0 THEN 'payment_refunded' ELSE 'refund_returned' END "
    "WHEN l.source = 'dispute' THEN CASE WHEN l.amount_minor < 0 THEN 'dispute_withdrawn' ELSE 'dispute_won' END "
    "WHEN l.source = 'payout' AND l.amount_minor < 0 THEN 'payout_sent' ELSE 'payout_returned' END"
)
_COUNTER: Final = (
    "CASE WHEN l.source = 'dispute' THEN 'dispute.hold' WHEN l.source = 'payout' THEN 'cash.bank' ELSE 'ar.patient' END"
)
_NOT_BOOKED: Final = fault(
    "fact_not_booked", "missing_right", "operator", actual="0", no_journal="by_hand",
    journal=journal_of_fact(_RULE_OF_FACT, "abs(l.amount_minor)", key="l.key", at="l.at", source_type="l.source",
                            source_id="l.row_id"), **_OURS,
)  # fmt: skip
_THEIRS: Final = {**_OURS, "actual": "r.amount_minor"}
_DIFFERENT: Final = over_or_under("l.amount_minor", "r.amount_minor")
_OTHER_CURRENCY: Final = {**_THEIRS, "at_risk": "abs(l.amount_minor)", "no_journal": "rate_needed"}
_ADJUSTED: Final = journal_by("fact_adjusted", "l.amount_minor - r.amount_minor", {"counter": _COUNTER})


def _posted(keys: Keys, account: str, kinds: Sequence[str], of_key: str = "s.key", joined: str = "") -> str:
    """What journals of these kinds have put on an account, by the key of their fact."""
    named = ", ".join(f"'{kind}'" for kind in kinds)
    wanted = f"j.tenant_id = :tenant AND j.idem_scope IN ({named}) AND {keys.within('j.idem_key', of_key, joined)}"
    # A fence for a few keys: the journals first, then their entries; never all entries of the account. Of an entry only
    # what its account's index holds is named, so that its row is not fetched: its currency is its book's (R7).
    journals = "journal j" if keys.are_all else f"(SELECT * FROM journal j WHERE {wanted} OFFSET 0) j"
    return (
        "SELECT j.idem_key AS key, min(j.kind) AS kind, sum(e.amount_minor)::bigint AS amount_minor, "
        f"min(b.currency) AS currency, min(j.effective_at) AS at FROM {journals} JOIN book b "
        "ON b.tenant_id = j.tenant_id AND b.id = j.book_id JOIN account a ON a.tenant_id = b.tenant_id "
        f"AND a.book_id = b.id AND a.code = '{account}' JOIN entry e ON e.tenant_id = a.tenant_id "
        "AND e.account_id = a.id AND e.seq = j.seq WHERE b.tenant_id = :tenant AND a.tenant_id = :tenant "
        f"AND e.tenant_id = :tenant AND {wanted if keys.are_all else 'true'} GROUP BY j.idem_key"
    )


def _booked(keys: Keys) -> str:
    return f"""
SELECT coalesce(l.key, r.key) AS key, l.amount_minor || ' ' || l.currency AS left_text,
       r.amount_minor || ' ' || r.currency AS right_text,
       coalesce(l.amount_minor, 0) - coalesce(r.amount_minor, 0) AS diff_minor,
       CASE WHEN l.key IS NULL THEN {_WITHOUT_FACT}
            WHEN r.key IS NULL THEN {_NOT_BOOKED}
            WHEN l.currency <> r.currency
            THEN {fault("booked_in_other_currency", "currency", "operator", **_OTHER_CURRENCY)}
            WHEN l.claims > 1
            THEN {fault("fact_claimed_twice", "duplicate", "operator", no_journal="by_hand", **_THEIRS)}
            WHEN l.amount_minor <> r.amount_minor
            THEN {
        fault("booked_amount_differs", _DIFFERENT, "operator", no_journal="by_hand", journal=_ADJUSTED, **_THEIRS)
    } END AS fault
FROM ({_facts_within(keys, "split_part(s.key, ':', 2)")}) l
FULL JOIN (
    {_posted(keys, "cash.psp", CASH_KINDS[:-1])}) r ON r.key = l.key"""


def _cash_entries(book: int) -> str:
    """The entries on a book's cash.psp: its index alone answers."""
    return (
        f"FROM entry e {{}} WHERE e.tenant_id = :tenant AND e.account_id = ANY(ARRAY(SELECT a.id FROM account a "
        f"WHERE a.tenant_id = :tenant AND a.book_id = :book{book} AND a.code = 'cash.psp'))"
    )


def _entries_by_key(books_count: int) -> str:
    """Entries on cash.psp, one by one, under the keys of the facts that they carry; those that carry none have none."""
    named = ", ".join(f"'{kind}'" for kind in CASH_KINDS[:-1])
    key = f"CASE WHEN j.idem_scope IN ({named}) THEN j.idem_key END"
    return (
        " UNION ALL ".join(
            f"SELECT {key} AS key, e.amount_minor, CAST(:currency{book} AS text) AS currency "
            + _cash_entries(book).format(
                f"JOIN journal j ON j.tenant_id = :tenant AND j.book_id = :book{book} AND j.seq = e.seq"
            )
            for book in range(books_count)
        )
        or "SELECT NULL::text AS key, NULL::bigint AS amount_minor, NULL::text AS currency WHERE false"
    )


def _count_entries(books_count: int) -> str:
    counted = [f"(SELECT count(*) {_cash_entries(book).format('')})" for book in range(books_count)]
    return "SELECT " + (" + ".join(counted) or "0")


BOOKED: Final = Comparison(
    "R1.booked",
    _booked,
    sieve=Sieve(f"SELECT f.key, f.amount_minor, f.currency FROM ({_facts('true')}) f", _entries_by_key, _count_entries),
    is_timeless=True,
    dirty=f"SELECT c.key FROM ({_facts(_CHANGED)}) c UNION ALL "
    + books("j.idem_key", listed("j.idem_scope", CASH_KINDS[:-1])),
    of_day=f"SELECT c.key FROM ({_facts(_OF_DAY)}) c",
)
"""Every fact of ours stands in the book with its sum, and no journal stands there without its fact."""


def _moved(keys: Keys) -> str:
    asked = f"CASE WHEN l.at < CAST(:asked_until AS timestamptz) THEN '{OMITTED}' END"
    return f"""
SELECT 'moved\\:' || l.key AS key, l.amount_minor || ' ' || l.currency AS left_text,
       r.amount_minor || ' ' || r.currency AS right_text, l.amount_minor - coalesce(r.amount_minor, 0) AS diff_minor,
       CASE WHEN r.source_id IS NULL
            THEN {
        fault(
            "movement_missing", "missing_right", "provider", actual="0", cause=asked, no_journal="ask_provider", **_OURS
        )
    }
            WHEN r.is_exchange THEN NULL
            WHEN l.currency <> r.currency
            THEN {fault("moved_in_other_currency", "currency", "provider", **_OTHER_CURRENCY)}
            WHEN l.amount_minor <> r.amount_minor
            THEN {fault("moved_amount_differs", _DIFFERENT, "provider", no_journal="ask_provider", **_THEIRS)} END
       AS fault
FROM ({_facts_within(keys, "split_part(s.key, ':', 3)", "substr(s.key, 7)")}) l
LEFT JOIN (
    SELECT m.source_id, m.amount_minor > 0 AS is_into, sum(m.amount_minor)::bigint AS amount_minor,
           min(m.currency) AS currency, coalesce(bool_and(starts_with(m.posted_as, 'fx\\:')), false) AS is_exchange
    FROM balance_transaction m WHERE m.tenant_id = :tenant AND {keys.within("m.source_id", "split_part(s.key, ':', 3)")}
    GROUP BY m.source_id, m.amount_minor > 0) r ON r.source_id = l.object_id AND r.is_into = (l.amount_minor > 0)"""


MOVED: Final = Comparison(
    "R1.moved",
    _moved,
    dirty=f"SELECT 'moved\\:' || c.key AS key FROM ({_facts(_CHANGED)} UNION ALL {_facts(_MOVED_LATELY)}) c",
    of_day=f"SELECT 'moved\\:' || c.key AS key FROM ({_facts(_OF_DAY)}) c",
)
"""The provider moved each fact's sum; where several movements make one fact up, their sum."""

_MOVEMENTS_CHANGED: Final = (
    "SELECT '{}\\:' || m.provider_id AS key FROM balance_transaction m WHERE m.tenant_id = :tenant "
    "AND (m.changed_xid >= :xid OR m.source_id = ANY(ARRAY(SELECT n.source_id FROM balance_transaction n "
    "WHERE n.tenant_id = :tenant AND n.changed_xid >= :xid)))"
)
_MOVEMENTS_OF_DAY: Final = (
    "SELECT '{}\\:' || m.provider_id AS key FROM balance_transaction m WHERE m.tenant_id = :tenant "
    "AND m.provider_created_at >= :since AND m.provider_created_at < :until"
)
_MOVEMENT: Final = {
    "currency": "m.currency",
    "at": "m.provider_created_at",
    "evidence": "jsonb_build_object('balance_transaction_id', m.provider_id, 'kind', m.kind)",
}


def _carried(keys: Keys) -> str:
    # A fact may be moved in parts (a capture in two): the parts of one posting are held against it as a sum.
    of_source = keys.within("t.source_id", "t0.source_id", "JOIN balance_transaction t0 ON t0.tenant_id = :tenant "
                            "AND t0.provider_id = split_part(s.key, ':', 2)")  # fmt: skip
    mine = "true" if keys.are_all else f"({keys.within('t.provider_id', _ID)} OR {of_source})"
    theirs = {**_MOVEMENT, "expected": "0", "actual": "m.amount_minor"}
    unexplained = fault("movement_unexplained", "missing_left", "operator", no_journal="by_hand", **theirs)
    # Several movements of one posting share its difference: the first of them proposes it, once.
    beyond = journal_by("fact_adjusted", "m.summed - coalesce(r.amount_minor, 0)", {"counter": "'suspense'"})
    not_booked = fault(
        "movement_not_booked", "missing_left", "operator", no_journal="by_hand",
        journal=f"CASE WHEN m.place = 1 AND m.currency = coalesce(r.currency, m.currency) THEN {beyond} END", **theirs,
    )  # fmt: skip
    return f"""
SELECT 'bt\\:' || m.provider_id AS key, coalesce(m.posted_as, '') || ' ' || coalesce(r.amount_minor, 0) AS left_text,
       m.amount_minor || ' ' || m.currency AS right_text, coalesce(r.amount_minor, 0) - m.summed AS diff_minor,
       CASE WHEN m.posted_as = 'bt\\:' || m.provider_id OR m.amount_minor = 0 THEN NULL
            WHEN starts_with(m.posted_as, 'movement\\:') THEN {unexplained}
            WHEN r.key IS NULL OR r.amount_minor <> m.summed OR r.currency <> m.currency THEN {not_booked} END AS fault
FROM (SELECT t.*, sum(t.amount_minor) OVER (PARTITION BY t.source_id, t.posted_as)::bigint AS summed,
             row_number() OVER (PARTITION BY t.source_id, t.posted_as ORDER BY t.provider_id) AS place
      FROM balance_transaction t WHERE t.tenant_id = :tenant AND {mine}) m
LEFT JOIN (
    {_posted(keys, "cash.psp", (*CASH_KINDS, *EXCHANGES), "t1.posted_as", _ROW)}) r ON r.key = m.posted_as"""


_ID: Final = "split_part(s.key, ':', 2)"
_ROW: Final = "JOIN balance_transaction t1 ON t1.tenant_id = :tenant AND t1.provider_id = split_part(s.key, ':', 2)"

CARRIED: Final = Comparison(
    "R2.carried",
    _carried,
    dirty=_MOVEMENTS_CHANGED.format("bt"),
    of_day=_MOVEMENTS_OF_DAY.format("bt"),
)
"""Every movement's gross sum stands on cash.psp under the fact that carries it."""


def _fees(keys: Keys) -> str:
    taken = "CASE WHEN m.posted_as = 'bt\\:' || m.provider_id THEN m.fee_minor - m.amount_minor ELSE m.fee_minor END"
    gone = fault(
        "fee_without_movement", "missing_right", "operator", expected="r.amount_minor", actual="0",
        currency="r.currency", at="r.at", evidence="jsonb_build_object('journal_key', r.key)", no_journal="by_hand",
        journal=reversal_of_booked("r.kind", "r.key"),
    )  # fmt: skip
    whole = journal_of_fact("psp_fee", "m.fee", key="'bt\\:' || m.provider_id", at="m.provider_created_at",
                            source_type="'balance_transaction'", source_id="m.provider_id")  # fmt: skip
    rest = journal_by("psp_fee_adjusted", "m.fee - r.amount_minor")
    booked = fault(
        "fee_not_booked", over_or_under("coalesce(r.amount_minor, 0)", "m.fee"), "operator",
        expected="coalesce(r.amount_minor, 0)", actual="m.fee", no_journal="by_hand",
        journal=f"CASE WHEN r.key IS NULL THEN {whole} ELSE {rest} END", **_MOVEMENT,
    )  # fmt: skip
    return f"""
SELECT 'fee\\:' || coalesce(m.provider_id, substr(r.key, 4)) AS key, coalesce(r.amount_minor, 0) || ' ' AS left_text,
       m.fee || ' ' || m.currency AS right_text, coalesce(r.amount_minor, 0) - coalesce(m.fee, 0) AS diff_minor,
       CASE WHEN m.provider_id IS NULL THEN {gone}
            WHEN m.fee <> coalesce(r.amount_minor, 0) THEN {booked} END AS fault
FROM (SELECT m.*, {taken} AS fee FROM balance_transaction m
      WHERE m.tenant_id = :tenant AND {keys.within("m.provider_id", _ID)}) m
FULL JOIN (
    {_posted(keys, "exp.psp_fee", ("psp_fee",), _FEE_KEY)}) r
  ON r.key = 'bt\\:' || m.provider_id"""


_FEE_KEY: Final = "'bt\\:' || split_part(s.key, ':', 2)"

FEES: Final = Comparison(
    "R2.fees",
    _fees,
    dirty=_MOVEMENTS_CHANGED.format("fee")
    + " UNION ALL "
    + books("'fee\\:' || substr(j.idem_key, 4)", "j.idem_scope = 'psp_fee'"),
    of_day=_MOVEMENTS_OF_DAY.format("fee"),
)
"""Every movement's fee is booked as the provider took it."""


_LISTED: Final = "'{}'".format(LISTED.replace("'", "''"))


def _listed(keys: Keys) -> str:
    off = fault(
        "fee_off_list", over_or_under("m.listed", "m.fee_minor"), "provider", expected="m.listed",
        actual="m.fee_minor", currency="m.currency", at="m.provider_created_at", cause=_LISTED,
        evidence="jsonb_build_object('balance_transaction_id', m.provider_id, 'method', m.method)",
        no_journal="ask_provider",
    )  # fmt: skip
    return f"""
SELECT 'fee_off_list\\:' || m.provider_id AS key, m.listed::text AS left_text, m.fee_minor::text AS right_text,
       m.listed - m.fee_minor AS diff_minor, CASE WHEN m.listed <> m.fee_minor THEN {off} END AS fault
FROM (SELECT DISTINCT ON (m.provider_id) m.provider_id, m.fee_minor, m.currency, m.provider_created_at, p.method,
             round(m.amount_minor::numeric * t.rate_top / t.rate_bottom)::bigint + t.fixed AS listed
      FROM balance_transaction m
      JOIN payment p ON p.tenant_id = m.tenant_id AND p.provider_charge_id = m.source_id AND p.currency = m.currency
      JOIN unnest(CAST(:methods AS text[]), CAST(:tariff_currencies AS text[]), CAST(:tariffs_from AS timestamptz[]),
                  CAST(:rate_tops AS bigint[]), CAST(:rate_bottoms AS bigint[]), CAST(:fixed AS bigint[]))
           AS t(method, currency, since, rate_top, rate_bottom, fixed)
        ON t.method = p.method AND t.currency = m.currency AND t.since <= m.provider_created_at
      WHERE m.tenant_id = :tenant AND p.tenant_id = :tenant AND m.kind IN ('charge', 'payment')
        AND {keys.within("m.provider_id", _ID)}
      ORDER BY m.provider_id, t.since DESC) m"""


LISTED_FEES: Final = Comparison(
    "R2.listed",
    _listed,
    dirty=_MOVEMENTS_CHANGED.format("fee_off_list"),
    of_day=_MOVEMENTS_OF_DAY.format("fee_off_list"),
    stores_matches=False,
)
"""The fee is the listed one. The provider's movement is the fact and is booked; the list is only the yardstick."""

"""A fault as the SQL of a comparison writes it: the members that `Finding.told` has, made by the database."""

from collections.abc import Mapping
from typing import Final

_NOTHING: Final[Mapping[str, str]] = {}


def fault(
    kind: str,
    sort: str,
    owner: str,
    *,
    expected: str,
    actual: str,
    currency: str,
    at: str,
    evidence: str,
    no_journal: str,
    journal: str = "CAST(NULL AS jsonb)",
    cause: str = "NULL",
    group: str | None = None,
    at_risk: str = "NULL",
) -> str:
    """SQL for a fault. `kind`, `sort`, `owner` are words (the last two may be a CASE); the rest are expressions.

    `no_journal` is a word of `NO_JOURNAL`: why nothing is proposed where `journal` is NULL.
    """
    # An object that is built is there: it is not built twice to ask whether it is.
    reason = f"CASE WHEN ({journal}) IS NULL THEN '{no_journal}' END"
    if journal.startswith("jsonb_build_object("):
        reason = "CAST(NULL AS text)"
    return (
        f"jsonb_build_object('kind', '{kind}', 'fault', {_word(sort)}, 'owner', {_word(owner)}, "
        f"'expected_minor', {expected}, 'actual_minor', {actual}, 'at_risk_minor', {at_risk}, "
        f"'currency', {currency}, 'at', {at}, 'cause', CAST({cause} AS text), 'group', {group or repr(kind)}, "
        f"'evidence', {evidence}, 'journal', {journal}, "
        f"'no_journal', {reason})"
    )


def journal_of_fact(rule: str, amount: str, *, key: str, at: str, source_type: str, source_id: str) -> str:
    """SQL for a proposal: the journal that a fact's own rule makes of it, under the fact's own key."""
    return (
        f"jsonb_build_object('rule', {_word(rule)}, 'amounts', jsonb_build_object('amount', {amount}), "
        f"'parties', jsonb_build_object(), 'terms', jsonb_build_object(), 'key', {key}, 'effective_at', {at}, "
        f"'source_type', {source_type}, 'source_id', {source_id})"
    )


def journal_by(rule: str, amount: str, terms: Mapping[str, str] = _NOTHING) -> str:
    """SQL for a proposal: a journal by a rule, for the difference alone; it is named after the resolution."""
    words = ", ".join(f"'{name}', {said}" for name, said in terms.items())
    return (
        f"jsonb_build_object('rule', '{rule}', 'amounts', jsonb_build_object('amount', {amount}), "
        f"'parties', jsonb_build_object(), 'terms', jsonb_build_object({words}))"
    )


def fee_adjusted(amount: str, of_day: str) -> str:
    """SQL for a proposal: the fee of a day is adjusted by a sum in the next statement; NULL where the sum is zero."""
    return (
        f"CASE WHEN ({amount}) <> 0 THEN jsonb_build_object('rule', 'fee_adjusted', "
        f"'amounts', jsonb_build_object('adjustment', ({amount})), 'parties', jsonb_build_object(), "
        f"'terms', jsonb_build_object(), 'of_day', {of_day}) END"
    )


def reversal_of_booked(kind: str, key: str) -> str:
    """SQL for a proposal: the journal of this kind and key is undone."""
    return f"jsonb_build_object('rule', 'reversal', 'of', jsonb_build_object('kind', {kind}, 'key', {key}))"


def over_or_under(ours: str, theirs: str) -> str:
    """The sort of a difference of sums: theirs is more, or less, than ours."""
    return f"CASE WHEN abs({theirs}) > abs({ours}) THEN 'amount_over' ELSE 'amount_under' END"


def _word(told: str) -> str:
    return told if told.startswith("CASE") else f"'{told}'"

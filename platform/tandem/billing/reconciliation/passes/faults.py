"""A fault as the SQL of a comparison writes it: the members that `Finding.told` has, made by the database."""


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
    cause: str = "NULL",
    group: str | None = None,
    at_risk: str = "NULL",
) -> str:
    """SQL for a fault. `kind`, `sort`, `owner` are words (the last two may be a CASE); the rest are expressions."""
    return (
        f"jsonb_build_object('kind', '{kind}', 'fault', {_word(sort)}, 'owner', {_word(owner)}, "
        f"'expected_minor', {expected}, 'actual_minor', {actual}, 'at_risk_minor', {at_risk}, "
        f"'currency', {currency}, 'at', {at}, 'cause', CAST({cause} AS text), 'group', {group or repr(kind)}, "
        f"'evidence', {evidence})"
    )


def over_or_under(ours: str, theirs: str) -> str:
    """The sort of a difference of sums: theirs is more, or less, than ours."""
    return f"CASE WHEN abs({theirs}) > abs({ours}) THEN 'amount_over' ELSE 'amount_under' END"


def _word(told: str) -> str:
    return told if told.startswith("CASE") else f"'{told}'"

"""What journal would mend a difference, told with it: by which rule, of which sums and parties; or why none does.

A proposal is a document that both parties see before they decide. What is booked is made of it by the posting rules
and of nothing else, so that what was agreed and what is booked cannot differ.
"""

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from tandem.billing.ledger import JournalDraft, JournalRefused, journal_by_rule
from tandem.billing.reconciliation.errors import JournalGone, NoStatementYet
from tandem.kernel.i18n import Text

REVERSAL: Final = "reversal"
"""In place of a rule's name: the booked journal that `of` names is undone line by line."""
ADJUSTMENT: Final = "fee_adjusted"
"""The rule of a fee that is adjusted: the proposal names a day, and the adjustment the statement that told of it."""
SETTLED: Final = "discrepancy_settled"
"""The kind of a journal that no posting rule makes: lines that both parties agreed on, or a reversal."""

NO_JOURNAL: Final[Mapping[str, Text]] = {
    "ask_provider": Text(
        "The provider is to tell or mend it; the book follows its facts", "应由支付机构更正或补告，账簿随其事实入账"
    ),
    "by_hand": Text("What it is must be found out first; then propose lines by hand", "须先查明性质，再手工提出分录"),
    "allocate_or_exit": Text(
        "Two people say what it pays, or let it out as nobody's; either books itself",
        "须由两人确认其用途，或作无主款项出账，二者均自行入账",
    ),
    "rate_needed": Text("Two currencies need a rate that both agree on", "涉及两种货币，须先商定汇率"),
    "document_only": Text("A document is mended by a document, which books itself", "单据以单据更正，更正单据自行入账"),
    "own_job": Text("Its own job books it; let that job run again", "由其自身任务入账，请重跑该任务"),
    "refund_payer": Text(
        "Give the payer back what is too much; the refund books itself", "请将超收部分退还付款人，退款自行入账"
    ),
    "collect_or_waive": Text("Collect it or waive it; either books itself", "请收取或减免，二者均自行入账"),
    "adjust_statement": Text(
        "Fees are adjusted between the parties on the next statement", "费用由双方在下期结算单中调整"
    ),
    "book_is_right": Text(
        "The book is right; its record differs, which is evidence and is not booked over",
        "账簿无误，有误的是记录；记录属证据，不得以分录掩盖",
    ),
    "recount": Text("A cache is wrong, not the book: count it anew", "有误的是缓存而非账簿，请重新汇总"),
    "rate_again": Text("The next rating bills it", "下次计费时计入"),
    "broken_seal": Text("A broken seal is evidence and is not booked over", "链式校验破损属证据，不得以分录掩盖"),
    "release": Text("Look at what it held back, then release the comparison", "请查看被暂停的内容后放行"),
    "found_before": Text(
        "Found before journals were proposed; the next run says", "发现于启用建议分录之前，下次对账时给出"
    ),
}
"""Why a difference has no journal to propose, by code; the code never changes."""

_JOURNAL: Final = Text("Once both parties agree, the proposed journal is booked", "双方确认后，按建议分录入账")
_ADJUSTED: Final = Text(
    "Once both parties agree, the fee is adjusted in the next statement", "双方确认后，在下期结算单中调整服务费"
)
_UNDONE: Final = Text("Once both parties agree, the journal it names is undone", "双方确认后，冲销所列凭证")


def mend_of(journal: Mapping[str, Any] | None, because: str | None) -> Text:
    """What mends a difference, for people: its proposed journal, or what else must happen."""
    if journal is None:
        return NO_JOURNAL[because or "by_hand"]
    return {REVERSAL: _UNDONE, ADJUSTMENT: _ADJUSTED}.get(journal["rule"], _JOURNAL)


def refusal_named(slug: str | None) -> Text | None:
    """Why a book did not take a journal, for people, by the code that is kept. Raises KeyError for no such refusal."""
    return None if slug is None else _REFUSALS[slug]


def _kinds_of(refusal: type[JournalRefused]) -> Iterator[type[JournalRefused]]:
    yield refusal
    for narrower in refusal.__subclasses__():
        yield from _kinds_of(narrower)


_REFUSALS: Final = {each.slug: each.title for each in _kinds_of(JournalRefused)}


def draft_of(
    journal: Mapping[str, Any], *, key: str, at: datetime, currency: str, source_id: UUID, undoing: JournalDraft | None
) -> JournalDraft:
    """The journal that a proposal means, the same however often it is made. [any tenant]

    `key`, `at` and `source_id` are the resolution's: they name the journal where the proposal does not name a fact of
    its own. `undoing` undoes what `of` names. Raises JournalRefused.
    """
    if journal["rule"] == REVERSAL:
        if undoing is None:
            raise JournalGone(**journal["of"])
        return undoing._replace(rule_version=f"{REVERSAL}@1")
    if journal["rule"] == ADJUSTMENT:
        raise NoStatementYet(of_day=journal["of_day"])
    names_a_fact = "key" in journal
    return journal_by_rule(
        journal["rule"],
        amounts={name: int(amount) for name, amount in journal["amounts"].items()},
        parties={role: UUID(party) for role, party in journal["parties"].items()},
        terms=journal["terms"],
        key=journal["key"] if names_a_fact else key,
        effective_at=datetime.fromisoformat(journal["effective_at"]) if names_a_fact else at,
        source_type=journal["source_type"] if names_a_fact else "discrepancy_resolution",
        source_id=_named(journal["source_id"]) if names_a_fact else source_id,
        currency=currency,
    )


def _named(source_id: str) -> UUID | str:
    try:
        return UUID(source_id)
    except ValueError:
        return source_id

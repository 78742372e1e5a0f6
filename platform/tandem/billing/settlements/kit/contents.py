"""What the kit of a hospital's statement holds, and that of an employer's."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from tandem.billing.settlements import queries
from tandem.billing.settlements.commands import (
    cut_of_employer_statement,
    cut_of_statement,
    document_of,
    employer_document_of,
)
from tandem.billing.settlements.kit import employer_records, records
from tandem.billing.settlements.kit.proof.files import FORMAT
from tandem.billing.settlements.kit.records import Reach, Record
from tandem.billing.settlements.kit.verifier import verifier
from tandem.billing.settlements.lines import Cut
from tandem.billing.settlements.models import EmployerStatement, SettlementStatement

Reader = Callable[[Reach, int, int], list[Record]]


@dataclass(frozen=True, slots=True)
class Contents:
    """A kit before it is written: small files whole, small records listed, the rest as readers of a window."""

    about: Record
    reach: Reach
    files: dict[str, bytes]
    by_record: dict[str, list[Record]]
    windowed: Mapping[str, Reader]


def contents_of(statement_id: UUID) -> Contents:
    """What proves a statement, a hospital's or an employer's. Raises NotFound."""
    row = queries.any_statement(statement_id)
    return _of_employer(row) if isinstance(row, EmployerStatement) else _of_hospital(row)


def _of_hospital(row: SettlementStatement) -> Contents:
    cut = cut_of_statement(row)
    reach = records.reach_of(cut)
    previous = queries.statement_before(row)
    files = {"README.txt": _README.encode(), "verify.py": verifier(), "statement.json": document_of(row)[0]}
    if previous is not None:
        files["previous.json"] = document_of(previous)[0]
    by_record = {"rules.jsonl": records.posting_rules(reach), "terms.jsonl": records.terms()}
    return Contents(_about(row, "hospital_id", cut, reach), reach, files, by_record, _WINDOWED)


def _of_employer(row: EmployerStatement) -> Contents:
    cut = cut_of_employer_statement(row)
    reach = employer_records.whole_book(cut)
    files = {
        "README.txt": _EMPLOYERS_README.encode(),
        "verify.py": verifier(),
        "statement.json": employer_document_of(row)[0],
    }
    earlier = [
        {
            "statement_id": str(each.id),
            "document": employer_document_of(each)[0].decode(),
            "document_sha256": each.document_sha256,
        }
        for each in queries.employer_statements_before(row)
    ]
    by_record = {"rules.jsonl": records.posting_rules(reach), "earlier.jsonl": earlier}
    return Contents(_about(row, "employer_id", cut, reach), reach, files, by_record, _EMPLOYERS_WINDOWED)


def _about(row: SettlementStatement | EmployerStatement, party: str, cut: Cut, reach: Reach) -> Record:
    return {
        "format": FORMAT,
        "statement_id": str(row.id),
        party: str(row.tenant_id),
        "number": row.number,
        "currency": row.currency,
        "period_start": records.spelled(cut.since),
        "period_end": records.spelled(cut.until),
        "first_seq": reach.first_seq,
        "previous_seal": reach.previous_seal,
        "document_sha256": row.document_sha256,
    }


_WINDOWED: Final[dict[str, Reader]] = {
    "usage.jsonl": records.usage,
    "accruals.jsonl": records.accruals,
    "reversals.jsonl": records.reversals,
    "adjustments.jsonl": records.adjustments,
    "journals.jsonl": records.journals,
    "entries.jsonl": records.entries,
}
_EMPLOYERS_WINDOWED: Final[dict[str, Reader]] = {
    "documents.jsonl": employer_records.documents,
    "adjustments.jsonl": employer_records.adjustments,
    "journals.jsonl": records.journals,
    "entries.jsonl": records.entries,
}
_README: Final = """\
Settlement recompute kit 结算复算包

    python3 verify.py

needs Python 3.8 or later, nothing else and no network. It proves this folder: exit 0 and the statement, or exit 1 and
the file and line where something was altered.
只需 Python 3.8 以上，无需联网。一致则退出码为 0 并显示结算单；不一致则退出码为 1 并指明文件与行。

statement.json   the statement as it was signed 所签署的结算单
previous.json    the one before it, whose seal begins the chain 上一结算单，其封印为链之起点
terms.jsonl      the agreement's versions and their digests 协议条款各版本及摘要
rules.jsonl      the posting rules by which journals were made 记账规则
usage.jsonl      what was delivered 所提供的服务
accruals.jsonl   each fee: its basis, its rule, its parts, its cap 每笔服务费的基数、规则、构成与封顶
reversals.jsonl  what refunds and lost disputes took back of it 退款与拒付冲回
adjustments.jsonl corrections of earlier statements, with both parties' word 双方同意的调整
journals.jsonl   every journal up to the statement's cut, sealed in a chain 截点前全部凭证及散列链
entries.jsonl    their entries; debit positive, in minor units 分录，借方为正，单位为分
manifest.json    every file's hash 各文件散列

Compare document_sha256 in manifest.json with the statement that you confirmed: the kit cannot prove that for you.
请将 manifest.json 中的 document_sha256 与贵院所确认的结算单核对。
"""


_EMPLOYERS_README: Final = """\
Settlement recompute kit of an employer 企业结算复算包

    python3 verify.py

needs Python 3.8 or later, nothing else and no network. It proves this folder: exit 0 and the statement, or exit 1 and
the file and line where something was altered.
只需 Python 3.8 以上，无需联网。一致则退出码为 0 并显示结算单；不一致则退出码为 1 并指明文件与行。

statement.json   the statement as it was signed 所签署的结算单
earlier.jsonl    all statements before it, as they were signed 此前各期所签署的结算单
rules.jsonl      the posting rules by which journals were made 记账规则
documents.jsonl  invoices, credit notes and payments: their sums 账单、贷项通知单与付款的金额
adjustments.jsonl corrections of what was drawn, with both parties' word 双方同意的使用更正
journals.jsonl   every journal of your book up to the cut, sealed in a chain 截点前贵司账簿全部凭证及散列链
entries.jsonl    their entries; debit positive, in minor units 分录，借方为正，单位为分
manifest.json    every file's hash 各文件散列

What visits drew is told in sums of eleven members and more, or not at all: this kit holds no visit and nobody's name.
The sums stand in statements that both sides signed; operator_book_seal pins the operator's book behind them.
使用数据仅以十一人以上的合计披露，否则不披露；本包不含任何个人的就诊信息。合计由双方签署，运营方账簿由其封印锁定。

drawn_minor is the one figure that this kit does not compute again. Counts by day and price would do it, but most of
them would be counts of one or two: a day says who was away, a price says for what. Where your contract has one price,
units_drawn times that price is drawn_minor before refunds; where it does not, dispute the figure: the hospitals prove
theirs from visits, with the same verifier.
drawn_minor 是本包唯一不重新计算的数字。按日、按价格的次数虽可复算，但多数只有一两次：日期可推知何人请假，
价格可推知所看何病。合同为单一价格时，units_drawn 乘以该价格即退款前的 drawn_minor；否则可对该数字提出异议，
医院以同一程序逐次证明。

Compare document_sha256 in manifest.json with the statement that you confirmed: the kit cannot prove that for you.
请将 manifest.json 中的 document_sha256 与贵司所确认的结算单核对。
"""

"""The chart of accounts: every account a book may have, what it is, and whose money it holds.

Three kinds of book share it: a hospital's, the operator's and an employer's. Source: money.md 2.3.
"""

from dataclasses import dataclass
from typing import Final, Literal
from uuid import UUID

from tandem.kernel.money import CURRENCIES
from tandem.kernel.tenancy import OPERATOR_ID

Kind = Literal["asset", "liability", "income", "expense"]
KINDS: Final = ("asset", "liability", "income", "expense")
Fund = Literal["medical", "operator_cash", "other"]
FUNDS: Final = ("medical", "operator_cash", "other")


@dataclass(frozen=True, slots=True)
class Heading:
    """One account of the chart.

    `medical`: its money is patients' for medical care. `by_party`: one account for each party (an organisation or
    a programme, never a person). `interparty`: another party's book mirrors it, so both sum to zero.
    `never_a_basis`: no fee or pay may be worked out from it (Doctors Law art. 31). `floor_minor`, `ceiling_minor`:
    limits an account is opened with; no posting may take its balance (debit positive) beyond them.
    """

    kind: Kind
    medical: bool = False
    by_party: bool = False
    interparty: bool = False
    never_a_basis: bool = False
    floor_minor: int | None = None
    ceiling_minor: int | None = None


CHART: Final[dict[str, Heading]] = {
    # a hospital's book
    "cash.psp": Heading("asset"),
    "cash.bank": Heading("asset"),
    "ar.patient": Heading("asset", medical=True),
    "ar.operator": Heading("asset", by_party=True, interparty=True),
    "ar.insurer": Heading("asset"),
    "subsidy.receivable": Heading("asset"),
    "dispute.hold": Heading("asset", medical=True),
    "refund.payable": Heading("liability", medical=True),
    "ap.operator": Heading("liability", interparty=True),
    "ap.operator_disputed": Heading("liability"),
    "fee.in_dispute": Heading("asset"),
    "tax.vat": Heading("liability"),
    "rev.medical": Heading("income", medical=True),
    "rev.drug": Heading("income", medical=True, never_a_basis=True),
    "rev.examination": Heading("income", medical=True, never_a_basis=True),
    "rev.other": Heading("income"),
    "exp.psp_fee": Heading("expense"),
    "exp.bank_fee": Heading("expense"),
    "exp.operator_fee": Heading("expense"),
    "dispute.loss": Heading("expense", medical=True),
    "welfare.expense": Heading("expense", medical=True),
    "rounding": Heading("expense"),
    "suspense": Heading("asset"),
    # the operator's book: the other side of every hospital's and every employer's
    "ar.hospital": Heading("asset", by_party=True, interparty=True),
    "ap.hospital": Heading("liability", by_party=True, interparty=True),
    "ar.enterprise": Heading("asset", by_party=True, interparty=True),
    "prepaid.programme": Heading("liability", by_party=True),
    "inc.platform": Heading("income"),
    "inc.traffic": Heading("income"),
    "inc.b2b": Heading("income"),
    "inc.interest": Heading("income"),
    "ap.unclaimed": Heading("liability"),
    # an employer's book
    "prepaid.benefits": Heading("asset", by_party=True),
    "exp.benefits": Heading("expense", by_party=True),
    "exp.donation": Heading("expense"),
    # any book that deals in two currencies
    "fx.gain_loss": Heading("income"),
    **{f"fx.position.{currency.lower()}": Heading("asset") for currency in CURRENCIES},
    # sums set aside before they move; each is of the kind of what it is set aside from
    "held.ar.patient": Heading("asset", medical=True, ceiling_minor=0),
    "held.prepaid.benefits": Heading("asset", by_party=True, floor_minor=0),
    "held.prepaid.programme": Heading("liability", by_party=True, ceiling_minor=0),
}
HOLDABLE: Final = {"ar.patient": -1, "prepaid.benefits": 1, "prepaid.programme": -1}
"""Accounts whose money can be held, and on which side it stands: 1 as a debit balance, -1 as a credit balance."""
NEVER_A_BASIS: Final = frozenset(code for code, heading in CHART.items() if heading.never_a_basis)


def is_cash(code: str) -> bool:
    """Whether the account is money in hand, at a bank or at a payment provider."""
    return code.startswith("cash.")


def fund_of(code: str, tenant: UUID) -> Fund:
    """Whose money an account of this tenant holds; what the segregation guard looks at."""
    if tenant == OPERATOR_ID and is_cash(code):
        return "operator_cash"
    return "medical" if CHART[code].medical else "other"

"""Why an invoice or its payment is refused."""

from tandem.kernel.errors import Problem
from tandem.kernel.i18n import Text


class InvoiceLinesWrong(Problem):
    """A line's quantity times its price is its amount, and an invoice has lines. `line` counts from one."""

    status, slug = 422, "invoice-lines-wrong"
    title = Text("The lines do not add up", "发票行金额不符")
    mend = Text("Let quantity × unit price be the amount of every line.", "每行金额应等于数量乘以单价。")


class InvoiceOverpaid(Problem):
    """Together with earlier payments this is more than the invoice asks for."""

    status, slug = 409, "invoice-overpaid"
    title = Text("This is more than is left to pay", "付款超过应付余额")
    mend = Text("Record at most open_minor.", "记录金额不得超过 open_minor。")


class InvoicePaymentKeyReused(Problem):
    """The bank reference was recorded with another sum."""

    status, slug = 409, "invoice-payment-key-reused"
    title = Text("This bank reference was recorded with another sum", "该银行流水号已以不同金额记录")
    mend = Text("Check the bank's statement.", "请核对银行对账单。")

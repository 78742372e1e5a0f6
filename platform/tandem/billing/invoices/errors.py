"""Why an invoice or its payment is refused."""

from tandem.kernel.errors import Problem
from tandem.kernel.i18n import Text


class InvoiceLinesWrong(Problem):
    """A line's quantity times its price is its amount, and an invoice has a total to pay. `line` counts from one."""

    status, slug = 422, "invoice-lines-wrong"
    title = Text("The lines do not add up", "账单行金额不符")
    mend = Text(
        "Let quantity × unit price be the amount of every line, and the total be more than nothing.",
        "每行金额应等于数量乘以单价，且合计须大于零。",
    )


class TaxRuleUnknown(Problem):
    """No version of this tax category is in force on that day."""

    status, slug = 422, "tax-rule-unknown"
    title = Text("There is no tax rule for this category", "该税目尚无生效的税率规则")
    mend = Text("Name a category of the tax rules, or add its version first.", "请填写已有税目，或先录入税率规则。")


class TaxRuleOutdated(Problem):
    """The invoice was taxed by a version that is no longer in force on the day of issue."""

    status, slug = 409, "tax-rule-outdated"
    title = Text("A tax rule has changed since this was drafted", "起草后税率规则已变更")
    mend = Text("Void the draft and draft it again.", "请作废草稿后重新起草。")


class TaxRuleExists(Problem):
    """A category has one version per day."""

    status, slug = 409, "tax-rule-exists"
    title = Text("There is a version from that day already", "该日起已有税率版本")
    mend = Text("Name another day; versions are never changed.", "请另选生效日期；已有版本不可更改。")


class SellerProfileExists(Problem):
    """There is one version of the seller's particulars per day."""

    status, slug = 409, "seller-profile-exists"
    title = Text("There is a version from that day already", "该日起已有开票方信息")
    mend = Text("Name another day; versions are never changed.", "请另选生效日期；已有版本不可更改。")


class InvoiceOverpaid(Problem):
    """Together with earlier payments this is more than the invoice asks for."""

    status, slug = 409, "invoice-overpaid"
    title = Text("This is more than is left to pay", "付款超过应付余额")
    mend = Text("Record at most what is open (open_minor).", "登记金额不得超过未付余额（open_minor）。")


class InvoicePaymentKeyReused(Problem):
    """The bank reference was recorded with another sum."""

    status, slug = 409, "invoice-payment-key-reused"
    title = Text("This bank reference was recorded with another sum", "该银行流水号已以不同金额记录")
    mend = Text("Check the bank's statement.", "请核对银行对账单。")


class BankLineKnown(Problem):
    """The operator's bank has told of this transfer: its line is allocated, so that it pays no more than it is."""

    status, slug = 409, "bank-line-known"
    title = Text("The bank's file has this transfer already", "银行对账单中已有该笔转账")
    mend = Text(
        "Allocate the line (bank_line_id) to the invoices it pays; so much of it is free (left_minor).",
        "请将该笔流水（bank_line_id）分配给相应账单，不超过其剩余金额（left_minor）。",
    )


class InvoiceNotOpen(Problem):
    """It is no issued invoice with something left to pay."""

    status, slug = 409, "invoice-not-open"
    title = Text("There is nothing to pay here", "该账单无可支付金额")
    mend = Text("Reload it; only issued invoices can be paid.", "请刷新后重试；仅已开具的账单可支付。")


class VoidTooLate(Problem):
    """An invoice is voided in the month of its issue or not at all."""

    status, slug = 409, "void-too-late"
    title = Text("This can no longer be voided", "已超过可作废期限")
    mend = Text("Issue a credit note instead.", "请改为开具贷项通知单（红冲）。")


class InvoiceCredited(Problem):
    """A credit note or a fapiao stands on it."""

    status, slug = 409, "invoice-credited"
    title = Text("A credit note or fapiao stands on this invoice", "该账单已有贷项通知单或发票")
    mend = Text("Credit what is left of it instead.", "请对剩余金额开具贷项通知单。")


class CreditTooLarge(Problem):
    """More than what is left of the invoice or of one line. `line` counts from one, 0 is the whole."""

    status, slug = 409, "credit-too-large"
    title = Text("This is more than is left to credit", "冲减金额超过可冲减余额")
    mend = Text("Credit at most what is left (left_minor).", "冲减金额不得超过剩余可冲减金额（left_minor）。")


class BillingParked(Problem):
    """A guard found the customer's bill out of line; see the park's reasons and evidence."""

    status, slug = 409, "billing-parked"
    title = Text("This customer's bills are parked", "该客户的开单已暂停")
    mend = Text(
        "Look at the park's reasons; void the draft or release the customer.",
        "请查看暂停原因，作废草稿或解除暂停。",
    )


class PrepaymentRunning(Problem):
    """The programme can still be drawn on: it is not over, or visits that were booked in time may still come."""

    status, slug = 409, "prepayment-running"
    title = Text("This prepayment can still be drawn on", "该预付款仍可使用")
    mend = Text(
        "Wait until the programme has been over for {days} days and nothing is reserved.",
        "请在计划结束满 {days} 天且无预留次数后再办理。",
    )


class PrepaymentUnpaid(Problem):
    """What was never paid is not given back."""

    status, slug = 409, "prepayment-unpaid"
    title = Text("The programme's invoices are not all paid", "该计划的账单尚未付清")
    mend = Text("Collect or credit what is open (open_minor) first.", "请先收取或冲减未付余额（open_minor）。")


class PrepaymentUnbooked(Problem):
    """What is left is read off the books, and something about this programme is still on its way into them."""

    status, slug = 409, "prepayment-unbooked"
    title = Text("This programme's documents are not all booked yet", "该计划的单据尚未全部入账")
    mend = Text("Try again in a minute.", "请稍后重试。")


class PrepaymentUsedUp(Problem):
    """Nothing of the prepayment is left."""

    status, slug = 409, "prepayment-used-up"
    title = Text("Nothing of this prepayment is left", "该预付款已无结余")
    mend = Text("There is nothing to refund or to roll over.", "没有可退还或结转的金额。")


class PrepaymentClosed(Problem):
    """What becomes of the rest was proposed or decided already."""

    status, slug = 409, "prepayment-closed"
    title = Text("The rest of this prepayment is being dealt with", "该预付款结余已在处理或已处理")
    mend = Text("Look at the programme's closing.", "请查看该计划的结余处理记录。")


class PrepaymentNeedsSecond(Problem):
    """Whoever proposed what becomes of a rest does not accept it, whatever seats they hold."""

    status, slug = 403, "prepayment-needs-second"
    title = Text("A second person must agree", "须由另一人同意")
    mend = Text("Let somebody else of the employer accept it.", "请由企业的其他人员接受。")


class PrepaymentChanged(Problem):
    """The rest is another than what was proposed."""

    status, slug = 409, "prepayment-changed"
    title = Text("The rest is another by now", "结余金额已变化")
    mend = Text("Decline, and ask the operator to propose it again.", "请拒绝，并请运营方重新提出。")

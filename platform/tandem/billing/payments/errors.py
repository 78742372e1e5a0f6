"""Why a payment, a refund or a webhook is refused."""

from tandem.kernel.errors import Problem
from tandem.kernel.i18n import Text


class AlreadyBeingPaid(Problem):
    """The order has a payment that is under way or succeeded; a second one would charge the payer twice."""

    status, slug = 409, "already-being-paid"
    title = Text("This is being paid or has been paid already", "该订单正在支付或已支付")
    mend = Text("Look at the payment that exists; do not pay again.", "请查看已有的支付，勿重复支付。")


class PaymentNotSucceeded(Problem):
    """Only money that arrived can be given back."""

    status, slug = 409, "payment-not-succeeded"
    title = Text("This payment has not succeeded", "该笔支付尚未成功")
    mend = Text("Wait for it to succeed, or let it lapse.", "请等待支付成功，或等其失效。")


class RefundExceedsPayment(Problem):
    """With what was refunded or promised before, this would be more than was paid."""

    status, slug = 409, "refund-exceeds-payment"
    title = Text("The refund is more than what is left of the payment", "退款金额超过可退余额")
    mend = Text(
        "Refund at most what is left to refund (refundable_minor).", "退款金额不得超过可退余额（refundable_minor）。"
    )


class BenefitRefundedWhole(Problem):
    """A unit of a benefit cannot be given back in parts."""

    status, slug = 409, "benefit-refunded-whole"
    title = Text("A benefit is given back whole or not at all", "权益只能整份退回")
    mend = Text("Refund the whole amount.", "请按全额退回。")


class RefundKeyReused(Problem):
    """The key names a refund of another sum."""

    status, slug = 409, "refund-key-reused"
    title = Text("This key was used for a refund of another amount", "该键已用于另一金额的退款")
    mend = Text("Use a fresh key for a different refund.", "不同的退款请使用新的键。")


class InvoiceBeingPaid(Problem):
    """Another attempt to pay this invoice is under way; a second one could take the money twice."""

    status, slug = 409, "invoice-being-paid"
    title = Text("This invoice is being paid already", "该账单正在支付")
    mend = Text("Finish or let lapse the attempt that is under way.", "请完成当前支付，或等其失效。")


class WaiverNeedsSecond(Problem):
    """Above the limit two people decide: who proposed (or granted) it does not also agree to it."""

    status, slug = 403, "waiver-needs-second"
    title = Text("A second person has to decide on this waiver", "该减免须由另一人决定")
    mend = Text("Ask a colleague who may grant waivers.", "请由另一位有权限的同事处理。")


class NoBookInCurrency(Problem):
    """The provider moved money in a currency that no book is kept in: people decide, the rest goes on."""

    status, slug = 422, "no-book-in-currency"
    title = Text("No book is kept in this currency", "没有该币种的账簿")
    mend = Text("Convert it at the provider, or open a book in it.", "请在支付机构兑换，或开立该币种账簿。")


class WebhookDisabled(Problem):
    """No signing secret is configured: nothing could be believed."""

    status, slug = 404, "webhook-disabled"
    title = Text("Webhooks are not taken here", "此处未启用回调")
    mend = Text("Configure STRIPE_WEBHOOK_SECRET.", "请配置 STRIPE_WEBHOOK_SECRET。")


class WebhookForged(Problem):
    """No secret of ours signed these bytes."""

    status, slug = 400, "webhook-forged"
    title = Text("The signature does not match the body", "签名与请求内容不符")
    mend = Text("Sign the raw body with the endpoint's secret.", "请用端点密钥对原始请求体签名。")


class WebhookOutOfTime(Problem):
    """Signed too long ago, or in the future: a replay, or a clock that is wrong."""

    status, slug = 400, "webhook-out-of-time"
    title = Text("The signature's time is outside the tolerance", "签名时间超出允许范围")
    mend = Text("Sign each delivery afresh; check the clock.", "每次投递请重新签名，并检查时钟。")


class WebhookWrongMode(Problem):
    """A test event on a live platform, or the other way round."""

    status, slug = 400, "webhook-wrong-mode"
    title = Text("The event's mode is not this platform's", "事件的模式（测试/正式）与本平台不符")
    mend = Text("Point this endpoint at the matching mode.", "请将端点配置到对应的模式。")


class WebhookUnreadable(Problem):
    """Signed, but no event."""

    status, slug = 400, "webhook-unreadable"
    title = Text("The body is no event", "请求内容不是事件")
    mend = Text("Send the provider's event as it is.", "请原样发送支付机构的事件。")


class NobodyOwesThis(Problem):
    """Only what a charity or an insurer bears of a granted waiver can be paid by it."""

    status, slug = 409, "nobody-owes-this"
    title = Text("Nobody owes the hospital this waiver", "该减免没有应收的承担方")
    mend = Text(
        "Record money on a granted waiver that a charity or an insurer bears.",
        "仅可对已批准且由慈善或保险承担的减免入账。",
    )


class BearerOwesLess(Problem):
    """More than what its bearer still owes of the waiver."""

    status, slug = 409, "bearer-owes-less"
    title = Text("The bearer owes less than this", "金额超过承担方的应付余额")
    mend = Text("Record at most what is left (left_minor).", "登记金额不得超过承担方剩余应付金额（left_minor）。")


class ReceiptKeyReused(Problem):
    """The bank reference was recorded with another sum or day."""

    status, slug = 409, "receipt-key-reused"
    title = Text("This bank reference was recorded otherwise", "该银行流水号已以不同内容记录")
    mend = Text("Check the bank's statement.", "请核对银行对账单。")


class WaiverPaid(Problem):
    """Its bearer has paid for it; what was paid is given back first."""

    status, slug = 409, "waiver-paid"
    title = Text("The bearer has paid for this waiver", "承担方已就该减免付款")
    mend = Text("Settle with the bearer first.", "请先与承担方结清。")


class NothingOwedBack(Problem):
    """The customer is owed back less than this, or nothing."""

    status, slug = 409, "nothing-owed-back"
    title = Text("The customer is owed back less than this", "应退金额不足")
    mend = Text("Pay back at most what is owed (owed_minor).", "退款不得超过应退金额（owed_minor）。")


class PayeeNeeded(Problem):
    """It was not paid online, or not by one payment, so a bank account must be named."""

    status, slug = 422, "payee-needed"
    title = Text("Say to which bank account it goes", "请填写收款银行账户")
    mend = Text(
        "Send payee_name, payee_bank and payee_account: no single online payment covers it.",
        "没有可覆盖该金额的在线支付，请填写收款户名、开户行和账号。",
    )


class RepaymentNeedsSecond(Problem):
    """Whoever proposed a repayment does not decide on it."""

    status, slug = 403, "repayment-needs-second"
    title = Text("A second person must agree", "须由另一人审批")
    mend = Text("Ask a colleague who may decide on repayments.", "请由另一位有审批权限的同事处理。")


class RepaymentNotByBank(Problem):
    """Only an approved repayment by bank transfer is recorded as paid by hand."""

    status, slug = 409, "repayment-not-by-bank"
    title = Text("This is no approved bank transfer", "该退款不是已批准的银行转账")
    mend = Text("A refund is recorded when the provider says so.", "在线退款以支付机构的通知为准。")

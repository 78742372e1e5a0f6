"""Why a settlement is refused."""

from tandem.kernel.errors import Problem
from tandem.kernel.i18n import Text


class PeriodAlreadySettled(Problem):
    """A statement covers these days; what comes late goes to the next one."""

    status, slug = 409, "period-already-settled"
    title = Text("A statement covers this period already", "该期间已有结算单")
    mend = Text(
        "Settle the days after the last one that is settled (settled_through).",
        "请结算已结算截止日（settled_through）之后的日期。",
    )


class PeriodNotOver(Problem):
    """A statement says what happened; a day that is not over may still change."""

    status, slug = 409, "period-not-over"
    title = Text("This period is not over yet", "该期间尚未结束")
    mend = Text("Settle it from the following day on, in the party's time zone.", "请在次日（对方所在时区）起结算。")


class NothingToSettle(Problem):
    """The hospital's book is empty."""

    status, slug = 409, "nothing-to-settle"
    title = Text("There is nothing to settle", "没有可结算的内容")
    mend = Text("Wait for the first booked visit.", "请在首笔业务入账后再结算。")


class NothingPrepaid(Problem):
    """The employer's book is empty."""

    status, slug = 409, "nothing-prepaid"
    title = Text("This employer has been invoiced nothing yet", "该企业尚无账单")
    mend = Text("Wait for the first invoice to be issued and booked.", "请在首张账单开出并入账后再结算。")


class NothingInDispute(Problem):
    """The fee stayed within its caps, or what went beyond was decided already."""

    status, slug = 409, "nothing-in-dispute"
    title = Text("Nothing of this fee is in dispute", "该笔服务费没有待裁定的超限部分")
    mend = Text("List the fees in dispute and what became of them.", "请查看超限费用列表及其裁定结果。")


class NothingToCarry(Problem):
    """Only what the operator owes can be carried forward; what the hospital owes is paid."""

    status, slug = 409, "nothing-to-carry"
    title = Text("The operator owes nothing on this statement", "该结算单中运营方无应付款")
    mend = Text("Pay it, or dispute a line.", "请付款，或对结算行提出异议。")


class LineAlreadyDisputed(Problem):
    """One open dispute per line."""

    status, slug = 409, "line-already-disputed"
    title = Text("This line is disputed already", "该结算行已有未决争议")
    mend = Text("Resolve the open dispute first.", "请先处理未决争议。")


class WithholdsTooMuch(Problem):
    """A dispute withholds what its line asks for, and no more than the statement leaves due."""

    status, slug = 422, "withholds-too-much"
    title = Text("More is withheld than the line asks for", "暂扣金额超过该行应付金额")
    mend = Text(
        "Withhold at most what the line still asks for (at_most_minor).",
        "暂扣金额不得超过该行可暂扣的上限（at_most_minor）。",
    )


class OwnAdjustment(Problem):
    """Four eyes across parties: nobody says yes to a correction in their own favour, nor who has a seat at both."""

    status, slug = 403, "own-adjustment"
    title = Text("Whoever proposed an adjustment does not decide on it", "提出调整的一方或本人不得自行批准")
    mend = Text("Let somebody else of the other party accept or decline it.", "请由对方的其他人员接受或拒绝。")


class FigureWithheld(Problem):
    """Too few members stand behind the figure to tell it, so there is nothing yet that could be wrong."""

    status, slug = 409, "figure-withheld"
    title = Text("This figure has not been told yet", "该数据因涉及人数不足尚未披露")
    mend = Text("Dispute it on the statement that tells it.", "请在披露该数据的结算单上提出异议。")


class DocumentCorrects(Problem):
    """What was invoiced bears tax, what was paid has a bank's reference: neither is corrected by agreement alone."""

    status, slug = 409, "document-corrects"
    title = Text("This figure is corrected by a document, not by an adjustment", "该数据须以单据更正，不能以调整更正")
    mend = Text(
        "Issue a credit note, or record the payment, and agree to the dispute with it.",
        "请开具贷项通知单或登记收款，并以该单据同意争议。",
    )


class DocumentCorrectsNothing(Problem):
    """The document is none that was written on the disputed programme's invoices since the statement."""

    status, slug = 409, "document-corrects-nothing"
    title = Text("This document does not correct the disputed figure", "该单据未更正所争议的数据")
    mend = Text("Name a document of the wanted kind, written since.", "请提供结算单之后、类型相符的单据。")


class StatementChanged(Problem):
    """What was proposed is not what the books say at the statement's cut: somebody altered one of the two."""

    status, slug = 409, "statement-changed"
    title = Text("The statement does not match the books at its cut", "结算单与账簿截点不一致")
    mend = Text(
        "Ask the operator to verify both parties' books (tandem ledger verify).",
        "请运营方核验双方账簿（tandem ledger verify）。",
    )


class SplitRefused(Problem):
    """Ancestor of what a payment provider's own limits refuse."""

    status, slug = 422, "split-refused"
    title = Text("The payment provider's limits do not allow this", "支付机构的限额不允许该操作")
    mend = Text(
        "Settle the sum by statement, or wait for the limit to allow it.",
        "请以结算单结清该款项，或待限额允许后再办理。",
    )


class SplitAboveRatio(SplitRefused):
    slug = "split-above-ratio"
    title = Text("More than the provider lets be split off an order", "超过支付机构规定的最高分账比例")
    mend = Text(
        "Split at most at_most_minor; settle the rest by statement.",
        "分账不得超过上限（at_most_minor）；其余以结算单结清。",
    )


class SplitAboveOrder(SplitRefused):
    slug = "split-above-order"
    title = Text("More than the order has left after the provider's fee", "超过订单扣除手续费后的余额")
    mend = Text("Split at most at_most_minor.", "分账不得超过上限（at_most_minor）。")


class SplitWindowClosed(SplitRefused):
    slug = "split-window-closed"
    title = Text("The order's funds were released before the split", "订单资金已解冻，不能再分账")
    mend = Text("Settle the sum by statement.", "请以结算单结清该款项。")


class TooManySplits(SplitRefused):
    slug = "too-many-splits"
    title = Text("The order has been split as often as the provider allows", "该订单的分账次数已达上限")
    mend = Text("Settle the sum by statement.", "请以结算单结清该款项。")


class ReturnAboveSplit(SplitRefused):
    slug = "return-above-split"
    title = Text("More would come back than was split off", "回退金额超过已分账金额")
    mend = Text("Return at most at_most_minor.", "回退不得超过上限（at_most_minor）。")


class ReturnWindowClosed(SplitRefused):
    """After it the parties settle the sum between themselves: the books show who owes it."""

    slug = "return-window-closed"
    title = Text("The provider returns nothing after so long", "已超过支付机构的回退期限")
    mend = Text(
        "Correct the sum by an adjustment; the next statement settles it.", "请以调整更正该款项，由下一结算单结清。"
    )


class TooManyReturns(SplitRefused):
    slug = "too-many-returns"
    title = Text("This receiver has returned as often as the provider allows", "该接收方的回退次数已达上限")
    mend = Text(
        "Correct the sum by an adjustment; the next statement settles it.", "请以调整更正该款项，由下一结算单结清。"
    )


class NothingToTransfer(Problem):
    """The operator owes the hospital nothing on this statement."""

    status, slug = 409, "nothing-to-transfer"
    title = Text("The operator owes nothing on this statement", "该结算单中运营方无应付款")
    mend = Text("Record the hospital's payment instead.", "请登记医院的付款。")


class TransferUnderWay(Problem):
    """One transfer at a time pays a statement."""

    status, slug = 409, "transfer-under-way"
    title = Text("A transfer for this statement is under way", "该结算单的转账正在进行")
    mend = Text("Wait until it has arrived or failed.", "请等待其到账或失败。")


class TransferOnItsWay(Problem):
    """What the provider sent, or may be sending at this moment, is not withdrawn any more."""

    status, slug = 409, "transfer-on-its-way"
    title = Text("The provider was asked for this transfer already", "该转账已提交支付机构")
    mend = Text(
        "If it was sent, ask for it back; if it is being sent, look again in a quarter of an hour.",
        "若已转出，请发起回退；若正在转出，请在一刻钟后再查看。",
    )


class TransferNotSent(Problem):
    """Only what was sent, and not wholly taken back, can be taken back."""

    status, slug = 409, "transfer-not-sent"
    title = Text("There is nothing of this transfer to take back", "该转账没有可回退的款项")
    mend = Text(
        "Withdraw it if it waits; look at its returns if it was taken back.",
        "若尚未提交，请撤回；若已回退，请查看其回退记录。",
    )


class ReturnUnderWay(Problem):
    """One return of a transfer at a time, so that two never ask for the same money."""

    status, slug = 409, "return-under-way"
    title = Text("A return of this transfer is under way", "该转账已有处理中的回退")
    mend = Text("Wait for its end, or withdraw its proposal.", "请等待其结束，或撤回该提议。")


class HospitalHasNoAccount(Problem):
    """A transfer goes to the hospital's own account at the provider."""

    status, slug = 409, "hospital-has-no-account"
    title = Text("The hospital has no account at the payment provider", "医院尚未开通收款账户")
    mend = Text("Pay by bank and record the payment.", "请以银行转账支付并登记。")


class VisitClaimed(Problem):
    """One visit was brought by one channel: who claims it first has it."""

    status, slug = 409, "visit-claimed"
    title = Text("Another channel has claimed this visit", "该就诊已由其他渠道认领")
    mend = Text("A visit pays one traffic fee, to the channel of its attribution.", "一次就诊只支付一笔引流费。")

"""Why a reconciliation or its answer is refused."""

from tandem.billing.ledger import JournalRefused
from tandem.kernel.errors import Problem
from tandem.kernel.i18n import Text


class DayNotOver(Problem):
    """A day is closed when it is over, in the platform's business zone."""

    status, slug = 409, "day-not-over"
    title = Text("This day is not over yet", "该日尚未结束")
    mend = Text("Close it from the following day on.", "请在次日起办理日结。")


class SameParty(Problem):
    """Whoever proposed how a difference is settled, party or person, does not approve it (money.md N13)."""

    status, slug = 403, "same-party"
    title = Text("The other party approves this one", "该处理须由对方确认")
    mend = Text("Let somebody else of the other party approve it, or reject it.", "请由对方的其他人员确认或驳回。")


class AlreadyProposed(Problem):
    """One difference has one proposal at a time."""

    status, slug = 409, "resolution-already-proposed"
    title = Text("A resolution is proposed already", "该差异已有待确认的处理方案")
    mend = Text("Approve or reject that one first.", "请先确认或驳回现有方案。")


class ProposalOutdated(Problem):
    """The difference proposes another journal by now than the one that is to be agreed on."""

    status, slug = 409, "proposal-outdated"
    title = Text("The difference has changed since this was proposed", "提出方案后差异已发生变化")
    mend = Text("Reject this proposal and propose anew.", "请驳回该方案并重新提出。")


class JournalNotBalanced(Problem):
    """A proposed journal names accounts that stand by themselves, and sums to zero."""

    status, slug = 422, "journal-not-balanced"
    title = Text("This journal cannot be booked", "该凭证无法入账")
    mend = Text(
        "Name at least two accounts of the chart without a party, with amounts that sum to zero and are not zero.",
        "请填写至少两个不按往来单位核算的科目，金额非零且合计为零。",
    )


class NothingInGroup(Problem):
    """A group is what is unresolved of one pass, kind and cause."""

    status, slug = 409, "nothing-in-group"
    title = Text("Nothing of this cause is unresolved", "该原因下没有未解决的差异")
    mend = Text("Read the groups again.", "请重新查询差异分组。")


class GroupWithoutJournals(Problem):
    """Facts: how many of the group have no journal to be booked, and the first hundred of them, each with why."""

    status, slug = 409, "group-without-journals"
    title = Text("Some differences of this group propose no journal", "该组中有差异没有建议分录")
    mend = Text(
        "Settle the ones named here by themselves; or send an empty journal: then nothing is booked for any of them.",
        "请先逐条处理所列差异；或提交空的凭证（journal），即整组均不入账。",
    )


class JournalGone(JournalRefused):
    """Facts: the kind and key of the journal that was to be undone."""

    slug = "journal-gone"
    title = Text("The journal to be undone is not in this book", "账簿中没有应冲销的凭证")
    mend = Text("Reconcile again, and decide on what that finds.", "请重新对账，并按新结果处理。")


class NoStatementYet(JournalRefused):
    """Facts: the day whose fee was to be adjusted."""

    status, slug = 409, "no-statement-yet"
    title = Text("No statement has told of this day's fees yet", "该日服务费尚未列入任何结算单")
    mend = Text(
        "Put the day's statement to the hospital first, then adjust it.", "请先向医院提交该日结算单，再作调整。"
    )


class NotParked(Problem):
    """Only a comparison that parked itself is released."""

    status, slug = 409, "comparison-not-parked"
    title = Text("This comparison is not parked", "该对账项未被暂停")
    mend = Text("Look at the desk for what is parked.", "请在工作台查看已暂停的对账项。")


class RuleUnknown(Problem):
    """Rules are those of the list."""

    status, slug = 422, "rule-unknown"
    title = Text("There is no such rule", "没有该规则")
    mend = Text("Name one of the rules listed here.", "请使用此处列出的规则名称。")


class RuleVersionTaken(Problem):
    """Two set a rule at once; each version is set by one of them."""

    status, slug = 409, "rule-version-taken"
    title = Text("Somebody set a rule at the same moment", "规则刚被他人修改")
    mend = Text("Read the rules and set it again.", "请重新查询规则后再设置。")


class BankFileUnreadable(Problem):
    """Not a bank's file: broken, cut off, too large, or with parts that no statement has."""

    status, slug = 422, "bank-file-unreadable"
    title = Text("This file could not be read", "无法读取该银行文件")
    mend = Text("Send the CSV or CAMT.053 file as the bank made it.", "请上传银行导出的 CSV 或 CAMT.053 原始文件。")


class BankFileRefused(Problem):
    """Rows of the file are wrong, or say otherwise than before; nothing of it was kept. `errors` names the rows."""

    status, slug = 422, "bank-file-refused"
    title = Text("Rows of this file cannot be accepted", "文件中有无法接受的行")
    mend = Text(
        "Send the file as the bank made it; nothing was kept.", "请上传银行导出的原始文件；本次未保存任何内容。"
    )


class BankFileElsewhere(Problem):
    """One file is of one account: taken in for two, its money would count twice."""

    status, slug = 409, "bank-file-elsewhere"
    title = Text("This file was taken in for another account", "该文件已用于其他账户")
    mend = Text(
        "Send the file of this account; the other one is named here.",
        "请上传本账户的文件；该文件已用于的账户见 account。",
    )


class BankLineTaken(Problem):
    """A line of a bank, or a payout, counts once."""

    status, slug = 409, "bank-line-taken"
    title = Text("One of these is matched already", "所选记录已完成匹配")
    mend = Text("Read the unmatched ones again.", "请重新查询未匹配的记录。")


class BankLineNeedsSecond(Problem):
    """Whoever proposes what a line of a bank is for does not agree to it."""

    status, slug = 403, "bank-line-needs-second"
    title = Text("A second person must agree", "须由另一人复核")
    mend = Text("Ask a colleague who may decide on bank lines.", "请由另一位有复核权限的同事处理。")


class BankLineOverdrawn(Problem):
    """A line of a bank pays at most its own sum in all."""

    status, slug = 409, "bank-line-overdrawn"
    title = Text("This is more than is left of the bank's line", "超过该笔流水的剩余金额")
    mend = Text(
        "Allocate at most what is left of it (left_minor).", "分配金额不得超过该笔流水的剩余金额（left_minor）。"
    )


class BankExitExists(Problem):
    """A line has one exit of one sum at a time."""

    status, slug = 409, "bank-exit-exists"
    title = Text("This sum of the line has its exit already", "该笔流水的这一金额已有出口申请")
    mend = Text("Decide on that one, or undo it.", "请先处理或撤销已有的出口申请。")


class BankExitUnfit(Problem):
    """Facts: for which reasons such a sum leaves. Money that went out without a reason is found out, not let go."""

    status, slug = 409, "bank-exit-unfit"
    title = Text("A sum in this direction does not leave for this reason", "该方向的款项不能以此原因出账")
    mend = Text("Give one of the reasons listed here.", "请选用此处列出的原因。")


class BankLineTooYoung(Problem):
    """Facts: from which day on the line may be called unexplained. Until then its owner is looked for."""

    status, slug = 409, "bank-line-too-young"
    title = Text("This line may still be explained", "该笔流水尚在查找归属期内")
    mend = Text("Look for its owner until the day named here (from_day).", "请继续查找归属，至 from_day 之日起再申请。")


class BankMatchUneven(Problem):
    """What is matched by hand adds up on both sides, but for a fee of the bank."""

    status, slug = 422, "bank-match-uneven"
    title = Text("The two sides do not add up", "两侧金额不一致")
    mend = Text("Choose payouts of one currency whose sum is the line's.", "请选择币种一致且合计相等的出款。")

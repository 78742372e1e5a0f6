"""Why a settlement is refused."""

from tandem.kernel.errors import Problem
from tandem.kernel.i18n import Text


class PeriodAlreadySettled(Problem):
    """A statement covers these days; what comes late goes to the next one."""

    status, slug = 409, "period-already-settled"
    title = Text("A statement covers this period already", "该期间已有结算单")
    mend = Text("Settle the days after settled_through.", "请结算 settled_through 之后的日期。")


class PeriodNotOver(Problem):
    """A statement says what happened; a day that is not over may still change."""

    status, slug = 409, "period-not-over"
    title = Text("This period is not over yet", "该期间尚未结束")
    mend = Text("Settle it from the following day on, in the hospital's time zone.", "请在次日（医院所在时区）起结算。")


class NothingToSettle(Problem):
    """The hospital's book is empty."""

    status, slug = 409, "nothing-to-settle"
    title = Text("There is nothing to settle", "没有可结算的内容")
    mend = Text("Wait for the first booked visit.", "请在首笔业务入账后再结算。")


class StatementChanged(Problem):
    """What was proposed is not what the books say at the statement's cut: somebody altered one of the two."""

    status, slug = 409, "statement-changed"
    title = Text("The statement does not match the books at its cut", "结算单与账簿截点不一致")
    mend = Text("Run 'tandem ledger verify' for this hospital.", "请对该医院运行 tandem ledger verify。")

"""Why a reconciliation or its answer is refused."""

from tandem.kernel.errors import Problem
from tandem.kernel.i18n import Text


class DayNotOver(Problem):
    """A day is closed when it is over, in the platform's business zone."""

    status, slug = 409, "day-not-over"
    title = Text("This day is not over yet", "该日尚未结束")
    mend = Text("Close it from the following day on.", "请在次日起办理日结。")


class OwnFinding(Problem):
    """Whoever a difference is owned by does not declare it resolved alone (money.md N13)."""

    status, slug = 403, "own-finding"
    title = Text("The other party resolves this one", "该差异应由对方确认解决")
    mend = Text("Explain it, and let the other party resolve it.", "请填写原因，由对方确认解决。")

"""Why a schedule is refused."""

from tandem.kernel.errors import Problem
from tandem.kernel.i18n import Text


class DunningScheduleExists(Problem):
    """There is one schedule per day, and its versions are counted."""

    status, slug = 409, "dunning-schedule-exists"
    title = Text("There is a schedule from that day already", "该日起已有催款计划")
    mend = Text("Name another day; schedules are never changed.", "请另选生效日期；已有计划不可更改。")

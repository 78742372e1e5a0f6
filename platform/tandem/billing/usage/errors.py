"""Why a usage event is refused."""

from tandem.kernel.errors import Problem
from tandem.kernel.i18n import Text


class UsageConflict(Problem):
    """The source was metered before, with other facts."""

    status, slug = 409, "usage-conflict"
    title = Text("This was metered before with other facts", "该用量已以不同内容记录")
    mend = Text("Void the first event and record a new source.", "请作废原记录并以新来源重新记录。")


class UsageInTheFuture(Problem):
    """Nothing is metered before it happened; clocks may differ by five minutes."""

    status, slug = 422, "usage-in-the-future"
    title = Text("This use lies in the future", "用量时间晚于当前时间")
    mend = Text("Record it when it has happened; check the clock.", "请在发生后记录，并检查时钟。")

"""Why usage is refused as a whole; why one item of a batch is refused stands in `facts`."""

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


class MeterExists(Problem):
    """A code means one thing for ever."""

    status, slug = 409, "meter-exists"
    title = Text("There is a meter of that code", "该代码的计量项已存在")
    mend = Text("Use it, or choose another code.", "请使用该计量项，或另选代码。")

"""Why the clock is not moved."""

from tandem.kernel.errors import Problem
from tandem.kernel.i18n import Text


class ClockFixed(Problem):
    """Real money moves here, or nobody gave this process a clock to share."""

    status, slug = 409, "clock-fixed"
    title = Text("This platform's clock cannot be moved", "本平台的时钟不可调整")
    mend = Text(
        "Only a platform that runs on the Stripe sandbox has a movable clock.", "仅使用 Stripe 沙箱的平台可调整时钟。"
    )

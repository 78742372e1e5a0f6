"""Why a plan, a subscription or a rating is refused."""

from tandem.kernel.errors import Problem
from tandem.kernel.i18n import Text


class RevenueTermForbidden(Problem):
    """No fee or pay formula has a drug or examination revenue term (Doctors Law art. 31). Facts: component."""

    status, slug = 422, "revenue-term-forbidden"
    title = Text("No price may depend on drug or examination revenue", "价格不得与药品或检查收入挂钩")
    mend = Text("Price visits, programmes or things instead.", "请改按就诊、项目或件数计价。")


class MeterUnknown(Problem):
    """A component names a meter that nobody has defined."""

    status, slug = 422, "meter-unknown"
    title = Text("There is no such meter", "不存在此计量项")
    mend = Text("Define the meter first.", "请先定义该计量项。")


class PlanVersionTaken(Problem):
    """Somebody added a version of this plan in the same moment."""

    status, slug = 409, "plan-version-taken"
    title = Text("Another version of this plan was added just now", "该方案刚刚新增了另一版本")
    mend = Text("Read the newest version and send yours again.", "请查看最新版本后重新提交。")


class PlanVersionUnknown(Problem):
    """The catalogue has no such version."""

    status, slug = 422, "plan-version-unknown"
    title = Text("The catalogue has no such plan version", "目录中没有该方案版本")
    mend = Text("Choose one from /plan_versions.", "请从价格方案目录（/plan_versions）中选择。")


class SubscriptionOverlaps(Problem):
    """Two subscriptions would bill the same use. Facts: the other subscription's id."""

    status, slug = 409, "subscription-overlaps"
    title = Text("Another subscription bills this use in that time", "该时段的同一用量已由其他订阅计费")
    mend = Text("End the other one first, or choose another subject.", "请先终止另一订阅，或选择其他计量对象。")


class PeriodRated(Problem):
    """What was rated stays as it is. Facts: the first day that is still open."""

    status, slug = 409, "period-rated"
    title = Text("That time has been rated already", "该时段已完成计费")
    mend = Text(
        "Choose the first open day (rated_until) or a later one.", "请选择首个未计费日（rated_until）或之后的日期。"
    )


class MonthNotOver(Problem):
    """A month is rated when it is over."""

    status, slug = 409, "month-not-over"
    title = Text("That month is not over", "该月份尚未结束")
    mend = Text("Rate it from the first day of the next month on.", "请自次月一日起计费。")


class PoolKeyReused(Problem):
    """The same top-up was told before with other facts."""

    status, slug = 409, "pool-key-reused"
    title = Text("This top-up was recorded before with other facts", "该充值已以不同内容记录")
    mend = Text("Use a fresh key for another top-up.", "另一笔充值请使用新的键。")

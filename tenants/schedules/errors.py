"""Why a schedule or a leave is refused."""

from typing import Final

from tandem.kernel.errors import FieldProblem, Problem
from tandem.kernel.i18n import Text


class ScheduleOverlaps(Problem):
    """The doctor's time is already cut into slots somewhere in this period; five-minute cells are taken once."""

    status, slug = 409, "schedule-overlaps"
    title = Text("The doctor already has slots in this period", "该医生在此时段已有号源")
    mend = Text(
        "Choose free hours, or withdraw the schedule that holds them first.",
        "请选择空闲时段，或先撤回占用该时段的排班。",
    )


class ScheduleTooLarge(Problem):
    """One schedule makes a bounded number of slots, so that publishing stays one short statement."""

    status, slug = 422, "schedule-too-large"
    title = Text(
        "This schedule would make {slots} slots; {limit} is the most", "该排班将生成 {slots} 个号源，上限为 {limit} 个"
    )
    mend = Text("Publish a shorter period.", "请缩短排班周期。")


class ScheduleEmpty(Problem):
    """No slot of the service's length lies in the future of this period."""

    status, slug = 422, "schedule-empty"
    title = Text("No slot fits into this schedule", "该排班内没有可生成的号源")
    mend = Text(
        "Check days, weekdays and hours: a slot is {minutes} minutes long and begins in the future.",
        "请检查日期、星期和时段：每个号源 {minutes} 分钟，且须在未来开始。",
    )


class ServiceOffGrid(Problem):
    """Slots are cut on a five-minute grid, so a service's duration must be a multiple of it."""

    status, slug = 409, "service-off-grid"
    title = Text("The service's duration does not fit the five-minute grid", "服务时长不符合五分钟网格")
    mend = Text("Set a duration that is a multiple of five minutes.", "请将服务时长设为五分钟的整数倍。")


class NotYourSchedule(Problem):
    """A doctor publishes and withdraws only the own time; medical affairs and administrators do it for anybody."""

    status, slug = 403, "not-your-schedule"
    title = Text("This is another doctor's time", "这是其他医生的时间")
    mend = Text("Ask medical affairs or your administrator.", "请联系医务部门或管理员。")


END_AFTER_START: Final = FieldProblem(
    "end_at",
    Text("A leave ends after it begins, in the future, within a year", "停诊须在开始之后、未来一年内结束"),
    Text("Give a later end, at most 366 days after the start.", "请填写更晚的结束时间，最长 366 天。"),
)
DAYS_IN_ORDER: Final = FieldProblem(
    "last_on",
    Text("The last day lies before the first", "结束日期早于开始日期"),
    Text("Give the first day and a last day on or after it.", "请填写不早于开始日期的结束日期。"),
)
DAYS_IN_REACH: Final = FieldProblem(
    "last_on",
    Text("A schedule begins today or later and ends within 180 days", "排班须自今日起、180 天内结束"),
    Text("Choose days from today on.", "请选择今日及以后的日期。"),
)
HOURS_IN_ORDER: Final = FieldProblem(
    "closes_at",
    Text(
        "The hours close before they open, or are off the five-minute grid", "结束时间早于开始时间，或不在五分钟网格上"
    ),
    Text(
        "Give hours such as 09:00 to 12:00, in steps of five minutes.",
        "请填写如 09:00 至 12:00、以五分钟为步长的时间。",
    ),
)

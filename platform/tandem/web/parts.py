"""How each part of the platform is right now, in words for people. No tenant's data comes near it."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final, Literal

from redis import RedisError
from rq import Worker

from tandem.kernel import clock, doorbell, telemetry
from tandem.kernel.i18n import Text, format_moment
from tandem.kernel.settings import Settings

State = Literal["well", "watch", "down", "note"]
# The sweeper rings every second or two: work that waits longer has nobody to do it.
_LATE_AFTER_SECONDS: Final = 60
_STILL: Final = timedelta(seconds=2)


@dataclass(frozen=True)
class PartReport:
    """One line about one part. `state` is well, watch (works, wants a look), down, or note (nothing to judge)."""

    name: Text
    state: State
    words: str
    detail: str = ""


def reports(settings: Settings) -> list[PartReport]:
    """Every part, in the order in which one would look for a fault."""
    ready = telemetry.readiness()
    redis = ready["redis"]
    told = [_database(ready["database"]), _redis(redis), work_waiting(ready["outbox"])]
    if redis.ok:
        told += _crew()
    return [*told, _provider(settings), *_moved_clock()]


def worst(told: Iterable[PartReport]) -> State:
    """The state of the whole: as bad as its worst part."""
    states = {part.state for part in told}
    return "down" if "down" in states else "watch" if "watch" in states else "well"


def _database(part: telemetry.Part) -> PartReport:
    name = Text("Database", "数据库")
    if not part.ok:
        return PartReport(name, "down", str(Text("does not answer", "没有响应")), part.detail or "")
    return PartReport(name, "well", str(Text("answers", "响应正常")), f"{part.milliseconds} ms")


def _redis(part: telemetry.Part) -> PartReport:
    name = Text("Redis", "Redis")
    if not part.ok:
        words = Text("does not answer; nothing is lost, work waits", "没有响应；任务不会丢失，只是等待")
        return PartReport(name, "down", str(words), part.detail or "")
    return PartReport(name, "well", str(Text("answers", "响应正常")), f"{part.milliseconds} ms")


def work_waiting(part: telemetry.Part) -> PartReport:
    """Whether due work is done in time, from the outbox's own look."""
    name = Text("Work waiting", "待办任务")
    if not part.ok:
        return PartReport(name, "down", str(Text("cannot be seen", "无法查看")), part.detail or "")
    age_seconds = int((part.detail or "0").split()[0])
    if age_seconds > _LATE_AFTER_SECONDS:
        words = Text("the oldest has waited {seconds} s", "最早的已等待 {seconds} 秒")(seconds=age_seconds)
        return PartReport(name, "watch", words)
    words = str(Text("none is late", "没有积压"))
    return PartReport(name, "well", words, f"{age_seconds} s")


def _crew() -> list[PartReport]:
    try:
        counts = {queue: len(Worker.all(queue=doorbell.redis_queue(queue))) for queue in doorbell.QUEUES}
        is_scheduled = bool(doorbell.connection().exists(doorbell.SCHEDULER_LEASE))
    except RedisError:  # it answered a moment ago; its own line will say so next time
        return []
    return [workers(counts), _scheduler(is_scheduled)]


def workers(counts: dict[str, int]) -> PartReport:
    """Whether every queue has somebody who answers it."""
    name = Text("Workers", "后台进程")
    idle = [queue for queue, number in counts.items() if number == 0]
    detail = " · ".join(f"{queue} {number}" for queue, number in counts.items())
    if idle:
        return PartReport(
            name, "watch", Text("none for {queues}", "{queues} 队列无人值守")(queues=", ".join(idle)), detail
        )
    return PartReport(name, "well", Text("{number} at work", "{number} 个在岗")(number=sum(counts.values())), detail)


def _scheduler(is_scheduled: bool) -> PartReport:
    name = Text("Scheduler", "定时调度")
    if is_scheduled:
        return PartReport(name, "well", str(Text("on time", "运行中")))
    return PartReport(name, "watch", str(Text("not running; nothing is fired when due", "未运行；到期任务不会触发")))


def _provider(settings: Settings) -> PartReport:
    name = Text("Payments", "支付渠道")
    if settings.is_live:
        return PartReport(name, "note", str(Text("Stripe, live: real money moves", "Stripe 正式环境：真实资金")))
    if settings.stripe_base_url is None:
        return PartReport(name, "note", str(Text("Stripe, test mode: no real money", "Stripe 测试环境：无真实资金")))
    return PartReport(name, "note", str(Text("own sandbox: no real money", "自带沙盒：无真实资金")))


def _moved_clock() -> list[PartReport]:
    moved = clock.now() - datetime.now(UTC)
    if not clock.is_movable() or abs(moved) < _STILL:
        return []
    words = Text("moved by {by}: it is {moment} here", "已调整 {by}：此处为 {moment}")
    return [
        PartReport(Text("Test clock", "测试时钟"), "note", words(by=_span(moved), moment=format_moment(clock.now())))
    ]


def _span(moved: timedelta) -> str:
    sign = "+" if moved > timedelta(0) else "−"
    days, rest = divmod(round(abs(moved).total_seconds()), 86_400)
    hours, minutes = divmod(rest // 60, 60)
    return f"{sign}{days} d {hours:02}:{minutes:02}"

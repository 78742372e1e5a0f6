"""Why a booking, its payment or its cancellation is refused."""

from tandem.kernel.errors import Problem
from tandem.kernel.i18n import Text


class SlotTaken(Problem):
    """The slot was free when listed and is held or booked now. The database decided, one row one winner."""

    status, slug = 409, "slot-taken"
    title = Text("That slot has just been taken", "该号源刚刚被约走")
    mend = Text("Choose another slot.", "请选择其他时段。")


class SlotInThePast(Problem):
    """The slot has begun."""

    status, slug = 409, "slot-in-the-past"
    title = Text("That slot has already begun", "该时段已开始或已过去")
    mend = Text("Choose a later slot.", "请选择之后的时段。")


class AdviceOnlyNotAccepted(Problem):
    """Without evidence of an earlier diagnosis in the specialty a visit gives advice only, and the patient must have
    seen and accepted that label before being charged. Internet Diagnosis and Treatment Measures, article 16."""

    status, slug = 409, "advice-only-not-accepted"
    title = Text(
        "Without evidence of an earlier diagnosis this visit gives advice only: no diagnosis, no prescription",
        "未提供既往明确诊断依据，本次仅提供健康咨询，不作诊断、不开处方",
    )
    mend = Text(
        "File evidence of the diagnosis, or book with accepts_advice_only: true.",
        "请补充既往诊断依据，或以 accepts_advice_only: true 预约。",
    )


class HoldLapsed(Problem):
    """The slot is held for five minutes; after that others may have it."""

    status, slug = 409, "hold-lapsed"
    title = Text("The slot is no longer held for you", "号源保留时间已过")
    mend = Text("Book again.", "请重新预约。")


class NothingToPay(Problem):
    """The appointment is booked, over, or costs nothing."""

    status, slug = 409, "nothing-to-pay"
    title = Text("There is nothing to pay for this appointment", "该预约无需支付")
    mend = Text("Look at the appointment's status.", "请查看预约状态。")


class TooLateToCancel(Problem):
    """The visit has begun; the rule table of refunds knows no cancellation by this party any more."""

    status, slug = 409, "too-late-to-cancel"
    title = Text("The visit has begun and cannot be cancelled", "就诊时间已到，不能取消")
    mend = Text("Talk to the hospital.", "请联系医院。")


class TooEarly(Problem):
    """The moment for this step has not come; `from_at` says when it has."""

    status, slug = 409, "too-early"
    title = Text("It is too early for this", "尚未到可操作的时间")
    mend = Text("Repeat it at or after {from_at}.", "请在 {from_at} 之后重试。")


class NotYourAppointment(Problem):
    """Only the doctor who was booked receives the patient; nobody, and no program, stands in (I-9)."""

    status, slug = 403, "not-your-appointment"
    title = Text("Another doctor was booked for this visit", "该预约属于其他医生")
    mend = Text("The booked doctor does this in person.", "须由所预约的医生本人操作。")

"""Reasons why a contract cannot take the next step."""

from tandem.kernel.errors import Problem
from tandem.kernel.i18n import Text


class SameHand(Problem):
    """Four eyes: whoever proposed it may not approve it (domain.md 3.3)."""

    status, slug = 409, "same-hand"
    title = Text("Whoever proposed it may not approve it", "提议人不得批准同一合同")
    mend = Text("Ask a second person of the operator.", "请由运营方另一人员批准。")


class NotAServingHospital(Problem):
    status, slug = 422, "not-a-serving-hospital"
    title = Text("One of these is no hospital that works on the platform", "所列医院中有未在平台运营的机构")
    mend = Text(
        "Name live hospitals only; the ids that do not fit are listed.", "请仅选择已上线医院；不符合的编号见列表。"
    )


class DatesInvalid(Problem):
    """Ends before it begins or before today, begins more than a year ago or in two, or lasts more than ten."""

    status, slug = 422, "dates-invalid"
    title = Text("A contract cannot have these dates", "合同起止日期无效")
    mend = Text(
        "Correct starts_on or ends_on: it must not be over, nor begin too far away.",
        "请修改 starts_on 或 ends_on：合同不得已到期，开始日期不得过远。",
    )

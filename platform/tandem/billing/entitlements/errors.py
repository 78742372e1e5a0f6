"""Reasons why a benefit cannot be used."""

from tandem.kernel.errors import Problem
from tandem.kernel.i18n import Text


class NoSuchBenefit(Problem):
    """No invitation of that programme is waiting for this person."""

    status, slug = 404, "no-such-benefit"
    title = Text("No such benefit is waiting for you", "没有待您激活的权益")
    mend = Text("Ask your employer which phone number it registered.", "请向单位确认登记的手机号。")


class EntitlementSpent(Problem):
    """Every unit is reserved or consumed."""

    status, slug = 409, "entitlement-spent"
    title = Text("No unit of this benefit is left", "该权益已无可用次数")
    mend = Text("Pay by card, Alipay or WeChat instead.", "请改用银行卡、支付宝或微信支付。")


class EntitlementNotValid(Problem):
    """Not activated, revoked, outside its dates, or for a booking whose units were given back."""

    status, slug = 409, "entitlement-not-valid"
    title = Text("This benefit cannot be used now", "该权益目前不可用")
    mend = Text("Activate it first, and mind its dates.", "请先激活并留意有效期。")


class HospitalOutsideProgramme(Problem):
    """The programme's contract does not name this hospital."""

    status, slug = 409, "hospital-outside-programme"
    title = Text("This hospital does not serve your programme", "该医院不在权益服务范围内")
    mend = Text("Choose a hospital that the programme lists.", "请选择计划内的医院。")

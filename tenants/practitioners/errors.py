"""Why the practitioners' room says no."""

from tandem.kernel.errors import Problem
from tandem.kernel.i18n import Text


class PractitionerNotCleared(Problem):
    """The practitioner may not receive patients in this specialty now; `because` lists what is missing."""

    status, slug = 409, "practitioner-not-cleared"
    title = Text("This practitioner may not receive patients in this specialty", "该医务人员目前不能在此诊疗科目接诊")
    mend = Text("Complete what `because` lists, then try again.", "请补齐 because 所列事项后重试。")


class RealNameCheckDue(Problem):
    """No real-name check today. Internet Diagnosis and Treatment Supervision Rules 2022, article 13."""

    status, slug = 409, "real-name-check-due"
    title = Text("The practitioner has not passed today's real-name check", "该医务人员今日尚未通过实名核验")
    mend = Text(
        "The practitioner passes the check in person, then receives patients.", "请由本人完成实名核验后再接诊。"
    )


class RealNameCheckFailed(Problem):
    """What was shown does not belong to this practitioner."""

    status, slug = 409, "real-name-check-failed"
    title = Text("The check does not match this practitioner", "实名核验与该医务人员不符")
    mend = Text(
        "Only the practitioner may pass the check, with their own identity number.", "仅限本人使用本人身份证号核验。"
    )


class OperatorMayNotPractise(Problem):
    """A licence may not be lent: staff of the operator hold no clinical role (I-3)."""

    status, slug = 409, "operator-may-not-practise"
    title = Text("Staff of the operator may not hold a clinical role", "运营方人员不得担任临床角色")
    mend = Text("Invite somebody who does not work for the operator.", "请邀请非运营方人员。")


class PractitionerAlreadyHere(Problem):
    """The hospital has this person as a practitioner already."""

    status, slug = 409, "practitioner-already-here"
    title = Text("This person is a practitioner of the hospital already", "该人员已是本院医务人员")
    mend = Text("Use the practitioner that is there.", "请使用已有的医务人员记录。")


class CredentialInsufficient(Problem):
    """The credential does not reach what the rules ask; `because` lists it."""

    status, slug = 409, "credential-insufficient"
    title = Text("This credential does not meet the rules for Internet practice", "该执业资质不符合互联网诊疗要求")
    mend = Text("Correct the credential as `because` says, then submit it again.", "请按 because 所列更正后重新提交。")


class NotOnTheStaff(Problem):
    """A practitioner is a member of the hospital's staff first."""

    status, slug = 409, "not-on-the-staff"
    title = Text("This person has no place on the hospital's staff", "该人员不是本院员工")
    mend = Text("Invite the person to the staff first.", "请先邀请其加入本院员工。")


class SubmitterMayNotVerify(Problem):
    """Four eyes: whoever submitted a credential does not verify it."""

    status, slug = 409, "submitter-may-not-verify"
    title = Text("Whoever submitted a credential may not verify it", "资质提交人不得自行核验")
    mend = Text("Have somebody else of medical affairs verify it.", "请由医务部门其他人员核验。")

"""Why the patients' room says no."""

from tandem.kernel.errors import Problem
from tandem.kernel.i18n import Text


class PatientNotRegistered(Problem):
    """The person has no record at this hospital yet."""

    status, slug = 409, "patient-not-registered"
    title = Text("You are not registered at this hospital yet", "您尚未在该医院建档")
    mend = Text("Register at the hospital first.", "请先在该医院建档。")


class PatientAlreadyRegistered(Problem):
    """The hospital has a record for this person, or for this identity number."""

    status, slug = 409, "patient-already-registered"
    title = Text("This identity is registered at the hospital already", "该身份已在该医院建档")
    mend = Text(
        "Use the record that is there; each identity number has one record.",
        "请使用已有档案；每个身份证号仅对应一份档案。",
    )


class GuardianRequired(Problem):
    """Under 14 a guardian consents and signs in. Personal Information Protection Law, article 31."""

    status, slug = 409, "guardian-required"
    title = Text("A guardian must register this child", "须由监护人为该儿童建档")
    mend = Text(
        "An adult registers first, then adds the child as a ward with the relationship.",
        "请由成年监护人先建档，再以监护关系添加该儿童。",
    )


class ChildNeedsPaediatrics(Problem):
    """Under 6: a guardian present and the specialist for children (I-16)."""

    status, slug = 409, "child-needs-paediatrics"
    title = Text("A child under six is seen by a specialist for children", "未满六周岁儿童须由儿科相关专业接诊")
    mend = Text("Choose a paediatric service.", "请选择儿科相关服务。")


class ConsentMissing(Problem):
    """The informed consent in force has not been given (I-12). Internet Diagnosis Rules 2022."""

    status, slug = 409, "consent-missing"
    title = Text("The informed consent in force has not been given", "尚未签署现行知情同意书")
    mend = Text("Read the text named here and give consent to its version.", "请阅读此处列出的文本并同意该版本。")


class ConsentTextOutdated(Problem):
    """The version named is not the one in force."""

    status, slug = 409, "consent-text-outdated"
    title = Text("That is not the version in force", "该版本并非现行版本")
    mend = Text("Read the version named here and decide on it.", "请阅读此处列出的现行版本后再确认。")


class EvidenceAlreadyFiled(Problem):
    """The same document is filed for the same diagnosis."""

    status, slug = 409, "evidence-already-filed"
    title = Text("This document is filed already", "该材料已提交")
    mend = Text("Use the evidence that is there.", "请使用已有的诊断依据。")

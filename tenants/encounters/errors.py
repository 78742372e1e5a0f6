"""Why a step of a consultation is refused."""

from tandem.kernel.errors import Problem
from tandem.kernel.i18n import Text


class EvidenceMissing(Problem):
    """Follow-up care rests on evidence of a definite diagnosis in the same specialty, kept with the record (I-10)."""

    status, slug = 409, "evidence-missing"
    title = Text("There is no evidence of an earlier diagnosis in this specialty", "缺少该诊疗科目的既往明确诊断依据")
    mend = Text(
        "Open it as advice only, ask the patient to file evidence, or refer to a hospital visit.",
        "请按健康咨询接诊、请患者补充依据，或引导线下就诊。",
    )


class AdviceNotAccepted(Problem):
    """Without evidence the visit gives advice only, and the patient did not accept that label before being charged."""

    status, slug = 409, "advice-not-accepted"
    title = Text("The patient has not accepted an advice-only visit", "患者未确认接受“仅咨询、不诊断”")
    mend = Text(
        "Ask the patient to file evidence, or refer to a hospital visit: everything is refunded.",
        "请患者补充诊断依据，或引导线下就诊并全额退款。",
    )


class DiagnosisNotAllowed(Problem):
    """An advice-only visit makes no diagnosis. Internet Diagnosis and Treatment Measures, article 16."""

    status, slug = 409, "diagnosis-not-allowed"
    title = Text("An advice-only visit makes no diagnosis", "健康咨询不得作出诊断")
    mend = Text("Leave diagnosis_code out.", "请勿填写 diagnosis_code。")


class NoteIncomplete(Problem):
    """A consultation is finished with its note: complaint, findings and advice."""

    status, slug = 409, "note-incomplete"
    title = Text("The note is not complete", "病历尚未写完整")
    mend = Text("Write the parts listed in `missing`.", "请补充 missing 所列内容。")


class NoteLocked(Problem):
    """A signed note is never altered; what is to be added is an addendum. Doctors Law, article 24."""

    status, slug = 409, "note-locked"
    title = Text("This note is signed and is never altered", "病历已签名，不可修改")
    mend = Text("Write an addendum.", "请追加补记。")


class NoteNotSigned(Problem):
    """An addendum belongs to a signed note; before that the note itself is written on."""

    status, slug = 409, "note-not-signed"
    title = Text("This note is not signed yet", "病历尚未签名")
    mend = Text("Change the note itself, or sign it first.", "请直接修改病历，或先签名。")

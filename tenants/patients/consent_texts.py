"""The texts a patient consents to, each version kept for good: what was consented to must stay readable.

Source of what they must say: Internet Diagnosis and Treatment Supervision Rules 2022 (rules, limits and risks before
service); Personal Information Protection Law, articles 14 to 17 and 28 to 30 (purpose, necessity, separate consent).
"""

from dataclasses import dataclass
from datetime import date
from hashlib import sha256
from typing import Final

from tandem.kernel.i18n import Text

INTERNET_CARE: Final = "internet_care"
HEALTH_DATA: Final = "health_data"


@dataclass(frozen=True)
class ConsentText:
    """One version of one text, with its first day in force."""

    purpose: str
    version: int
    in_force_from: date
    body: Text

    @property
    def sha256(self) -> str:
        """A fingerprint of both languages, stored with each decision."""
        return sha256(f"{self.body.zh}\n{self.body.en}".encode()).hexdigest()


TEXTS: Final = (
    ConsentText(
        INTERNET_CARE,
        1,
        date(2022, 2, 8),
        Text(
            "Internet care is for follow-up of common and chronic illness that a hospital has already diagnosed. "
            "A first visit gets advice only: no diagnosis and no prescription. Nobody examines you in person, so "
            "findings may be missed; if your condition changes or the doctor judges it unsuitable, the visit ends and "
            "you are sent to a hospital. In an emergency call 120. The doctor is a real, named person. The whole visit "
            "is recorded and kept as a medical record, and the authority may inspect it.",
            "互联网诊疗仅适用于已由医疗机构明确诊断的部分常见病、慢性病复诊。首诊仅提供咨询建议，不作诊断，不开具处方。"
            "由于无法当面查体，可能存在遗漏；病情变化或医师认为不适宜时将终止诊疗并引导至实体医院就诊。急症请拨打120。"
            "接诊医师均为实名本人。诊疗全过程留痕并作为病历保存，接受主管部门监管。",
        ),
    ),
    ConsentText(
        HEALTH_DATA,
        1,
        date(2022, 2, 8),
        Text(
            "The hospital processes your name, identity number, phone and health information in order to identify you, "
            "treat you and keep the medical record that the law asks for. The operator of the platform runs the "
            "computers and cannot read your record. No other hospital, employer or insurer sees it without your "
            "separate consent naming it. You may read and copy your record, and withdraw this consent; what was done "
            "before stays lawful and records the law requires are kept.",
            "医院为识别身份、提供诊疗及依法保存病历之目的，处理您的姓名、身份证号、手机号及健康信息。平台运营方仅提供技术服务，"
            "无法查看您的病历。未经您另行指名同意，其他医院、用人单位、保险机构均不得获取。您可查阅、复制病历，也可撤回本同意；"
            "撤回不影响此前处理的合法性，依法应保存的病历继续保存。",
        ),
    ),
)

PURPOSES: Final = tuple(dict.fromkeys(text.purpose for text in TEXTS))

REQUIRED: Final = (INTERNET_CARE, HEALTH_DATA)
"""Purposes without which no service is given."""


def texts_in_force(day: date) -> list[ConsentText]:
    """The version in force on a day of each purpose that had one by then."""
    return [text_in_force(purpose, day) for purpose in PURPOSES if any(_rules(text, purpose, day) for text in TEXTS)]


def text_in_force(purpose: str, day: date) -> ConsentText:
    """The version in force on a day. Raises KeyError for an unknown purpose or a day before the first version."""
    versions = [text for text in TEXTS if _rules(text, purpose, day)]
    if not versions:
        raise KeyError(purpose)
    return max(versions, key=lambda text: text.version)


def _rules(text: ConsentText, purpose: str, day: date) -> bool:
    return text.purpose == purpose and text.in_force_from <= day

"""The diagnosis-and-treatment subjects a Chinese medical licence registers. 诊疗科目

Source: 《医疗机构诊疗科目名录》 (卫医发〔1994〕第27号), with later additions: the professions of medical
aesthetics (2002), pain medicine (2007), critical care (2009), the second level of stomatology (卫医政发〔2010〕55号).
The codes are the catalogue's own; English names are ours. Third-level projects (such as organ transplants) are
not carried: no Internet hospital may offer them.
"""

import csv
from collections.abc import Collection
from dataclasses import dataclass
from importlib.resources import files
from typing import Final

from tandem.kernel.i18n import Text

PAEDIATRIC_SUBJECTS: Final = frozenset({"07", "08", "09"})
"""First-level subjects for children; under Chinese medicine the profession 50.04 joins them."""
_CHINESE_PAEDIATRICS: Final = "50.04"


@dataclass(frozen=True, slots=True)
class Specialty:
    """One subject of the catalogue: a first-level subject (`03`) or a profession under it (`03.04`)."""

    code: str
    name: Text

    @property
    def subject(self) -> str:
        """The first-level subject it belongs to."""
        return self.code[:2]


def _read() -> dict[str, Specialty]:
    with files("tenants.hospitals").joinpath("specialties.csv").open(encoding="utf-8") as lines:
        return {row["code"]: Specialty(row["code"], Text(row["en"], row["zh"])) for row in csv.DictReader(lines)}


SPECIALTIES: Final = _read()


def covers(registered: Collection[str], specialty: str) -> bool:
    """Whether a registration in these subjects allows work in `specialty`.

    The catalogue's filling rule: a hospital that has divided a subject registers the professions it has; one that has
    not, registers the subject alone. So `03` alone covers `03.04`, but `03` beside `03.01` does not.
    """
    if specialty in registered:
        return True
    subject = specialty[:2]
    is_divided = any(code.startswith(f"{subject}.") for code in registered)
    return specialty in SPECIALTIES and subject in registered and not is_divided


def is_paediatric(specialty: str) -> bool:
    """Whether a specialty is one for children."""
    return specialty[:2] in PAEDIATRIC_SUBJECTS or specialty == _CHINESE_PAEDIATRICS

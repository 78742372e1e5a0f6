"""Consultations: evidence check, visit, note, signature, and the record that the patient may read. 接诊与病历"""

from tenants.encounters.events import EncounterFinished, EncounterSigned
from tenants.encounters.models import Encounter
from tenants.encounters.queries import encounter

__all__ = ["Encounter", "EncounterFinished", "EncounterSigned", "encounter"]

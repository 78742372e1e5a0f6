"""The directory: hospitals and services as the public may find them, in a projection without a private column. 目录"""

from tandem.traffic.directory.commands import (
    HospitalCard,
    PractitionerCard,
    ServiceCard,
    delist_hospital,
    hold,
    list_hospital,
)

__all__ = ["HospitalCard", "PractitionerCard", "ServiceCard", "delist_hospital", "hold", "list_hospital"]

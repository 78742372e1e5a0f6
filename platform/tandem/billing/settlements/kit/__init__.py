"""The recompute kit: all that a hospital or an employer needs to prove a statement without asking the operator. 复算包

`kit_parts` gives a kit's files piece by piece, `zipped` makes one archive of them. A statement's kit is the same to
the byte whenever it is written.
"""

from tandem.billing.settlements.kit.archive import zipped
from tandem.billing.settlements.kit.writing import kit_parts

__all__ = ["kit_parts", "zipped"]

"""Why a key is not issued."""

from tandem.kernel.errors import Problem
from tandem.kernel.i18n import Text


class RoleTooHigh(Problem):
    """Nobody issues a key that may do more than they may themselves; `beyond` lists what is too much."""

    status, slug = 403, "role-too-high"
    title = Text("A key cannot do more than the person who issues it", "密钥权限不能超出签发人自身权限")
    mend = Text("Ask somebody who holds these permissions.", "请由拥有相应权限的人员办理。")

"""Why a step of an agreement is refused."""

from tandem.kernel.errors import Problem
from tandem.kernel.i18n import Text


class TermsFrozen(Problem):
    """What has been proposed is what will be confirmed: proposed terms are never edited."""

    status, slug = 409, "terms-frozen"
    title = Text("These terms were proposed and cannot be changed", "条款已提出，不可修改")
    mend = Text("Draft a new version.", "请起草新版本。")


class AgreementBackdated(Problem):
    """A later version may not rule over moments that an earlier version rules already."""

    status, slug = 409, "agreement-backdated"
    title = Text("These terms would begin in the past", "该条款的生效时间早于现在")
    mend = Text(
        "Draft a version that begins later, or leave effective_from out: it then begins when it is confirmed.",
        "请起草生效时间更晚的版本，或省略 effective_from，使其自确认时生效。",
    )


class AgreementSuperseded(Problem):
    """A version that begins at or after this one is in force."""

    status, slug = 409, "agreement-superseded"
    title = Text("A later version is already in force", "已有更晚的版本生效")
    mend = Text("Draft a version that begins after it.", "请起草在其之后生效的版本。")

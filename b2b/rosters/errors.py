"""Reasons why a roster cannot be taken."""

from tandem.kernel.errors import Problem
from tandem.kernel.i18n import Text


class MemberLeft(Problem):
    status, slug = 409, "member-left"
    title = Text("This member has left already", "该员工已离职")
    mend = Text("Nothing needs to be done.", "无需处理。")

"""Reasons why a package cannot be sold."""

from tandem.kernel.errors import Problem
from tandem.kernel.i18n import Text


class PackageNotOnSale(Problem):
    status, slug = 409, "package-not-on-sale"
    title = Text("This package is not on sale", "该套餐未在售")
    mend = Text("Choose a package from the list on sale.", "请从在售套餐中选择。")


class PackageCodeTaken(Problem):
    status, slug = 409, "package-code-taken"
    title = Text("A package with this code exists", "该套餐编码已存在")
    mend = Text("Choose another code; sold packages are never edited.", "请更换编码；已售套餐不可修改。")

"""Why a file is not imported, and what is wrong with one of its rows."""

from dataclasses import dataclass
from typing import Literal

from tandem.kernel.errors import Problem
from tandem.kernel.i18n import Text


class FileUnreadable(Problem):
    """The bytes are no text in UTF-8, UTF-16 or GB 18030, or no CSV."""

    status, slug = 422, "file-unreadable"
    title = Text("The file could not be read as CSV", "文件无法按 CSV 读取")
    mend = Text("Save it as 'CSV UTF-8' and send it again.", "请另存为“CSV UTF-8”后重新提交。")


class ColumnsMissing(Problem):
    """The header lacks columns without which no row means anything; `missing` names them."""

    status, slug = 422, "columns-missing"
    title = Text("The header row lacks columns", "表头缺少必需的列")
    mend = Text("Name the columns as in 'expected'; their order is free.", "请按 expected 所列命名各列，顺序不限。")


class FileTooLong(Problem):
    """More rows than one import takes."""

    status, slug = 422, "file-too-long"
    title = Text("The file has too many rows", "文件行数过多")
    mend = Text("Split it; one import takes {limit_rows} rows.", "请拆分文件；单次最多导入 {limit_rows} 行。")


@dataclass(frozen=True)
class RowProblem:
    """What is wrong with one row, numbered as a spreadsheet numbers it: the header is row 1.

    An error keeps its row out; a duplicate is left out because an earlier row says the same; a notice is about
    something that was made harmless on the way in.
    """

    row: int
    field: str
    code: str
    reason: Text
    mend: Text
    kind: Literal["error", "duplicate", "notice"] = "error"

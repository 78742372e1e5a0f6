"""Why a file is not imported, and what is wrong with one of its rows: as everywhere where sheets are read."""

from tandem.kernel.sheets import ColumnsMissing, ColumnsRepeated, FileTooLong, FileUnreadable, RowProblem

__all__ = ["ColumnsMissing", "ColumnsRepeated", "FileTooLong", "FileUnreadable", "RowProblem"]

"""Why a document is refused."""

from tandem.kernel.errors import Problem
from tandem.kernel.i18n import Text


class GlyphMissing(Problem):
    """The document's font has no glyph for these characters: it is refused, because a gap would be another name."""

    status, slug = 422, "glyph-missing"
    title = Text("The document's font cannot set some characters", "文档字体不支持部分字符")
    mend = Text(
        "Write the name or text with other characters, or take the XLSX.", "请改用其他字符填写名称或文本，或下载 XLSX。"
    )

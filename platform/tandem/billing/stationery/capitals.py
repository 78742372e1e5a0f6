"""Chinese capital figures, as a finance officer expects beside a total: 壹仟贰佰叁拾肆元伍角陆分.

Source: 《支付结算办法》附件一《正确填写票据和结算凭证的基本规定》 (银发〔1997〕393号), articles 1 to 3.
"""

from typing import Final

_DIGITS: Final = "零壹贰叁肆伍陆柒捌玖"
_PLACES: Final = ("", "拾", "佰", "仟")
_GROUPS: Final = ("", "万", "亿", "万亿", "亿亿")


def capitals(amount_minor: int) -> str:
    """Fen as yuan, jiao and fen in capital figures; a round sum ends with 整."""
    sign = "负" if amount_minor < 0 else ""
    yuan, fen = divmod(abs(amount_minor), 100)
    jiao, fen = divmod(fen, 10)
    whole = _whole(yuan)
    if not jiao and not fen:
        return f"{sign}{whole or '零'}元整"
    said = f"{whole}元" if whole else ""
    if jiao:
        said += f"{_DIGITS[jiao]}角"
    elif whole:
        said += "零"
    return sign + said + (f"{_DIGITS[fen]}分" if fen else "整")


def _whole(yuan: int) -> str:
    groups: list[int] = []
    while yuan:
        yuan, group = divmod(yuan, 10_000)
        groups.append(group)
    said = ""
    for place in range(len(groups) - 1, -1, -1):
        group = groups[place]
        # A gap within the number is read as one zero, however many places it has.
        if said and group and (group < 1_000 or not groups[place + 1]):
            said += "零"
        if group:
            said += _group(group) + _GROUPS[place]
    return said.replace("零零", "零")


def _group(group: int) -> str:
    said, gap = "", False
    for place in (3, 2, 1, 0):
        digit = group // 10**place % 10
        if digit:
            said += ("零" if gap and said else "") + _DIGITS[digit] + _PLACES[place]
        gap = not digit
    return said

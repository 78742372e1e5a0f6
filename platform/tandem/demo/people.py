"""Invented people: names, telephone numbers and identity numbers with right check digits.

Identity numbers are well-formed and name a real district, because the platform checks both;
they are formed from the person's place in the world, so the same seed invents the same people.
"""

import random
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final

FAMILY: Final = (
    "王李张刘陈杨黄赵吴周徐孙马朱胡郭何林高罗郑梁谢宋唐许邓冯韩曹曾彭萧蔡潘田董袁于余叶蒋杜苏魏程吕丁沈任"
    "姚卢傅钟姜崔谭廖范汪陆金石戴贾韦夏邱方侯邹熊孟秦白江阎薛尹段雷黎史龙陶贺顾毛郝龚邵万钱严覃武戚莫孔向"
    "汤"
)
GIVEN: Final = [
    "伟",
    "芳",
    "娜",
    "秀英",
    "敏",
    "静",
    "丽",
    "强",
    "磊",
    "军",
    "洋",
    "勇",
    "艳",
    "杰",
    "娟",
    "涛",
    "明",
    "超",
    "秀兰",
    "霞",
    "平",
    "刚",
    "桂英",
    "建华",
    "文",
    "辉",
    "玲",
    "桂兰",
    "健",
    "丹",
    "萍",
    "鹏",
    "红",
    "颖",
    "俊",
    "宁",
    "婷",
    "浩",
    "宇",
    "欣",
    "雪",
    "晨",
    "瑞",
    "佳",
    "子涵",
    "梓轩",
    "雨桐",
    "思远",
    "一诺",
    "嘉怡",
]
_WEIGHTS: Final = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
_CHECK: Final = "10X98765432"
# Dongcheng district of Beijing: real and well-formed; the people are not.
_DISTRICT: Final = "110101"


@dataclass(frozen=True)
class Invented:
    """Somebody who does not exist."""

    name: str
    phone: str
    id_number: str
    password: str


def invent(world: str, number: int, *, born: tuple[int, int] = (1955, 2004)) -> Invented:
    """The person of that number in that world, always the same."""
    dice = random.Random(f"{world}:{number}")  # noqa: S311 - invented people need no secrets
    name = dice.choice(FAMILY) + dice.choice(GIVEN)
    first, last = date(born[0], 1, 1), date(born[1], 12, 31)
    birthday = first + timedelta(days=dice.randrange((last - first).days))
    head = f"{_DISTRICT}{birthday:%Y%m%d}{dice.randrange(1000):03d}"
    return Invented(
        name,
        f"1{dice.randrange(3, 10)}{dice.randrange(10**9):09d}",
        head + _check_digit(head),
        f"demo-{dice.randrange(10**8):08d}",
    )


def company_code(world: str, number: int) -> str:
    """A unified social credit code with a right check digit (GB 32100-2015) that belongs to nobody."""
    alphabet = "0123456789ABCDEFGHJKLMNPQRTUWXY"
    dice = random.Random(f"{world}:company:{number}")  # noqa: S311 - invented companies need no secrets
    head = "91310000" + "".join(dice.choice(alphabet) for _ in range(9))
    total = sum(alphabet.index(sign) * pow(3, place, 31) for place, sign in enumerate(head))
    return head + alphabet[(31 - total % 31) % 31]


def _check_digit(head: str) -> str:
    total = sum(int(digit) * weight for digit, weight in zip(head, _WEIGHTS, strict=True))
    return _CHECK[total % 11]

"""The hospitals of the demonstration: those named in the sources of docs/decisions, or the rows of a file."""

import csv
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tandem.demo.errors import TooFewHospitals


@dataclass(frozen=True)
class Place:
    """A hospital as a public register names it."""

    name: str
    province_code: str
    province: str
    city_code: str
    city: str
    address: str


def _named(name: str, province: str, city: str, code: str, city_code: str, address: str) -> Place:
    return Place(name, code, province, city_code, city, address)


NAMED: Final = (
    _named("上海市徐汇区中心医院", "上海市", "上海市", "310000", "310100", "徐汇区淮海中路966号"),
    _named("山东省立第三医院", "山东省", "济南市", "370000", "370100", "天桥区无影山中路11号"),
    _named("阜阳市人民医院", "安徽省", "阜阳市", "340000", "341200", "颍州区三清路501号"),
    _named("郑州大学第一附属医院", "河南省", "郑州市", "410000", "410100", "二七区建设东路1号"),
    _named("喀什地区第一人民医院", "新疆维吾尔自治区", "喀什地区", "650000", "653100", "喀什市迎宾大道120号"),
    _named("西安市人民医院", "陕西省", "西安市", "610000", "610100", "新城区解放路21号"),
    _named("北京协和医院", "北京市", "北京市", "110000", "110100", "东城区帅府园1号"),
    _named("首都医科大学附属北京友谊医院", "北京市", "北京市", "110000", "110100", "西城区永安路95号"),
    _named("清华大学附属北京清华长庚医院", "北京市", "北京市", "110000", "110100", "昌平区立汤路168号"),
    _named("上海儿童医学中心", "上海市", "上海市", "310000", "310100", "浦东新区东方路1678号"),
    _named("上海市第六人民医院", "上海市", "上海市", "310000", "310100", "徐汇区宜山路600号"),
    _named("上海市第九人民医院", "上海市", "上海市", "310000", "310100", "黄浦区制造局路639号"),
    _named("上海市儿童医院", "上海市", "上海市", "310000", "310100", "普陀区泸定路355号"),
    _named("中国人民解放军总医院", "北京市", "北京市", "110000", "110100", "海淀区复兴路28号"),
    _named("空军军医大学西京医院", "陕西省", "西安市", "610000", "610100", "新城区长乐西路127号"),
    _named("北京大学第一医院", "北京市", "北京市", "110000", "110100", "西城区西什库大街8号"),
    _named("复旦大学附属中山医院", "上海市", "上海市", "310000", "310100", "徐汇区枫林路180号"),
    _named("上海交通大学医学院附属瑞金医院", "上海市", "上海市", "310000", "310100", "黄浦区瑞金二路197号"),
    _named("复旦大学附属华山医院", "上海市", "上海市", "310000", "310100", "静安区乌鲁木齐中路12号"),
    _named("四川大学华西医院", "四川省", "成都市", "510000", "510100", "武侯区国学巷37号"),
)


def places(count: int, file: Path | None) -> list[Place]:
    """The first `count` hospitals, of the file if one is given. Raises TooFewHospitals."""
    known = list(NAMED) if file is None else _of_file(file)
    if len(known) < count:
        hint = "name a file with --from" if file is None else "the file has no more"
        raise TooFewHospitals(f"{count} hospitals were asked for and {len(known)} are known; {hint}")
    return known[:count]


def _of_file(file: Path) -> list[Place]:
    with file.open(encoding="utf-8-sig", newline="") as lines:
        found = {
            (row["name"].strip(), row["city"].strip()): Place(
                row["name"].strip(),
                row["province_code"].strip(),
                row["province"].strip(),
                row["city_code"].strip(),
                row["city"].strip() or row["province"].strip(),
                row["address"].strip() or row["city"].strip() or row["province"].strip(),
            )
            for row in csv.DictReader(lines)
        }
    return list(found.values())

"""An employer buys: applies, is admitted, signs a contract, uploads its roster; its people accept their benefit."""

import csv
import io
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any, Final

from tandem.demo.admission import Desk, House, signed_in
from tandem.demo.caller import Caller
from tandem.demo.errors import Refused, Stuck
from tandem.demo.people import Invented, company_code, invent

PACKAGE: Final = {
    "name_zh": "互联网复诊套餐",
    "name_en": "Online follow-up package",
    "units_per_member": 3,
    "price_per_member": {"amount_minor": 19_800, "currency": "CNY"},
    "valid_days": 365,
}
EMPLOYERS: Final = ("山东高速集团有限公司", "中国建筑第八工程局有限公司", "华东人力资源服务有限公司")
"""After the enterprises named in the sources (domain notes 1.2, S4); numbers and people are invented."""

WAIT_SECONDS: Final = 120


@dataclass
class Employer:
    """An employer with a contract in force."""

    id: str
    name: str
    admin: Invented
    caller: Caller
    contract_id: str
    programme_id: str


def open_employer(
    public: Caller,
    desk: Desk,
    houses: Sequence[House],
    *,
    number: int,
    world: str,
    staff: Sequence[Invented],
    today: date,
) -> Employer:
    """Take an employer from its application to a programme in which everybody on the roster has units."""
    name = EMPLOYERS[number % len(EMPLOYERS)]
    admin = invent(f"employer:{name}", 0)
    employer_id = _admit(public, desk, name, number, admin)
    caller = signed_in(public, "employer", admin)
    _upload(caller, world, staff, today)
    contract = _contract(desk, caller, employer_id, world, houses, today)
    return Employer(employer_id, name, admin, caller, contract["id"], contract["programme_id"])


def accept_benefit(caller: Caller, programme_id: str) -> dict[str, Any]:
    """The member's own consent; waits until the grant has reached the programme."""
    until = time.monotonic() + WAIT_SECONDS
    while True:
        waiting = [
            each for each in caller.get("/api/patient/v1/benefits")["data"] if each["programme_id"] == programme_id
        ]
        if waiting:
            break
        if time.monotonic() > until:
            raise Stuck(f"no benefit of {programme_id} arrived")
        time.sleep(0.5)
    if waiting[0]["status"] == "activated":
        return dict(waiting[0])
    wish = {"consent_version": "2026-01", "accepts": True}
    return dict(caller.post(f"/api/patient/v1/benefits/{programme_id}/activations", wish))


def _admit(public: Caller, desk: Desk, name: str, number: int, admin: Invented) -> str:
    wish = {
        "kind": "employer",
        "name": name,
        "uscc": company_code("demo", number),
        "applicant": {"name": admin.name, "login": admin.phone, "password": admin.password},
    }
    try:
        public.post("/api/public/v1/applications", wish)
    except Refused as refused:
        if refused.slug != "organization-exists":
            raise
    at_home = signed_in(public, "employer", admin)
    mine = at_home.get("/api/employer/v1/organization")
    if mine["status"] == "live":
        return str(mine["id"])
    at_home.post("/api/employer/v1/organization/submissions")
    base = f"/api/operator/v1/organizations/{mine['id']}"
    desk.staff.post(f"{base}/reviews")
    for requirement in desk.staff.get(f"{base}/requirements")["data"]:
        if requirement["status"] == "unmet":
            desk.supervisor.put(
                f"{base}/requirements/{requirement['code']}",
                {"status": "met", "evidence": "国家企业信用信息公示系统查询"},
            )
    desk.supervisor.post(f"{base}/approvals")
    desk.supervisor.post(f"{base}/activations")
    return str(mine["id"])


def _upload(caller: Caller, world: str, staff: Sequence[Invented], today: date) -> None:
    sheet = io.StringIO()
    writer = csv.writer(sheet)
    writer.writerow(["工号", "姓名", "手机号", "入职日期", "离职日期"])
    for number, who in enumerate(staff):
        writer.writerow([f"{world}-{number:05d}", who.name, who.phone, str(today - timedelta(days=500)), ""])
    caller.upload("/api/employer/v1/rosters", sheet.getvalue().encode("gb18030"))


def _contract(
    desk: Desk, caller: Caller, employer_id: str, world: str, houses: Sequence[House], today: date
) -> dict[str, Any]:
    package = _package(desk, world)
    base = f"/api/operator/v1/employers/{employer_id}/contracts"
    drafted = desk.staff.post(
        base,
        {"package_id": package["id"], "hospital_ids": [house.id for house in houses][:200], "starts_on": str(today)},
    )
    desk.staff.post(f"{base}/{drafted['id']}/proposals")
    caller.post(f"/api/employer/v1/contracts/{drafted['id']}/signatures")
    return dict(desk.supervisor.post(f"{base}/{drafted['id']}/approvals"))


def _package(desk: Desk, world: str) -> dict[str, Any]:
    code = f"follow-up-{world}".lower()[:40]
    known = [each for each in desk.staff.all("/api/operator/v1/packages") if each["code"] == code]
    if known:
        return dict(known[0])
    drafted = desk.staff.post("/api/operator/v1/packages", {"code": code, **PACKAGE})
    return dict(desk.staff.post(f"/api/operator/v1/packages/{drafted['id']}/moves", {"status": "on_sale"}))

"""Why a hospital's house says no."""

from tandem.kernel.errors import Problem
from tandem.kernel.i18n import Text


class LicenceNotValid(Problem):
    """There is no licence, or it is not verified, suspended or revoked; `licence_status` says which."""

    status, slug = 409, "licence-not-valid"
    title = Text("The hospital has no valid licence for that day", "该医院在该日期没有有效的执业许可")
    mend = Text("Record the licence and have the operator verify it.", "请登记执业许可证并由运营方核验。")


class LicenceExpired(LicenceNotValid):
    """The licence's dates do not cover the day asked for."""

    status, slug = 409, "licence-expired"
    title = Text("The hospital's licence does not cover that day", "该医院的执业许可有效期不覆盖该日期")
    mend = Text("Record the renewed licence and have it verified.", "请登记换发后的许可证并完成核验。")


class SpecialtyNotRegistered(Problem):
    """The licence does not register this specialty. Medical Institutions Regulations, article 27."""

    status, slug = 409, "specialty-not-registered"
    title = Text("The licence does not register this specialty", "执业许可未登记该诊疗科目")
    mend = Text("Choose one of the registered specialties listed here.", "请选择此处列出的已登记诊疗科目。")


class LicenceNameMismatch(Problem):
    """The licensed name is not the name the hospital goes by here. Medical Institutions Regulations, article 15."""

    status, slug = 409, "licence-name-mismatch"
    title = Text("The licence is in another name than the hospital's", "许可证上的机构名称与平台登记名称不一致")
    mend = Text(
        "The name on the platform must be the licensed name: correct whichever is wrong.",
        "平台名称必须与许可名称一致，请更正有误的一方。",
    )


class LicenceAlreadyRecorded(Problem):
    """The same licence (number and first day) is recorded already."""

    status, slug = 409, "licence-already-recorded"
    title = Text("This licence is recorded already", "该许可证已登记")
    mend = Text(
        "Correct the recorded one, or record the renewal with its own dates.",
        "请更正已登记的许可证，或按新有效期登记换发证。",
    )


class LicenceSettled(Problem):
    """A licence is corrected only until it is looked at."""

    status, slug = 409, "licence-settled"
    title = Text("This licence has been looked at and is no longer changed", "该许可证已核验，不可再修改")
    mend = Text("Record a new licence.", "请登记新的许可证。")


class DepartmentNameTaken(Problem):
    status, slug = 409, "department-name-taken"
    title = Text("The hospital has a department of that name", "该医院已有同名科室")
    mend = Text("Choose another name.", "请使用其他名称。")

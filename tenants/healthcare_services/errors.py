"""Why a service is refused."""

from tandem.kernel.errors import Problem
from tandem.kernel.i18n import Text


class ServiceNotOffered(Problem):
    """The service exists and is not for booking: a draft, or retired."""

    status, slug = 409, "service-not-offered"
    title = Text("This service is not offered now", "该服务目前未开放")
    mend = Text("Choose another service.", "请选择其他服务。")


class ServiceIsPublished(Problem):
    """What patients have been shown is not reworded: only price and description change after publication."""

    status, slug = 409, "service-is-published"
    title = Text("A published service keeps its nature", "已发布的服务不可变更性质")
    mend = Text(
        "Change price or description only, or retire it and write a new one.", "仅可修改价格与说明，或停用后另建服务。"
    )


class ServiceNameTaken(Problem):
    status, slug = 409, "service-name-taken"
    title = Text("The hospital has a service of that name", "该医院已有同名服务")
    mend = Text("Choose another name.", "请使用其他名称。")

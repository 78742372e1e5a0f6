"""Why a step about staff is refused."""

from tandem.kernel.errors import Problem
from tandem.kernel.i18n import Text


class LastAdministrator(Problem):
    """An organisation is never left without somebody who can administer it."""

    status, slug = 409, "last-administrator"
    title = Text("This is the organisation's last administrator", "这是该机构最后一名管理员")
    mend = Text("Make somebody else an administrator first.", "请先指定另一名管理员。")


class RoleUnknown(Problem):
    """No role of that name can be given in this organisation."""

    status, slug = 422, "role-unknown"
    title = Text("This organisation has no such role", "该机构没有此角色")
    mend = Text("Choose from 'roles'.", "请从 roles 中选择。")


class LicenceMayNotBeLent(Problem):
    """Operator staff hold no clinical role anywhere (Medical Institutions Regulations, art. 23)."""

    status, slug = 409, "licence-may-not-be-lent"
    title = Text("Operator staff cannot take a clinical role in a hospital", "运营方人员不得在医院担任医疗岗位")
    mend = Text("Invite a member of the hospital's own staff.", "请邀请医院自有人员。")


class AlreadyStaff(Problem):
    """The person holds a seat in this organisation already."""

    status, slug = 409, "already-staff"
    title = Text("This person is already on the staff", "该人员已是本机构成员")
    mend = Text("Change their roles instead.", "请直接调整其角色。")

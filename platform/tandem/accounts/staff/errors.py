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


class LoginTaken(Problem):
    """The login belongs to somebody, and the password given is not theirs."""

    status, slug = 409, "login-taken"
    title = Text("This login is already in use", "该登录名已被使用")
    mend = Text(
        "If it is yours, give the password that it has; otherwise choose another login.",
        "如属本人，请填写其现有密码；否则请更换登录名。",
    )


class AlreadyStaff(Problem):
    """The person holds a seat in this organisation already."""

    status, slug = 409, "already-staff"
    title = Text("This person is already on the staff", "该人员已是本机构成员")
    mend = Text("Change their roles instead.", "请直接调整其角色。")


class RoleTooHigh(Problem):
    """Nobody hands out more than they hold: `beyond` lists the permissions that are too much."""

    status, slug = 403, "role-too-high"
    title = Text("You cannot give more than you may do yourself", "不能授予超出自身权限的角色")
    mend = Text("Ask somebody who holds these permissions.", "请由拥有相应权限的人员办理。")

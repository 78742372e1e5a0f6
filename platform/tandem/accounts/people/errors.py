"""Why somebody is not let in. Wrong login and wrong password are one answer."""

from tandem.kernel.errors import Problem
from tandem.kernel.i18n import Text


class SignInRefused(Problem):
    """No such login, a wrong password, or no place of that kind: the words and the time are the same."""

    status, slug = 401, "sign-in-refused"
    title = Text("Login or password is wrong", "登录名或密码不正确")
    mend = Text("Check both, and that you sign in at the right door.", "请核对登录名、密码及登录入口。")


class SignInLocked(Problem):
    """Too many failures for this login; it rests, for everybody who tries it."""

    status, slug = 429, "sign-in-locked"
    title = Text("Too many failed sign-ins for this login", "该登录名失败次数过多，已暂时锁定")
    mend = Text("Wait until 'locked_until', then try again.", "请在 locked_until 之后重试。")


class LoginTaken(Problem):
    """The login belongs to somebody, and the password given is not theirs."""

    status, slug = 409, "login-taken"
    title = Text("This login is already in use", "该登录名已被使用")
    mend = Text(
        "If it is yours, give the password that it has; otherwise choose another login.",
        "如属本人，请填写其现有密码；否则请更换登录名。",
    )


class PasswordWrong(Problem):
    """A change to the login needs the present password."""

    status, slug = 403, "password-wrong"
    title = Text("The present password is wrong", "当前密码不正确")
    mend = Text("Give the password you sign in with.", "请填写登录密码。")

"""Why a sign-in is refused. Wrong login and wrong password are one answer."""

from tandem.kernel.errors import Problem
from tandem.kernel.i18n import Text


class SignInRefused(Problem):
    """No such login, a wrong password, or no place of that kind: the words and the time are the same."""

    status, slug = 401, "sign-in-refused"
    title = Text("Login or password is wrong", "登录名或密码不正确")
    mend = Text("Check both, and that you sign in at the right door.", "请核对登录名、密码及登录入口。")


class SecondFactorNeeded(Problem):
    """The password fits; the person has enrolled a second factor and its code is missing or wrong."""

    status, slug = 401, "second-factor-needed"
    title = Text("A one-time code is needed", "需要一次性验证码")
    mend = Text("Send the current code of your authenticator as 'totp'.", "请在 totp 字段填写验证器当前的验证码。")


class SignInLocked(Problem):
    """Too many failures for this login; it rests, for everybody who tries it."""

    status, slug = 429, "sign-in-locked"
    title = Text("Too many failed sign-ins for this login", "该登录名失败次数过多，已暂时锁定")
    mend = Text("Wait until 'locked_until', then try again.", "请在 locked_until 之后重试。")


class PlaceNeeded(Problem):
    """The person has several places behind this door; `tenant_ids` lists them."""

    status, slug = 409, "place-needed"
    title = Text("Choose the organisation to sign in to", "请选择要登录的机构")
    mend = Text("Repeat with one of 'tenant_ids' as 'tenant_id'.", "请在 tenant_id 中填写 tenant_ids 之一后重试。")


class CodeWrong(Problem):
    """The one-time code does not fit the secret."""

    status, slug = 422, "code-wrong"
    title = Text("The one-time code does not fit", "验证码不匹配")
    mend = Text("Check your authenticator's clock and send its current code.", "请检查验证器时间并填写当前验证码。")


class PasswordWrong(Problem):
    """A change to the login needs the present password."""

    status, slug = 403, "password-wrong"
    title = Text("The present password is wrong", "当前密码不正确")
    mend = Text("Give the password you sign in with.", "请填写登录密码。")

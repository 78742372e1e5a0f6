"""Why a session is not opened, or a second factor not set."""

from tandem.kernel.errors import Problem
from tandem.kernel.i18n import Text


class SecondFactorNeeded(Problem):
    """The password fits; the person has enrolled a second factor and its code is missing or wrong."""

    status, slug = 401, "second-factor-needed"
    title = Text("A one-time code is needed", "需要一次性验证码")
    mend = Text("Send the current code of your authenticator as 'totp'.", "请在 totp 字段填写验证器当前的验证码。")


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


class PersonNeeded(Problem):
    """A machine's key has no login, password or second factor."""

    status, slug = 403, "person-needed"
    title = Text("Only a signed-in person can do this", "仅限登录人员本人操作")
    mend = Text("Sign in with a login and password.", "请使用登录名和密码登录。")

"""Why an organisation's step is refused."""

from tandem.kernel.errors import Problem
from tandem.kernel.i18n import Text


class OrganizationNotLive(Problem):
    """Work is asked of an organisation that is not admitted, or is suspended."""

    status, slug = 409, "organization-not-live"
    title = Text("This organisation is not live on the platform", "该机构当前未在平台上线")
    mend = Text("It must be admitted, or its suspension lifted, first.", "须先完成准入或解除暂停。")


class OrganizationExists(Problem):
    """An organisation of this name and place, or of this USCC, is on the platform already."""

    status, slug = 409, "organization-exists"
    title = Text("This organisation is already on the platform", "该机构已在平台登记")
    mend = Text(
        "Ask its administrator to invite you, or correct the name, city or USCC.",
        "请联系该机构管理员邀请您加入，或更正名称、城市、统一社会信用代码。",
    )


class RequirementsMissing(Problem):
    """The step needs requirements that are neither met nor waived; `missing` lists their codes."""

    status, slug = 409, "requirements-missing"
    title = Text("Requirements are still missing", "仍有准入条件未满足")
    mend = Text("Meet what 'missing' lists, then repeat this step.", "请先满足 missing 所列条件，再重试。")


class SecondPersonNeeded(Problem):
    """Four eyes: whoever did the step before may not do this one."""

    status, slug = 409, "second-person-needed"
    title = Text("A second person must take this step", "此步骤须由另一人办理")
    mend = Text(
        "Ask a colleague who did not take the step named in 'done_before'.",
        "请由未经办 done_before 所列步骤的同事办理。",
    )


class RequirementUnknown(Problem):
    """The organisation has no such requirement on its list."""

    status, slug = 404, "requirement-unknown"
    title = Text("This organisation has no such requirement", "该机构没有此项准入条件")
    mend = Text("Use one of the codes in 'codes'.", "请使用 codes 所列的条件代码。")

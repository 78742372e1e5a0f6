"""Why a journal is refused. Each refusal is one item's: the rest of a batch goes on."""

from tandem.kernel.errors import Problem
from tandem.kernel.i18n import Text


class JournalRefused(Problem):
    """Ancestor of every reason not to post one journal."""

    status, slug = 422, "journal-refused"
    title = Text("This journal cannot be posted", "该凭证无法入账")
    mend = Text("Correct the journal as the reason says, and post it again.", "请按所述原因更正凭证后重新入账。")


class JournalUnbalanced(JournalRefused):
    slug = "journal-unbalanced"
    title = Text("Debits and credits do not add up to zero", "借贷不平衡")
    mend = Text("Let the signed amounts of all lines sum to zero.", "请使各分录的带符号金额之和为零。")


class JournalTooShort(JournalRefused):
    slug = "journal-too-short"
    title = Text("A journal has at least two lines, none of them zero", "凭证至少两条分录且金额不得为零")
    mend = Text("Leave out lines without an amount.", "请去掉金额为零的分录。")


class PostingRuleUnknown(JournalRefused):
    slug = "posting-rule-unknown"
    title = Text("No posting rule of this name was in force then", "当时没有此名称的有效记账规则")
    mend = Text("Use a rule of the list, or a later date.", "请使用规则列表中的规则或更晚的日期。")


class RuleAmountUnknown(JournalRefused):
    """Facts: the rule, and the amount that it asks for or does not know."""

    slug = "rule-amount-unknown"
    title = Text("The posting rule and the amounts given do not fit", "所给金额与记账规则不符")
    mend = Text("Give exactly the amounts that the rule names.", "请恰好提供规则所列的金额。")


class RulePartyUnknown(JournalRefused):
    """Facts: the rule, and the party or word that it asks for or does not know."""

    slug = "rule-party-unknown"
    title = Text("The posting rule and the parties given do not fit", "所给往来单位与记账规则不符")
    mend = Text("Give exactly the parties and words that the rule names.", "请恰好提供规则所列的往来单位与用词。")


class AccountUnknown(JournalRefused):
    slug = "account-unknown"
    title = Text("The chart of accounts has no such account", "会计科目不存在")
    mend = Text("Use an account of the chart.", "请使用科目表中的科目。")


class AccountClosed(JournalRefused):
    status, slug = 409, "account-closed"
    title = Text("This account is closed", "该科目已关闭")
    mend = Text("Post to its successor.", "请记入其后继科目。")


class PartyMismatch(JournalRefused):
    slug = "party-mismatch"
    title = Text("This account is kept by party, or must not be", "该科目的往来单位填写不符")
    mend = Text("Name the party where the chart asks for one, and nowhere else.", "仅在科目要求时填写往来单位。")


class CurrencyUnknown(JournalRefused):
    slug = "currency-unknown"
    title = Text("There is no book in this currency", "不支持该币种的账簿")
    mend = Text("Use an ISO 4217 currency the platform keeps.", "请使用平台支持的 ISO 4217 币种。")


class JournalKeyReused(JournalRefused):
    status, slug = 409, "journal-key-reused"
    title = Text("This key was used for a journal that says something else", "该键已用于内容不同的凭证")
    mend = Text("A new fact takes a new key; correct the old one with a reversal.", "新事实请用新键；更正请用冲销。")


class AlreadyReversed(JournalRefused):
    status, slug = 409, "already-reversed"
    title = Text("This journal has been reversed already", "该凭证已被冲销")
    mend = Text("Adjust with a new journal if something is still wrong.", "如仍有误，请用新凭证调整。")


class ReversalIsFinal(JournalRefused):
    status, slug = 409, "reversal-is-final"
    title = Text("A reversal is not reversed", "冲销凭证不可再冲销")
    mend = Text("Post the original fact again under a new key.", "请以新键重新记录原事实。")


class MoneyMixed(JournalRefused):
    """Patients' medical money and the operator's cash in one journal (segregation of funds, money.md N5)."""

    slug = "money-mixed"
    title = Text("A patient's medical money never enters an account of the operator", "患者医疗资金不得进入运营方账户")
    mend = Text("It is paid to the hospital's own provider account.", "医疗费用应直接支付至医院自有收款账户。")


class BalanceLimitReached(JournalRefused):
    """The balance would leave the account's limits. Facts: the account, its balance (debit positive), the limits."""

    status, slug = 409, "balance-limit-reached"
    title = Text("The account's balance may not go that far", "该科目余额将超出限额")
    mend = Text("Move no more than the balance and its limits allow.", "变动金额不得超出余额与限额允许的范围。")


class BookFrozen(JournalRefused):
    """Nothing is posted until it is thawed; what was decided meanwhile waits for that, and none of it is lost."""

    waits_seconds = 300
    status, slug = 409, "book-frozen"
    title = Text("This book is frozen", "账簿已冻结")
    mend = Text("Ask the operator's supervisor why, and when it opens.", "请向运营主管了解原因与解冻时间。")


class HoldNotPossible(JournalRefused):
    """Facts: the account, and the accounts whose money can be held."""

    slug = "hold-not-possible"
    title = Text("Money of this account is not held", "该科目的资金不支持冻结")
    mend = Text("Hold money of an account named in holdable.", "请选择可冻结的科目（见 holdable）。")


class HoldKeyReused(JournalRefused):
    status, slug = 409, "hold-key-reused"
    title = Text("This key was used for another hold", "该键已用于其他冻结")
    mend = Text("A new hold takes a new key.", "新的冻结请使用新键。")


class HoldExpired(JournalRefused):
    status, slug = 409, "hold-expired"
    title = Text("The hold's time has run out", "冻结已过期")
    mend = Text("Place a new hold.", "请重新冻结。")


class HoldTooSmall(JournalRefused):
    """Facts: what is left of the hold, in minor units."""

    status, slug = 409, "hold-too-small"
    title = Text("More was asked for than is held", "扣划金额超过冻结余额")
    mend = Text(
        "Capture at most what is left (left_minor), and more than nothing.",
        "扣划金额须大于零且不超过冻结余额（left_minor）。",
    )


class AccountNotEmpty(JournalRefused):
    """Facts: the balance (debit positive)."""

    status, slug = 409, "account-not-empty"
    title = Text("The account still has a balance", "该科目仍有余额")
    mend = Text("Name a successor that takes the balance over.", "请指定承接余额的后继科目。")

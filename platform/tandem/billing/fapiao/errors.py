"""Why a fapiao or a receipt is refused."""

from tandem.kernel.errors import Problem
from tandem.kernel.i18n import Text


class FapiaoTooLarge(Problem):
    """More than what is left of the invoice, or of one of its lines, without a fapiao. `line` 0 is the whole."""

    status, slug = 409, "fapiao-too-large"
    title = Text("Fapiao would say more than the invoice", "开票金额超过账单可开余额")
    mend = Text(
        "Ask for at most what is left to invoice (left_minor); or take another fapiao back first.",
        "开票金额不得超过剩余可开金额（left_minor）；或先红冲其他发票。",
    )


class FapiaoNotPossible(Problem):
    """Only issued invoices have fapiao, and only issued blue ones are taken back."""

    status, slug = 409, "fapiao-not-possible"
    title = Text("There is nothing here to make a fapiao of", "当前状态不可开具或红冲发票")
    mend = Text("Issue the invoice first; take back an issued blue fapiao.", "请先开具账单；仅已开具的蓝字发票可红冲。")


class FapiaoNumberTaken(Problem):
    """That code and number stand on another fapiao of this customer."""

    status, slug = 409, "fapiao-number-taken"
    title = Text("This number stands on another fapiao", "该发票号码已被占用")
    mend = Text("Check the code and number on the fapiao itself.", "请核对发票代码与号码。")


class BuyerUnknown(Problem):
    """A fapiao names the buyer and, a special one, its tax number."""

    status, slug = 422, "fapiao-buyer-unknown"
    title = Text("The invoice does not name its buyer well enough", "账单购买方信息不完整")
    mend = Text("Complete the customer's name and tax number and issue anew.", "请补全客户名称与税号后重新开具账单。")


class MedicalReceiptExists(Problem):
    """That number was recorded with another file or payment."""

    status, slug = 409, "medical-receipt-exists"
    title = Text("This receipt number was recorded already", "该票据号码已登记")
    mend = Text("Check the number on the receipt.", "请核对票据号码。")

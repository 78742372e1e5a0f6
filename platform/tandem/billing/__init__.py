"""From use to money: rooms stacked in the order money flows, ledger at the bottom. 计费与结算"""

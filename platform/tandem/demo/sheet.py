"""Printing."""


def print_account(account):
    print(account)

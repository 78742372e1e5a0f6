"""The operator's platform: accounts, money, traffic and the kernel on which every house stands."""

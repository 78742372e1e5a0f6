"""Why a server of ours would not start."""


class ServerRefused(RuntimeError):
    """The server cannot run here. The message is one line for people: what is wrong and how to mend it."""

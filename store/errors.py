"""
What the store raises when it cannot do what was asked.

All of them are our own trouble: a sender sees 4xx at most (promise 1).

Pure: no I/O, no clock, no chance.
"""


class StoreError(Exception):
    """Any trouble of the store; its text is one plain sentence for operators."""


class StoreUnavailable(StoreError):
    """
    The store cannot be written (or read) now: locked, full, gone, or below its reserve of disk.

    ``full``: the disk, a quota or the reserve is used up; waiting alone does not help.
    """

    def __init__(self, text: str, *, full: bool = False) -> None:
        super().__init__(text)
        self.full = full


class StoreLocked(StoreError):
    """Another process serves from this store."""


class StoreMismatch(StoreError):
    """The store's schema is of another version than this program."""


class ContentDamaged(StoreError):
    """A stored content is missing, torn or altered. Trying again will not mend it."""


class ClaimLost(StoreError):
    """The recipient is no longer ours: its claim was given back or taken over. Do not send the final dot."""

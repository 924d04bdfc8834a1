"""
The table ``[store]`` of the configuration.

Pure: no I/O, no clock, no chance.
"""

from pathlib import Path

from pydantic import BaseModel, ConfigDict

from store.units import Lasting, Size, SomeOctets


class Retention(BaseModel):
    """``[store.retention]``: how long each kind of thing is kept (promise 9)."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    contents: Lasting = 30 * 86400.0  # after the last recipient of the message settled
    reports: Lasting = 30 * 86400.0  # raw bounce mails
    events: Lasting = 400 * 86400.0  # events, recipients and messages
    transcripts: Lasting = 7 * 86400.0  # what was said in attempts to deliver
    webhook_calls: Lasting = 7 * 86400.0  # what was told to webhooks, and their answers
    opens: Lasting = 30 * 86400.0  # addresses and agents of opens, kept in mode "full" only


class StoreSettings(BaseModel):
    """``[store]``."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    url: str = "sqlite:///var/homing.db"
    contents: Path = Path("var/contents")  # segment files; SQLite only
    segment_size: SomeOctets = 64 * 1024**2
    lease: Lasting = 60.0  # a node that has not been heard of for so long has lost what it claimed
    reserve: Size = 200 * 1024**2  # free disk below which no new mail is taken
    retention: Retention = Retention()

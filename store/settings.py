"""
The table ``[store]`` of the configuration.

Pure: no I/O, no clock, no chance.
"""

from pathlib import Path

from pydantic import BaseModel, ConfigDict

from store.units import Duration, Size


class Retention(BaseModel):
    """``[store.retention]``: how long each kind of thing is kept (promise 9)."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    contents: Duration = 30 * 86400.0  # after the last recipient of the message settled
    reports: Duration = 30 * 86400.0  # raw bounce mails
    events: Duration = 400 * 86400.0  # events, recipients and messages
    opens: Duration = 30 * 86400.0  # addresses and agents of opens, kept in mode "full" only


class StoreSettings(BaseModel):
    """``[store]``."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    url: str = "sqlite:///var/homing.db"
    contents: Path = Path("var/contents")  # segment files; SQLite only
    segment_size: Size = 64 * 1024**2
    lease: Duration = 60.0  # a node that has not been heard of for so long has lost what it claimed
    reserve: Size = 200 * 1024**2  # free disk below which no new mail is taken
    retention: Retention = Retention()

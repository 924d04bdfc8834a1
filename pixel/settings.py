"""
The table ``[pixel]`` of the configuration.

Pure: no I/O, no clock, no chance.
"""

from pydantic import BaseModel, ConfigDict

from store.nouns import TrackingMode
from store.units import Duration


class PixelSettings(BaseModel):
    """``[pixel]``."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    listen: tuple[str, ...] = ("127.0.0.1:8025",)
    base_url: str = "http://127.0.0.1:8025"  # what recipients' mail programs load from
    tracking: TrackingMode = TrackingMode.VERDICT
    trusted_proxies: tuple[str, ...] = ()  # networks whose X-Forwarded-For and Forwarded are believed
    own_networks: tuple[str, ...] = ()  # office networks: their loads never count
    buffer: int = 10_000  # opens that wait in memory while the store cannot be written
    view_window: Duration = 30.0  # loads of one pixel within this time are one view

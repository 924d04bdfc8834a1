"""
The table ``[bounce]`` of the configuration.

Pure: no I/O, no clock, no chance.
"""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from store.units import Count, Lasting, Size, SomeOctets


class BounceSettings(BaseModel):
    """``[bounce]``."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    listen: tuple[str, ...] = ("127.0.0.1:2526",)
    domain: str = ""  # domain of the return paths, its MX is this listener; "" is relay.hostname
    aligned_domains: tuple[str, ...] = ()  # further ones, for senders whose From domain they belong to
    return_path_lifetime: Lasting = 33 * 86400.0  # counted from acceptance: relay.delivery.max_age and 30 days
    max_report_size: SomeOctets = 1024**2
    raw_copy: Size = 256 * 1024  # octets of each report that are kept
    reports_per_recipient: Count = 20  # a day; more are answered 452
    role_mail: int = Field(default=200, ge=0)  # mails to postmaster@ and abuse@ kept a day; more are answered 452
    forward: Literal["none", "bounces", "all"] = "none"  # a copy to the original sender; "all": replies as well
    forwards_per_recipient: int = Field(default=5, ge=0)  # copies a day
    connections: Count = 200
    connections_per_address: Count = 10

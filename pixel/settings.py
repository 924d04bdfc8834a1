"""
The table ``[pixel]`` of the configuration.

Pure: no I/O, no clock, no chance.
"""

from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict

from store.addresses import ascii_domain
from store.nouns import TrackingMode
from store.units import Count, Duration


class ListSettings(BaseModel):
    """``[pixel.lists]``."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    update: Literal["never", "daily"] = "never"
    folder: Path = Path("var/lists")
    apple_relay: str = "https://mask-api.icloud.com/egress-ip-ranges.csv"

    @property
    def sources(self) -> dict[str, str]:
        """Name of a list -> where it is published."""
        return {"apple-relay": self.apple_relay}


class PixelSettings(BaseModel):
    """``[pixel]``."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    listen: tuple[str, ...] = ("127.0.0.1:8025",)
    listen_tls: tuple[str, ...] = ()
    certificate: Path = Path("var/tls/pixel.pem")
    private_key: Path = Path("var/tls/pixel-key.pem")
    base_url: str = "http://127.0.0.1:8025"  # what recipients' mail programs load from
    tracking: TrackingMode = TrackingMode.VERDICT
    trusted_proxies: tuple[str, ...] = ()  # networks whose X-Forwarded-For and Forwarded are believed
    proxy_networks: tuple[str, ...] = ()  # networks whose connections begin with a header of the PROXY protocol
    own_networks: tuple[str, ...] = ()  # office networks: their loads never count
    buffer: Count = 10_000  # opens that wait in memory while the store cannot be written
    view_window: Duration = 30.0  # loads of one pixel within this time are one view
    countries: Annotated[Path | None, BeforeValidator(lambda written: written or None)] = (
        None  # a database in MaxMind's format, for tracking mode "full"
    )
    hosts: dict[str, str] = {}  # domain in From -> base_url of its mails; the domain's subdomains are in it
    lists: ListSettings = ListSettings()

    def url_for(self, sender_domain: str) -> str:
        """Give the base URL for mails from a domain: its own, that of the nearest domain above it, or ``base_url``."""
        if not self.hosts:
            return self.base_url
        labels = ascii_domain(sender_domain).split(".")
        above = (".".join(labels[n:]) for n in range(len(labels)))
        return next((self.hosts[domain] for domain in above if domain in self.hosts), self.base_url)

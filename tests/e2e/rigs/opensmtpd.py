"""Debian's OpenSMTPD, that takes mail for some domains and relays it onward."""

from collections.abc import Mapping
from typing import ClassVar

from tests.e2e.rigs.mail_server import MailServer


class OpenSmtpd(MailServer):
    """
    One OpenSMTPD.

    Args:
        hostname: What it calls itself.
        relay: Domain to ``address:port`` of the server it relays that domain to.
    """

    package = "opensmtpd"
    users: ClassVar = {"opensmtpd": 61021, "opensmtpq": 61022}
    command = "mkdir -p /var/lib/opensmtpd/empty; chmod 711 /var/lib/opensmtpd/empty; exec smtpd -d -v"

    def __init__(self, hostname: str, *, relay: Mapping[str, str]) -> None:
        super().__init__(hostname)
        self.relay = dict(relay)

    def configure(self) -> None:
        """Write smtpd.conf."""
        lines = [f"listen on {self.address} port 25 hostname {self.hostname}", "bounce warn-interval 1d"]
        for serial, (domain, to) in enumerate(self.relay.items()):
            lines.append(f'action "route{serial}" relay host "smtp://{to}"')
            lines.append(f'match from any for domain "{domain}" action "route{serial}"')
        self.enclosure.put("/etc/smtpd.conf", "\n".join(lines) + "\n")
        self.enclosure.put("/etc/mailname", f"{self.hostname}\n")

"""Debian's OpenSMTPD, that takes mail for some domains and relays it onward, or delivers it by programs."""

from collections.abc import Mapping
from typing import ClassVar

from tests.e2e.rigs.mail_server import MailServer

_KEEPER = "mailkeeper"  # for whom the programs run


class OpenSmtpd(MailServer):
    """
    One OpenSMTPD.

    Args:
        hostname: What it calls itself.
        relay: Domain to ``address:port`` of the server it relays that domain to.
        mailboxes: Address to the shell command that delivers its mail (smtpd.conf(5), ``mda``).
        aliases: Address to the one it is forwarded to, or ``error:550 5.2.1 words``.
    """

    package = "opensmtpd"
    users: ClassVar = {"opensmtpd": 61021, "opensmtpq": 61022, _KEEPER: 61023}
    command = "mkdir -p /var/lib/opensmtpd/empty; chmod 711 /var/lib/opensmtpd/empty; exec smtpd -d -v"

    def __init__(
        self,
        hostname: str,
        *,
        relay: Mapping[str, str] | None = None,
        mailboxes: Mapping[str, str] | None = None,
        aliases: Mapping[str, str] | None = None,
        nameserver: str = "",
    ) -> None:
        super().__init__(hostname, nameserver=nameserver)
        self.relay = dict(relay or {})
        self.mailboxes = dict(mailboxes or {})
        self.aliases = dict(aliases or {})

    def configure(self) -> None:
        """Write smtpd.conf and its tables."""
        lines = [f"listen on {self.address} port 25 hostname {self.hostname}", "bounce warn-interval 1d"]
        for serial, (domain, to) in enumerate(self.relay.items()):
            lines.append(f'action "route{serial}" relay host "smtp://{to}"')
            lines.append(f'match from any for domain "{domain}" action "route{serial}"')
        for serial, (address, command) in enumerate(self.mailboxes.items()):
            lines.append(f'action "mailbox{serial}" mda "{command}" virtual {{ "{address}" = {_KEEPER} }}')
            lines.append(f'match from any for rcpt-to "{address}" action "mailbox{serial}"')
        if self.aliases:
            lines += ["table aliases file:/etc/mail/aliases", 'action "forward" mda "cat >/dev/null" virtual <aliases>']
            lines += [f'match from any for domain "{domain}" action "forward"' for domain in self._own()]
            lines += ['action "out" relay', 'match from any for any action "out"']
        self.enclosure.put("/etc/mail/aliases", "".join(f"{key}: {value}\n" for key, value in self.aliases.items()))
        self.enclosure.put("/etc/smtpd.conf", "\n".join(lines) + "\n")
        self.enclosure.put("/etc/mailname", f"{self.hostname}\n")

    def _own(self) -> list[str]:
        return sorted({address.rpartition("@")[2] for address in self.aliases})

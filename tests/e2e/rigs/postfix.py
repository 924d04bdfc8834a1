"""Debian's Postfix: delivers to Maildirs, relays onward, refuses whom it is told to refuse."""

import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import ClassVar

from tests.e2e.rigs.mail_server import MailServer

_MAIN = """
compatibility_level = 3.6
myhostname = {hostname}
mydestination =
inet_interfaces = loopback-only
inet_protocols = ipv4
mynetworks = {address}
maillog_file = {log}
maillog_file_prefixes = /
smtp_dns_support_level = {dns}
smtp_host_lookup = {lookup}
smtpd_peername_lookup = no
alias_maps =
alias_database =
notify_classes =

virtual_mailbox_domains = texthash:/etc/postfix/domains
virtual_mailbox_maps = texthash:/etc/postfix/mailboxes
virtual_mailbox_base = {mail}
virtual_minimum_uid = 1
virtual_uid_maps = static:{owner}
virtual_gid_maps = static:{owner}
virtual_alias_maps = texthash:/etc/postfix/aliases
relay_domains = texthash:/etc/postfix/relay
transport_maps = texthash:/etc/postfix/transport
smtpd_relay_restrictions = reject_unauth_destination
smtpd_recipient_restrictions = check_recipient_access texthash:/etc/postfix/refuse, permit

# A second in place of minutes: the tests wait for real retries.
queue_run_delay = 1s
minimal_backoff_time = 1s
maximal_backoff_time = 1s
"""

_TLS = """
smtpd_tls_security_level = may
smtpd_tls_received_header = yes
smtpd_tls_chain_files = /etc/postfix/tls.pem
"""

# As Debian ships it, without chroot and without what only a local user needs.
_MASTER = """
{address}:25 inet n - n - - smtpd
cleanup    unix n - n - 0 cleanup
qmgr       unix n - n 300 1 qmgr
tlsmgr     unix - - n 1000? 1 tlsmgr
rewrite    unix - - n - - trivial-rewrite
bounce     unix - - n - 0 bounce
defer      unix - - n - 0 bounce
trace      unix - - n - 0 bounce
verify     unix - - n - 1 verify
proxymap   unix - - n - - proxymap
smtp       unix - - n - - smtp
relay      unix - - n - - smtp
error      unix - - n - - error
retry      unix - - n - - error
discard    unix - - n - - discard
virtual    unix - n n - - virtual
anvil      unix - - n - 1 anvil
scache     unix - - n - 1 scache
postlog    unix-dgram n - n - 1 postlogd
"""


def _table(entries: Mapping[str, str]) -> str:
    """Write a texthash table. Postfix wants the file even when it is empty."""
    return "".join(f"{key} {value}\n" for key, value in entries.items())


class Postfix(MailServer):
    """
    One Postfix.

    Args:
        hostname: What it calls itself in greeting, Received and reports.
        mailboxes: Addresses it delivers to; any other address of their domains is refused at RCPT.
        relay: Domain to ``address:port`` of the server it relays that domain to, without asking that server first.
        refuse: Address to the reply it is refused with, ``"552 5.2.2 Mailbox full"``.
        aliases: Address to the one it is forwarded to, once the mail was taken.
        files: Address to the octets that lie already in the one file (mbox) that its mail is delivered to.
        closed: Address to what its transport says of it, ``"5.2.1 Mailbox disabled"`` (error(8)).
        settings: Further lines of main.cf.
        certificate: PEM of private key and chain; STARTTLS is offered with it.
        address: Loopback address to listen on; None: a fresh one.
    """

    package = "postfix"
    users: ClassVar = {"postfix": 61001, "postdrop": 61002}
    command = "chown postfix:postfix /var/lib/postfix; exec postfix start-fg"

    def __init__(
        self,
        hostname: str,
        *,
        mailboxes: Iterable[str] = (),
        relay: Mapping[str, str] | None = None,
        refuse: Mapping[str, str] | None = None,
        aliases: Mapping[str, str] | None = None,
        files: Mapping[str, int] | None = None,
        closed: Mapping[str, str] | None = None,
        settings: str = "",
        certificate: bytes = b"",
        address: str | None = None,
        nameserver: str = "",
    ) -> None:
        super().__init__(hostname, address, nameserver=nameserver)
        self.mailboxes = tuple(mailboxes)
        self.relay = dict(relay or {})
        self.refuse = dict(refuse or {})
        self.aliases = dict(aliases or {})
        self.files = dict(files or {})
        self.closed = dict(closed or {})
        self.settings = settings
        self.certificate = certificate

    def configure(self) -> None:
        """Write main.cf, master.cf and the tables."""
        put = self.enclosure.put
        main = _MAIN + (_TLS if self.certificate else "") + self.settings
        values = {"hostname": self.hostname, "address": self.address}
        own = self.enclosure
        values |= {"mail": str(own.mail), "owner": str(own.owner), "log": f"{own.logs}/maillog"}
        values |= {"dns": "enabled", "lookup": "dns"} if self.nameserver else {"dns": "disabled", "lookup": "native"}
        put("/etc/postfix/main.cf", main.format(**values))
        put("/etc/postfix/master.cf", _MASTER.format(address=self.address))
        folders = {address: f"{address}/" for address in self.mailboxes}
        files = {address: f"{address}.mbox" for address in self.files}
        for address, octets in self.files.items():
            self._fill(own.mail / files[address], octets)
        put("/etc/postfix/domains", _table({_domain(address): "here" for address in folders | files}))
        put("/etc/postfix/mailboxes", _table(folders | files))
        put("/etc/postfix/relay", _table(dict.fromkeys(self.relay, "onward")))
        transports = {domain: f"smtp:{_hop(to)}" for domain, to in self.relay.items()}
        transports |= {address: f"error:{words}" for address, words in self.closed.items()}
        put("/etc/postfix/transport", _table(transports))
        put("/etc/postfix/aliases", _table(self.aliases))
        put("/etc/postfix/refuse", _table(self.refuse))
        put("/etc/postfix/tls.pem", self.certificate.decode("ascii"))

    def _fill(self, file: Path, octets: int) -> None:
        file.write_bytes(b"\n" * octets)
        if os.geteuid() == 0:
            os.chown(file, self.enclosure.owner, self.enclosure.owner)

    def mails(self, address: str) -> list[bytes]:
        """Give what was delivered to one address, with the line ends of SMTP, oldest first."""
        folder = self.mail_home / address / "new"
        files = sorted(folder.iterdir(), key=lambda file: file.stat().st_mtime_ns) if folder.exists() else []
        return [file.read_bytes().replace(b"\n", b"\r\n") for file in files]


def _domain(address: str) -> str:
    return address.rpartition("@")[2]


def _hop(to: str) -> str:
    host, _, port = to.rpartition(":")
    return f"[{host}]:{port}"

"""Debian's Exim, that takes mail for some domains and relays it onward, or delivers it to Maildirs."""

from collections.abc import Iterable, Mapping
from typing import ClassVar

from tests.e2e.rigs.mail_server import MailServer

_MAIN = """
primary_hostname = {hostname}
domainlist relayed = {domains}
domainlist own = {own}
keep_environment =
local_interfaces = {address}
daemon_smtp_ports = 25
host_lookup =
log_file_path = {logs}/%slog
log_selector = +all_parents
message_logs = false
tls_advertise_hosts =
acl_smtp_rcpt = relayed_only
queue_run_in_order = false

begin acl

relayed_only:
  # As Debian ships it.
  deny   domains = +own
         local_parts = ^[.] : ^.*[@%!/|`#&?]
         message = restricted characters in address
  deny   domains = +own
         local_parts = {known}
         !verify = recipient
  accept domains = +relayed : +own
  deny   message = relay not permitted

begin routers
{routers}
elsewhere:
  driver = dnslookup
  domains = ! +own
  transport = onward

forwarded:
  driver = redirect
  domains = +own
  data = ${{lookup{{$local_part@$domain}}lsearch{{/etc/exim4/aliases}}}}
  allow_fail

mailboxes:
  driver = accept
  domains = +own
  condition = ${{lookup{{$local_part@$domain}}lsearch{{/etc/exim4/mailboxes}}{{yes}}{{no}}}}
  transport = maildirs

begin transports

maildirs:
  driver = appendfile
  # The value of a lookup: Exim trusts no name that came by SMTP.
  directory = {mail}/${{lookup{{$local_part@$domain}}lsearch{{/etc/exim4/mailboxes}}}}
  maildir_format
  user = {owner}
  group = {owner}
  quota = ${{lookup{{$local_part@$domain}}lsearch{{/etc/exim4/quotas}}{{$value}}{{0}}}}

onward:
  driver = smtp
  allow_localhost
  hosts_try_fastopen =

begin retry

*  quota
*  *  F,1h,1s
"""

_ROUTER = """
route{serial}:
  driver = manualroute
  domains = {domain}
  route_data = {host}::{port}
  transport = onward
  self = send
  no_more
"""


class Exim(MailServer):
    """
    One Exim.

    Args:
        hostname: What it calls itself.
        relay: Domain to ``address:port`` of the server it relays that domain to.
        mailboxes: Addresses it delivers to.
        aliases: Address to what redirects it, once the mail was taken: an address, or ``:fail: words``.
        quotas: Mailbox to the octets it may hold. A full one is not tried again.
        checked: Local parts that are looked up at RCPT; mail for all others of these domains is taken first.
    """

    package = "exim4-daemon-light"
    users: ClassVar = {"Debian-exim": 61011}
    command = (
        "mkdir -p /var/spool/exim4/input /var/log/exim4; chown -R Debian-exim:Debian-exim /var/spool/exim4;"
        " exec exim4 -bdf -q1s 2>&1"
    )

    def __init__(
        self,
        hostname: str,
        *,
        relay: Mapping[str, str] | None = None,
        mailboxes: Iterable[str] = (),
        aliases: Mapping[str, str] | None = None,
        quotas: Mapping[str, int] | None = None,
        checked: Iterable[str] = (),
        nameserver: str = "",
    ) -> None:
        super().__init__(hostname, nameserver=nameserver)
        self.relay = dict(relay or {})
        self.mailboxes = tuple(mailboxes)
        self.aliases = dict(aliases or {})
        self.quotas = {address: str(octets) for address, octets in (quotas or {}).items()}
        self.checked = tuple(checked)

    def configure(self) -> None:
        """Write exim4.conf."""
        routers = []
        for serial, (domain, to) in enumerate(self.relay.items()):
            host, _, port = to.rpartition(":")
            routers.append(_ROUTER.format(serial=serial, domain=domain, host=host, port=port))
        own = {address.rpartition("@")[2] for address in (*self.mailboxes, *self.aliases)}
        self._table("aliases", self.aliases)
        self._table("quotas", self.quotas)
        self._table("mailboxes", {address: address for address in self.mailboxes})
        main = _MAIN.format(
            hostname=self.hostname,
            address=self.address,
            domains=" : ".join(self.relay),
            routers="".join(routers),
            own=" : ".join(sorted(own)),
            known=" : ".join(self.checked),
            mail=self.enclosure.mail,
            owner=self.enclosure.owner,
            logs=self.enclosure.logs,
        )
        self.enclosure.put("/etc/exim4/exim4.conf", main)

    def _table(self, name: str, entries: Mapping[str, str]) -> None:
        self.enclosure.put(f"/etc/exim4/{name}", "".join(f"{key}: {value}\n" for key, value in entries.items()))

"""Debian's Exim, that takes mail for some domains and relays it onward."""

from collections.abc import Mapping
from typing import ClassVar

from tests.e2e.rigs.mail_server import MailServer

_MAIN = """
primary_hostname = {hostname}
domainlist relayed = {domains}
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
  accept domains = +relayed
  deny   message = relay not permitted

begin routers
{routers}
begin transports

onward:
  driver = smtp
  allow_localhost
  hosts_try_fastopen =

begin retry

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
    """

    package = "exim4-daemon-light"
    users: ClassVar = {"Debian-exim": 61011}
    command = (
        "mkdir -p /var/spool/exim4/input /var/log/exim4; chown -R Debian-exim:Debian-exim /var/spool/exim4;"
        " exec exim4 -bdf -q1s 2>&1"
    )

    def __init__(self, hostname: str, *, relay: Mapping[str, str]) -> None:
        super().__init__(hostname)
        self.relay = dict(relay)

    def configure(self) -> None:
        """Write exim4.conf."""
        routers = []
        for serial, (domain, to) in enumerate(self.relay.items()):
            host, _, port = to.rpartition(":")
            routers.append(_ROUTER.format(serial=serial, domain=domain, host=host, port=port))
        main = _MAIN.format(
            hostname=self.hostname,
            address=self.address,
            domains=" : ".join(self.relay),
            routers="".join(routers),
            logs=self.enclosure.logs,
        )
        self.enclosure.put("/etc/exim4/exim4.conf", main)

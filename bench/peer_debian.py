"""
Debian's mail servers: Postfix, Exim, OpenSMTPD, each in an enclosure, its queue on the disk.

Each relays all mail to the sink, over at most as many connections as Homing; each is otherwise as Debian ships it, but
for limits that would hold it back.
"""

from collections.abc import Iterable
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from bench.letters import SENDER
from bench.peer import Peer, World
from tests.e2e.rigs.mail_server import SMTP_PORT, MailServer

CLUB = SENDER.partition("@")[2]
OPENDKIM = Path(__file__).parents[1] / ".cache" / "rigs" / "opendkim" / "usr" / "sbin" / "opendkim"


class DebianPeer(MailServer, Peer):
    """A mail server with its spool on the disk, at the place where it looks for it."""

    spool = ""  # "/var/spool/postfix"
    prepare = ""  # shell commands before it starts, when the spool is there
    run = ""  # shell command that stays in the foreground

    def __init__(self, world: World) -> None:
        MailServer.__init__(self, "relay.bench.test")
        self.world = world
        world.folder.mkdir(parents=True)
        self.command = (
            f"mkdir -p {self.spool}; cp -a {self.spool}/. {world.folder}; mount --bind {world.folder} {self.spool}; "
            f"{self.prepare} exec {self.run}"
        )
        if world.dns:
            self.command = f"echo nameserver {world.dns} >/etc/resolv.conf; {self.command}"

    @property
    def target(self) -> tuple[str, int]:
        """Port 25 of its own address."""
        return self.address, SMTP_PORT

    @property
    def roots(self) -> Iterable[int]:
        """What stands around it; unshare and shells cost nothing."""
        return [self.enclosure.pid]

    def stop(self) -> None:
        """End it, and forget it."""
        self.remove()


_POSTFIX = """
compatibility_level = 3.6
myhostname = {hostname}
mydestination =
inet_interfaces = loopback-only
inet_protocols = ipv4
mynetworks = 127.0.0.0/8
maillog_file = {log}
maillog_file_prefixes = /
smtpd_peername_lookup = no
alias_maps =
alias_database =
local_recipient_maps =
smtpd_relay_restrictions = permit_mynetworks, reject

default_process_limit = 500
smtpd_client_connection_count_limit = 500
smtpd_recipient_limit = 100000
default_destination_concurrency_limit = {connections}
initial_destination_concurrency = {connections}
default_destination_recipient_limit = {together}
in_flow_delay = 0
message_size_limit = 100000000
"""

_POSTFIX_MASTER = """
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
error      unix - - n - - error
retry      unix - - n - - error
anvil      unix - - n - 1 anvil
scache     unix - - n - 1 scache
postlog    unix-dgram n - n - 1 postlogd
"""

_OPENDKIM = """
Socket inet:8891@{address}
Mode s
Canonicalization relaxed/simple
Domain {club}
Selector bench
KeyFile /etc/opendkim.pem
InternalHosts /etc/opendkim.hosts
UserID postfix
Background no
AutoRestart no
Syslog no
"""


class PostfixPeer(DebianPeer):
    """
    Postfix.

    Args:
        world: What stands around it.
        together: Recipients of one message that go in one transaction; 50 is what is shipped.
        sign: Sign with DKIM through opendkim, RSA-2048, relaxed/simple as Homing does.
    """

    package = "postfix"
    users = {"postfix": 61001, "postdrop": 61002}  # noqa: RUF012  as MailServer has it
    spool = "/var/spool/postfix"
    prepare = "chown postfix:postfix /var/lib/postfix;"
    run = "postfix start-fg"

    def __init__(self, world: World, *, together: int = 50, sign: bool = False) -> None:
        self._together, self._sign = together, sign
        if sign:
            self.prepare += (
                f" chown postfix /etc/opendkim.pem; chmod 600 /etc/opendkim.pem; {OPENDKIM} -f -x /etc/opendkim.conf &"
            )
        super().__init__(world)

    def configure(self) -> None:
        """Write main.cf and master.cf, and opendkim's."""
        host, _, port = self.world.sink.rpartition(":")
        main = _POSTFIX.format(
            hostname=self.hostname,
            log=f"{self.enclosure.logs}/maillog",
            connections=self.world.connections,
            together=self._together,
        )
        if not self.world.dns:
            main += f"relayhost = [{host}]:{port}\nsmtp_dns_support_level = disabled\nsmtp_host_lookup = native\n"
        put = self.enclosure.put
        if self._sign:
            main += f"smtpd_milters = inet:{self.address}:8891\nmilter_default_action = tempfail\n"
            put("/etc/opendkim.conf", _OPENDKIM.format(address=self.address, club=CLUB))
            put("/etc/opendkim.hosts", "127.0.0.0/8\n")
            put("/etc/opendkim.pem", _key())
        put("/etc/postfix/main.cf", main)
        put("/etc/postfix/master.cf", _POSTFIX_MASTER.format(address=self.address))

    def complaint(self, samples: list[bytes]) -> str:
        """A signature is there where it should be."""
        if self._sign and any(b"DKIM-Signature:" not in mail for mail in samples):
            return "a mail is not signed"
        return super().complaint(samples)


def _key() -> str:
    key = generate_private_key(65537, 2048)
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()


_EXIM = """
primary_hostname = {hostname}
keep_environment =
local_interfaces = {address}
daemon_smtp_ports = 25
host_lookup =
rfc1413_hosts =
log_file_path = {logs}/%slog
message_logs = false
tls_advertise_hosts =
acl_smtp_rcpt = all
smtp_accept_max = 500
smtp_accept_max_per_host = 500
smtp_accept_queue_per_connection = 0
smtp_accept_max_per_connection = 0
recipients_max = 0
message_size_limit = 100M
remote_max_parallel = {connections}

begin acl

all:
  accept

begin routers

onward:
{router}
  transport = onward
  self = send
  no_more

begin transports

onward:
  driver = smtp
  allow_localhost
  hosts_try_fastopen =

begin retry

*  *  F,1h,1m
"""


class EximPeer(DebianPeer):
    """Exim: a process for each message, that delivers at once."""

    package = "exim4-daemon-light"
    users = {"Debian-exim": 61011}  # noqa: RUF012  as MailServer has it
    spool = "/var/spool/exim4"
    prepare = f"mkdir -p {spool}/input /var/log/exim4; chown -R Debian-exim:Debian-exim {spool};"
    run = "exim4 -bdf -q1m 2>&1"

    def configure(self) -> None:
        """Write exim4.conf."""
        host, _, port = self.world.sink.rpartition(":")
        router = f"  driver = manualroute\n  route_list = * {host}::{port}"
        if self.world.dns:
            router = "  driver = dnslookup"
        text = _EXIM.format(
            hostname=self.hostname,
            address=self.address,
            logs=self.enclosure.logs,
            connections=self.world.connections,
            router=router,
        )
        self.enclosure.put("/etc/exim4/exim4.conf", text)


_OPENSMTPD_LIMITS = ("host", "route", "relay", "connector", "source", "domain")
# It waits seconds between connections to one host unless it is told not to.
_OPENSMTPD_WAITS = (
    "conn-delay-relay 0 conn-delay-route 0 reconn-delay-route 0 session-keepalive 0 session-mail-max 1000000"
)


class OpenSmtpdPeer(DebianPeer):
    """OpenSMTPD. It never syncs its queue to the disk, and has no setting for it."""

    package = "opensmtpd"
    users = {"opensmtpd": 61021, "opensmtpq": 61022}  # noqa: RUF012  as MailServer has it
    spool = "/var/spool/smtpd"
    prepare = f"mkdir -p /var/lib/opensmtpd/empty; chmod 711 /var/lib/opensmtpd/empty {spool};"
    run = "smtpd -d"

    def configure(self) -> None:
        """Write smtpd.conf."""
        limits = " ".join(f"max-conn-per-{what} {self.world.connections}" for what in _OPENSMTPD_LIMITS)
        to = "" if self.world.dns else f' host "smtp://{self.world.sink}"'
        lines = (
            f"listen on {self.address} port 25 hostname {self.hostname}",
            f"smtp limit max-mails 1000000 max-rcpt {max(1_000, self.world.recipients)}",
            "smtp max-message-size 100M",
            f"mta limit {_OPENSMTPD_WAITS} {limits}",
            f'action "onward" relay{to}',
            'match from any for any action "onward"',
        )
        self.enclosure.put("/etc/smtpd.conf", "\n".join(lines) + "\n")
        self.enclosure.put("/etc/mailname", f"{self.hostname}\n")

"""
What one SMTP server allows, and what it offers.

Pure: no I/O, no clock, no chance.
"""

from dataclasses import dataclass
from typing import Literal, Self

from bounce.settings import BounceSettings
from relay.settings import SubmissionLimits


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerLimits:
    """Limits of one server. Sizes are octets, times seconds."""

    max_message_size: int = 25 * 1024**2  # of the content, without the dots that transparency added
    max_recipients: int = 1_000  # per message; RFC 5321 section 4.5.3.1.8 asks for at least 100
    max_line: int = 64 * 1024  # of the content, without its line end
    max_command: int = 2_048  # MAIL and RCPT with all their parameters (RFC 3461 section 5, RFC 4954 section 3)
    max_auth: int = 12_288  # a line of an AUTH exchange (RFC 4954 section 4)
    connections: int = 500
    connections_per_address: int = 20  # of clients that have not authenticated
    messages_per_connection: int = 1_000
    bad_commands: int = 10
    idle_commands: int = 50  # NOOP, RSET, VRFY, EHLO without a message between
    refused_recipients: int | None = None  # per connection; None: any number
    greeting_delay: float = 0.0  # who speaks within it is sent away
    first_command: float = 300.0  # the wait for the first command
    idle: float = 300.0  # the wait for any later one, for all of it, and between two blocks of content
    content_grace: float = 30.0  # a content may take this long ...
    content_rate: float = 500.0  # ... and a second more for each so many octets that came
    write_stall: float = 60.0  # a client that does not read its replies
    handshake: float = 30.0  # of TLS
    proxy_header: float = 10.0  # the wait for all of a proxy's header
    auth_failures_per_connection: int = 10
    auth_failures_per_address: int = 30  # within auth_window; an IPv6 /64 is one address
    auth_window: float = 600.0
    auth_delays: tuple[float, ...] = (1.0, 2.0, 4.0)  # before the answer to a failure; the last one repeats

    @classmethod
    def of(cls, limits: SubmissionLimits) -> Self:
        """Take what ``[relay.submission.limits]`` says of the server; the rest is for the acceptance."""
        return cls(
            max_message_size=limits.max_message_size,
            max_recipients=limits.max_recipients,
            max_line=limits.max_line,
            connections=limits.connections,
            connections_per_address=limits.connections_per_address,
            messages_per_connection=limits.messages_per_connection,
            bad_commands=limits.bad_commands,
            idle_commands=limits.idle_commands,
            first_command=limits.idle,
            idle=limits.idle,
            write_stall=limits.write_stall,
            auth_failures_per_connection=limits.auth_failures_per_connection,
            auth_failures_per_address=limits.auth_failures_per_address,
        )

    @classmethod
    def for_reports(cls, settings: BounceSettings) -> Self:
        """Say what strangers may do at the bounce listener, which is open to all."""
        return cls(
            max_message_size=settings.max_report_size,
            max_recipients=100,
            connections=settings.connections,
            connections_per_address=settings.connections_per_address,
            messages_per_connection=100,
            refused_recipients=20,
            greeting_delay=2.0,  # who cannot wait for the greeting is no mail server
            first_command=60.0,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Offers:
    """What EHLO offers beside SIZE, PIPELINING, CHUNKING, 8BITMIME, SMTPUTF8 and ENHANCEDSTATUSCODES, always there."""

    # "never": there is no AUTH at all (the bounce listener). "tls": only under TLS. "loopback": under TLS, and in
    # clear text for clients on this machine. "insecure": in clear text for all.
    auth: Literal["never", "tls", "loopback", "insecure"] = "never"
    dsn: bool = False  # RFC 3461; who offers it must keep NOTIFY and ORCPT

    @classmethod
    def for_submission(cls, without_tls: Literal["never", "loopback", "insecure"]) -> Self:
        """Offer AUTH as ``relay.submission.auth_without_tls`` says, and DSN."""
        return cls(auth="tls" if without_tls == "never" else without_tls, dsn=True)

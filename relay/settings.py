"""
The tables ``[relay]`` and below of the configuration.

Pure: no I/O, no clock, no chance.
"""

from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, SecretStr

from store.units import Count, Duration, Lasting, Port, SomeOctets, Steps

_MODEL = ConfigDict(extra="forbid", frozen=True)


class SubmissionLimits(BaseModel):
    """``[relay.submission.limits]``. Sizes are octets."""

    model_config = _MODEL

    max_message_size: SomeOctets = 25 * 1024**2  # announced as SIZE (RFC 1870)
    max_recipients: Count = 1_000  # per message
    max_line: SomeOctets = 64 * 1024
    max_header: SomeOctets = 256 * 1024
    max_header_fields: Count = 1_000
    max_hops: Count = 50  # Received fields
    connections: Count = 500
    connections_per_address: Count = 20
    messages_per_connection: Count = 1_000
    bad_commands: Count = 10
    idle_commands: Count = 50  # NOOP, RSET, VRFY, EHLO without a mail between
    idle: Lasting = 300.0  # the wait for a command, and for all of it
    write_stall: Lasting = 60.0  # a client that does not read its replies
    accept_deadline: Lasting = 60.0  # from the final dot to our reply
    auth_failures_per_connection: Count = 10
    auth_failures_per_address: Count = 30  # within ten minutes; an IPv6 /64 is one address


class SubmissionSettings(BaseModel):
    """``[relay.submission]``."""

    model_config = _MODEL

    listen: tuple[str, ...] = ("127.0.0.1:2525",)  # STARTTLS is offered where a certificate is set
    listen_tls: tuple[str, ...] = ()  # implicit TLS (RFC 8314), port 465
    certificate: Path | None = Path("var/tls/certificate.pem")
    private_key: Path | None = Path("var/tls/key.pem")
    auth_without_tls: Literal["never", "loopback", "insecure"] = "loopback"
    trusted_networks: tuple[str, ...] = ()  # may send without AUTH
    proxy_networks: tuple[str, ...] = ()  # proxies that name their client by the PROXY protocol; they must
    bare_newlines: Literal["normalise", "reject"] = "normalise"
    hide_client: bool = False  # leave the client's name and address out of Received
    limits: SubmissionLimits = SubmissionLimits()


class PaceSettings(BaseModel):
    """One entry of ``[relay.delivery.pacing]``: how fast a provider is spoken to. 0 leaves what is shipped."""

    model_config = _MODEL

    connections: int = Field(default=0, ge=0)
    per_minute: float = Field(default=0.0, ge=0.0)  # mails
    messages: int = Field(default=0, ge=0)  # on one connection


class DeliverySettings(BaseModel):
    """``[relay.delivery]``."""

    model_config = _MODEL

    port: Port = 25
    schedule: Steps = (60.0, 300.0, 900.0, 1800.0, 3600.0, 7200.0, 14400.0)  # the last one repeats
    max_age: Lasting = 3 * 86400.0
    connections: Count = 200
    connections_per_destination: Count = 20
    messages_per_connection: Count = 100
    connection_idle: Duration = 10.0
    allow_private_destinations: tuple[str, ...] = ()  # networks: loopback, private ones, for tests and intranets
    source_address: str = ""
    ipv6: bool = True
    connect_timeout: Lasting = 30.0
    greeting_timeout: Lasting = 300.0
    command_timeout: Lasting = 300.0
    data_timeout: Lasting = 120.0
    block_timeout: Lasting = 180.0
    final_dot_timeout: Lasting = 600.0
    chunking: bool = True  # large mails by BDAT (RFC 3030) where it is offered
    transcripts: Literal["all", "failures", "off"] = "all"  # what was said in attempts is kept by store.retention
    pacing: dict[str, PaceSettings] = {}  # by provider, registrable domain of the mail hosts, or mail host
    drain: Duration = 60.0  # at stop, for deliveries that are behind the final dot


class Route(BaseModel):
    """One entry of ``[relay.routes]``: where mail for a domain goes instead of its MX. ``"*"`` is every domain."""

    model_config = _MODEL

    host: str
    port: Port = 25
    tls: Literal["opportunistic", "required", "implicit", "off"] = "opportunistic"
    user: str = ""
    password: SecretStr = SecretStr("")


class TlsSettings(BaseModel):
    """``[relay.tls]``: how mail hosts found by MX prove who they are. Routes say it for themselves."""

    model_config = _MODEL

    mta_sts: bool = True  # RFC 8461
    dane: bool = True  # RFC 7672; needs relay.dns.validating
    memory: Path = Path("var/tls-memory.json")  # policies until their max_age, and which domains were seen verified
    reports: bool = False  # RFC 8460: daily, to domains that ask for them
    report_from: str = ""  # their sender and contact; "": postmaster@ relay.hostname
    allow_downgrade: tuple[str, ...] = ()  # domains that may get mail in clear although they were seen verified


class DnsSettings(BaseModel):
    """``[relay.dns]``."""

    model_config = _MODEL

    nameservers: tuple[str, ...] = ()  # "192.0.2.53" or "127.0.0.1:5353"; none: those of the system
    validating: bool = False  # the name servers, all on this machine, validate DNSSEC: DANE becomes possible
    lifetime: Lasting = 10.0  # for one look-up with all its tries
    cache_entries: Count = 50_000


class DkimSettings(BaseModel):
    """``[relay.dkim]``."""

    model_config = _MODEL

    keys: Path = Path("var/dkim")  # a folder for each domain, made by `homing dkim new`
    body_canonicalization: Literal["simple", "relaxed"] = "simple"  # RFC 6376 section 3.4
    threads: int = Field(default=2, ge=1, le=64)
    unsigned: Literal["defer", "send"] = "defer"  # mail of a domain whose key cannot be read


class NotifySettings(BaseModel):
    """``[relay.notify]``: reports to the sender of a mail (RFC 3461, RFC 3464)."""

    model_config = _MODEL

    reports: Literal["off", "asked", "failures", "all"] = "asked"  # of what, where the application did not say NOTIFY
    delay_after: Lasting = 2 * 3600.0  # a mail that waits for longer is late
    returned: SomeOctets = 65_536  # of the mail that a report gives back


class SandboxSettings(BaseModel):
    """``[relay.sandbox]``: a scripted domain that acts out every status."""

    model_config = _MODEL

    enabled: bool = True
    domain: str = "sandbox.test"  # RFC 2606: never a real domain
    listen: str = "127.0.0.1:2527"


class LogSettings(BaseModel):
    """``[relay.log]``."""

    model_config = _MODEL

    format: Literal["text", "json"] = "text"
    level: Literal["debug", "info", "warning", "error"] = "info"


class MetadataSettings(BaseModel):
    """``[relay.metadata]``: which metadata keys of other services' headers mean customer and invoice."""

    model_config = _MODEL

    customer: tuple[str, ...] = ("customer", "customer_id", "customer-id")
    invoice: tuple[str, ...] = ("invoice", "invoice_id", "invoice-id")


class RelaySettings(BaseModel):
    """``[relay]``."""

    model_config = _MODEL

    hostname: str = "localhost"  # said in EHLO, banner and Received
    workers: int = Field(default=1, ge=1, le=64)  # processes that share the work; more than one needs PostgreSQL
    event_loop: Literal["auto", "asyncio", "uvloop"] = "auto"  # auto: uvloop where it is installed
    master_key: Path = Path("var/master.key")
    submission: SubmissionSettings = SubmissionSettings()
    delivery: DeliverySettings = DeliverySettings()
    routes: dict[str, Route] = {}
    tls: TlsSettings = TlsSettings()
    dns: DnsSettings = DnsSettings()
    dkim: DkimSettings = DkimSettings()
    notify: NotifySettings = NotifySettings()
    sandbox: SandboxSettings = SandboxSettings()
    metadata: MetadataSettings = MetadataSettings()
    log: LogSettings = LogSettings()

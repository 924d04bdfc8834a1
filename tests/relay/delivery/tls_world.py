"""A delivery that finds its way by a scripted DNS to scripted servers with certificates, and a scripted policy host."""

import asyncio
import ssl
import tempfile
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from hashlib import sha256

import trustme
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

from relay.delivery.guard import Guard
from relay.delivery.mta_sts import MtaSts
from relay.delivery.policy_fetch import PolicyFetch
from relay.delivery.pool import Pool
from relay.delivery.protection import Protection
from relay.delivery.resolver import Resolver
from relay.delivery.route import Routes
from relay.delivery.tls import TlsContexts
from relay.delivery.tls_memory import TlsMemory
from relay.delivery.tls_results import TlsResults
from relay.settings import DnsSettings
from store.nouns import Attempt
from tests.relay.delivery.world import World
from tests.rigs.dns_server import DnsServer
from tests.rigs.policy_host import PolicyHost
from tests.rigs.smtp_sink import SmtpSink

LOOPBACK = "127.0.0.0/8"
BELIEVED = trustme.CA()  # the client believes it
STRANGER = trustme.CA()  # and nobody this


def issued(*names: str, by: trustme.CA = BELIEVED, root: bool = False) -> ssl.SSLContext:
    """Make what a server shows: a certificate for these names. ``root``: with its authority's certificate behind it."""
    made = by.issue_cert(*names)
    chain = b"".join(blob.bytes() for blob in made.cert_chain_pems) + (by.cert_pem.bytes() if root else b"")
    return _server(made.private_key_pem.bytes() + chain)


def self_signed(name: str) -> tuple[ssl.SSLContext, x509.Certificate]:
    """Make a certificate that nobody else has signed, long out of date."""
    pem, made = self_signed_pem(name)
    return _server(pem), made


def self_signed_pem(name: str) -> tuple[bytes, x509.Certificate]:
    """Make it as a server's file has it, with its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
    begins = datetime(2001, 1, 1, tzinfo=UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(begins)
        .not_valid_after(begins + timedelta(days=1))
        .sign(key, hashes.SHA256())
    )
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    return pem + made.public_bytes(Encoding.PEM), made


def _server(pem: bytes) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    with tempfile.NamedTemporaryFile(suffix=".pem") as file:
        file.write(pem)
        file.flush()
        context.load_cert_chain(file.name)
    return context


def pin_key(certificate: x509.Certificate) -> str:
    """Write the record 3 1 1 for a certificate."""
    key = certificate.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return f"3 1 1 {sha256(key).hexdigest()}"


def pin_authority(authority: trustme.CA) -> str:
    """Write the record 2 0 1 for an authority."""
    certificate = x509.load_pem_x509_certificate(authority.cert_pem.bytes())
    return f"2 0 1 {sha256(certificate.public_bytes(Encoding.DER)).hexdigest()}"


@dataclass
class Scene:
    """Everything around one delivery. ``mx.example.org`` is ``sink``, the only mail host of ``example.org``."""

    world: World
    dns: DnsServer
    web: PolicyHost
    sink: SmtpSink
    memory: TlsMemory
    results: TlsResults

    def publish(self, policy: bytes, *, version: str = "1", domain: str = "example.org") -> None:
        """Let a domain have an MTA-STS policy."""
        self.dns.remove(f"_mta-sts.{domain}")
        self.dns.add(f"_mta-sts.{domain}", "TXT", f'"v=STSv1; id={version}"')
        self.dns.remove(f"mta-sts.{domain}")
        self.dns.add(f"mta-sts.{domain}", "A", "127.0.0.1")
        self.web.policies[f"mta-sts.{domain}"] = policy

    def pin(self, *records: str, name: str = "mx.example.org") -> None:
        """Give a host TLSA records, in a signed zone."""
        self.dns.sign("example.org")
        self.dns.add(f"_{self.sink.port}._tcp.{name}", "TLSA", *records)

    async def attempt(self, number: int, address: str = "") -> Attempt:
        """Try a new mail once, and give how that ended."""
        self.world.offer(number, address)
        await self.world.settled()
        return self.world.last(number)

    async def later(self, seconds: float) -> None:
        """Let so much time pass, and what is due then be tried."""
        self.world.ahead += seconds
        await asyncio.sleep(10)
        await self.world.settled()


@asynccontextmanager
async def scene(
    starttls: ssl.SSLContext | None,
    *,
    offers: tuple[str, ...] = ("PIPELINING",),
    validating: bool = True,
    allow_downgrade: tuple[str, ...] = (),
) -> AsyncIterator[Scene]:
    """Set it up: STARTTLS with this certificate, no policy, no TLSA record."""
    contexts = TlsContexts()
    web_context = ssl.create_default_context()
    for context in (contexts.verified, web_context):
        BELIEVED.configure_trust(context)
    async with AsyncExitStack() as stack:
        dns = await stack.enter_async_context(DnsServer(ttl=60))
        web = await stack.enter_async_context(PolicyHost(issued("mta-sts.example.org", "mta-sts.other.test")))
        sink = await stack.enter_async_context(SmtpSink(starttls=starttls, offers=offers))
        dns.add("example.org", "MX", "10 mx.example.org.")
        dns.add("mx.example.org", "A", "127.0.0.1")
        memories: list[TlsMemory] = []
        counted: list[TlsResults] = []

        def parts(world: World) -> tuple[Routes, Pool]:
            resolver = Resolver(DnsSettings(nameservers=(dns.nameserver,), validating=validating), clock=world.clock)
            stack.push_async_callback(resolver.close)
            memory = TlsMemory(None, clock=world.clock)
            memories.append(memory)
            results = TlsResults(policy_of=memory.known_policy, clock=world.clock)
            counted.append(results)
            fetch = PolicyFetch(resolver, guard=Guard((LOOPBACK,)), ipv6=False, context=web_context, port=web.port)
            policies = MtaSts(resolver, fetch=fetch, memory=memory, clock=world.clock, failed=results.no_policy)
            stack.push_async_callback(policies.close)
            protection = Protection(
                pins=resolver if resolver.validating else None,
                policies=policies,
                memory=memory,
                allow_downgrade=allow_downgrade,
                clock=world.clock,
                results=results,
            )
            routes = Routes(resolver, routes={}, settings=world.settings, clock=world.clock, protector=protection)
            pool = Pool(
                hostname="relay.test",
                settings=world.settings,
                draw=lambda: 0.5,
                contexts=contexts,
                proofs=protection,
                results=results,
            )
            return routes, pool

        world = World(parts=parts, port=sink.port, allow_private_destinations=(LOOPBACK,), ipv6=False)
        await stack.enter_async_context(world)
        yield Scene(world, dns, web, sink, memories[0], counted[0])

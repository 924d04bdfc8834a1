"""What is measured with whom: the scenarios of `make bench`, and the relays that take part."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from bench.peer import Peer, World
from bench.peer_debian import EximPeer, OpenSmtpdPeer, PostfixPeer
from bench.peer_forwarder import ForwarderPeer, NoPeer
from bench.peer_homing import HomingPeer

Make = Callable[[World], Peer]


def _homing(**options: Any) -> Make:
    return lambda world: HomingPeer(world, **options)


RELAYS: Mapping[str, tuple[str, Make]] = {
    "direct": ("sender to sink, no relay between", NoPeer),
    "homing": ("Homing, no pixel", _homing(pixel=False)),
    "homing-pixel": ("Homing, pixel", _homing()),
    "homing-dkim": ("Homing, pixel, DKIM", _homing(sign=True)),
    "homing-pg": ("Homing on PostgreSQL, pixel", _homing(postgresql=True)),
    "homing-pg-2": ("Homing on PostgreSQL, pixel, 2 workers", _homing(workers=2, postgresql=True)),
    "homing-pg-dkim": ("Homing on PostgreSQL, pixel, DKIM", _homing(sign=True, postgresql=True)),
    "homing-pg-dkim-2": (
        "Homing on PostgreSQL, pixel, DKIM, 2 workers",
        _homing(sign=True, workers=2, postgresql=True),
    ),
    "postfix": ("Postfix", PostfixPeer),
    "postfix-dkim": ("Postfix, opendkim", lambda world: PostfixPeer(world, sign=True)),
    "postfix-apart": ("Postfix, one recipient a transaction", lambda world: PostfixPeer(world, together=1)),
    "exim": ("Exim", EximPeer),
    "opensmtpd": ("OpenSMTPD (never syncs)", OpenSmtpdPeer),
    "aiosmtpd": ("stock aiosmtpd, plain forward", ForwarderPeer),
}


@dataclass(frozen=True, slots=True)
class Scenario:
    """One table."""

    name: str
    title: str
    relays: tuple[str, ...]
    letters: int
    job: Mapping[str, Any] = field(default_factory=dict)  # of bench.source.Job
    connections: int = 20  # to the sink
    recipients: int = 1  # of each letter
    delay: float = 0.0  # seconds that the sink takes for each mail
    domains: int = 1  # more than one: found by MX
    baseline: str = "postfix"  # whom the ratios refer to
    warm: int = 200  # letters before the measuring begins
    fewer: Mapping[str, int] = field(default_factory=dict)  # letters of relays that would take too long
    rounds: int = 1  # all relays in turn so many times: a machine that is shared is quick and slow by the minute

    def warm_of(self, relay: str) -> int:
        """How many letters warm a relay; OpenSMTPD waits seconds after an idle moment."""
        return 0 if relay == "opensmtpd" else self.warm

    def letters_of(self, relay: str) -> int:
        """How many letters a relay gets."""
        return self.fewer.get(relay, self.letters)


ALL = (
    Scenario(
        "html",
        "An HTML invoice of 14 to 30 kB, one recipient, 20 connections",
        ("direct", "homing", "homing-pixel", "homing-dkim", "homing-pg", "homing-pg-dkim", "postfix", "postfix-dkim",
         "exim", "opensmtpd", "aiosmtpd"),
        letters=5_000,
        fewer={"exim": 2_500},
        rounds=3,
    ),
    Scenario(
        "pdf",
        "The invoice with a PDF of 150 kB (220 kB in all), one recipient, 20 connections",
        ("direct", "homing", "homing-pixel", "homing-dkim", "homing-pg-dkim", "postfix", "postfix-dkim", "exim",
         "opensmtpd", "aiosmtpd"),
        letters=2_000,
        job={"pdf": True},
        fewer={"exim": 1_000},
        rounds=3,
    ),
    Scenario(
        "many",
        "One invoice to 1,000 recipients, five times; with Homing each recipient gets an own copy",
        ("homing", "homing-pixel", "homing-dkim", "postfix", "postfix-apart", "postfix-dkim", "exim", "opensmtpd",
         "aiosmtpd"),
        letters=5,
        job={"connections": 5},
        recipients=1_000,
        baseline="postfix-apart",
        warm=1,
        fewer={"exim": 2},
    ),
    Scenario(
        "huge",
        "One invoice to 10,000 recipients",
        ("homing-pixel", "homing-dkim", "postfix-apart"),
        letters=1,
        job={"connections": 1},
        recipients=10_000,
        baseline="postfix-apart",
        warm=0,
    ),
    Scenario(
        "domains",
        "The HTML invoice to 200 domains on 20 mail hosts, found by MX",
        ("homing-pixel", "homing-dkim", "postfix", "exim", "opensmtpd"),
        letters=4_000,
        domains=200,
        fewer={"exim": 2_000},
    ),
    Scenario(
        "paced",
        "100 HTML invoices a second",
        ("direct", "homing-pixel", "homing-dkim", "homing-pg-dkim", "postfix", "postfix-dkim", "opensmtpd", "aiosmtpd"),
        letters=800,
        job={"pace": 100.0},
    ),
    Scenario(
        "workers",
        "Workers on PostgreSQL: the HTML invoice, 40 connections",
        ("homing-pg", "homing-pg-2", "homing-pg-dkim", "homing-pg-dkim-2"),
        letters=3_000,
        job={"connections": 40},
        baseline="homing-pg",
        warm=400,
    ),
    Scenario(
        "slow",
        "The HTML invoice to a receiver that takes 100 ms for each, over 200 connections at most",
        ("homing-pixel", "homing-dkim", "postfix", "opensmtpd"),
        letters=5_000,
        connections=200,
        delay=0.1,
    ),
)  # fmt: skip

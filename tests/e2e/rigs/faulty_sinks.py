"""
Domains whose first mail host is an smtp-sink with one fault, beside a good one, and an exact account of their mail.

Each domain has two mail hosts of the same preference: Homing takes one by chance each time it connects. The account
says of every recipient that it was taken once by one of them, or refused with the faulty one's own reply.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field

from tests.e2e.rigs.beside import Beside
from tests.e2e.rigs.clients import hand_over
from tests.e2e.rigs.homing import Homing, Login
from tests.e2e.rigs.postfix_sink import PostfixSink
from tests.rigs.dns_server import DnsServer

SOFT = "450 4.3.0 the sink is not in the mood"
HARD = "554 5.7.1 the sink does not take this"
BUSY = "-Q"  # 421: the destination is then left alone for 15 seconds at least
ALL = [
    *(("-r", stage) for stage in ("CONNECT", "EHLO", "MAIL", "RCPT", "DATA", ".", "RSET")),
    *(("-f", stage) for stage in ("CONNECT", "EHLO", "MAIL", "RCPT", "DATA", ".")),
    *(("-q", stage) for stage in ("CONNECT", "EHLO", "MAIL", "RCPT", "DATA", ".", "RSET", "QUIT")),
    *((BUSY, stage) for stage in ("CONNECT", "EHLO", "MAIL", "RCPT", "DATA", ".", "RSET")),
]
BATCH = 100  # recipients of one message


@dataclass
class FaultyDomain:
    """One domain."""

    number: int
    fault: tuple[str, str]
    bad: PostfixSink
    addresses: list[str] = field(default_factory=list)

    @property
    def name(self) -> str:
        return f"f{self.number}.test"

    @property
    def refuses(self) -> bool:
        """Whether its fault is a refusal of the mail for good."""
        option, stage = self.fault
        return option == "-f" and stage not in ("CONNECT", "EHLO")

    @property
    def lies(self) -> bool:
        """Whether the bad one writes down mails that it does not take."""
        return self.fault[1] == "."


@dataclass
class Account:
    """What became of the mails."""

    domains: Sequence[FaultyDomain]
    good: PostfixSink

    @property
    def addresses(self) -> list[str]:
        """All recipients."""
        return [address for domain in self.domains for address in domain.addresses]

    def taken(self) -> Counter[str]:
        """How often a mail for each recipient was taken with 2xx."""
        taken = self.good.got
        for domain in self.domains:
            if not domain.lies:
                taken += domain.bad.got
        return taken

    def wrong(self, events: Sequence[dict[str, object]]) -> list[str]:
        """Give what does not add up, by the events of ``homing tail --json``; nothing when all does."""
        taken, last, doubted = self.taken(), {}, set()
        for event in events:
            address = str(event["address"])
            last[address] = event
            if "possible duplicate" in str(event["note"]):
                doubted.add(address)
        wrong = [f"{address}: no recipient of ours" for address in taken.keys() - set(self.addresses)]
        for domain in self.domains:
            for address in domain.addresses:
                event, times = last[address], taken[address]
                bounced = domain.refuses and event["event"] == "bounced" and event["reply"] == HARD and times == 0
                delivered = event["event"] == "delivered" and times == 1
                if not bounced and not delivered:
                    wrong.append(f"{address} {domain.fault}: {event['event']} {event['reply']}, taken {times} times")
        in_doubt = {address for domain in self.domains if domain.fault == ("-q", ".") for address in domain.addresses}
        return wrong + [f"{address}: doubted, and was not lost behind its dot" for address in doubted - in_doubt]


@contextmanager
def faulty_domains(dns: DnsServer, faults: Sequence[tuple[str, str]], mails: int) -> Iterator[Account]:
    """Start a domain for each fault, with about ``mails`` recipients in all."""
    with ExitStack() as stack:
        good = stack.enter_context(PostfixSink())
        domains = []
        for number, fault in enumerate(faults):
            bad = stack.enter_context(PostfixSink(*fault, "-b", SOFT, "-B", HARD))
            domain = FaultyDomain(number, fault, bad)
            domain.addresses += [f"r{n}@{domain.name}" for n in range(number, mails, len(faults))]
            dns.add(domain.name, "MX", f"10 bad.{domain.name}.", f"10 good.{domain.name}.")
            dns.add(f"bad.{domain.name}", "A", bad.address)
            dns.add(f"good.{domain.name}", "A", good.address)
            domains.append(domain)
        yield Account(domains, good)


def hand_over_all(homing: Homing, account: Account, content: bytes, login: Login) -> None:
    """Send a mail to all recipients, the domains mixed."""
    addresses = sorted(account.addresses, key=lambda address: int(address[1:].partition("@")[0]))
    for start in range(0, len(addresses), BATCH):
        hand_over(homing, content, addresses[start : start + BATCH], login=login)


def ended(homing: Homing, account: Account) -> bool:
    """Whether every recipient is delivered or bounced."""
    over = {event["address"] for event in homing.events() if event["event"] in ("delivered", "bounced", "expired")}
    return len(over) == len(account.addresses)


def beside_dns(beside: Beside) -> DnsServer:
    """Start name servers."""
    return beside.start(DnsServer())

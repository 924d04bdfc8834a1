"""
A cold queue: how a relay starts on a million recipients that wait, and what that does to a mail for somebody else.

    python -m bench.queue [--recipients 1000000] [--domains 1000] [--seconds 30]

Three starts on the same store, each measured for so many seconds: all domains' mail hosts take mail at once; they take
twenty seconds for each mail; they do not answer at all. Meanwhile a fresh mail to another domain is handed over twice
a second, and its way from 250 to its own mail host is timed. DNS, mail hosts and the relay share the machine.
"""

import argparse
import random
import shutil
import sqlite3
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median

from bench.seed import seed
from relay.settings import DeliverySettings
from store.settings import StoreSettings
from tests.e2e.rigs.beside import Beside
from tests.e2e.rigs.clients import hand_over
from tests.e2e.rigs.homing import Homing, Login
from tests.e2e.rigs.loopback import own_address
from tests.e2e.rigs.postfix_sink import PostfixSink
from tests.rigs.dns_server import DnsServer
from tests.rigs.smtp_sink import SmtpSink

EACH = 100  # recipients of one message
EVERY = 0.5  # seconds between two fresh mails
FRESH = "quick.test"
MAIL = (
    b"From: Verein <office@club.test>\r\nTo: you@club.test\r\nSubject: Rechnung\r\nMIME-Version: 1.0\r\n"
    b"Content-Type: text/html; charset=us-ascii\r\n\r\n<html><body>\r\n"
    + b"<p>Your invoice for November, please pay until the thirtieth.</p>\r\n" * 300
    + b"</body></html>\r\n"
)


@dataclass
class Watch:
    """What is seen of a running relay, from another thread."""

    pid: int
    pss: int = 0  # largest, octets
    cpu_at: float = 0.0  # CPU seconds at the begin
    _over: threading.Event = field(default_factory=threading.Event)

    def begin(self) -> None:
        """Look four times a second."""
        self.cpu_at = self.cpu()
        threading.Thread(target=self._look, daemon=True).start()

    def end(self) -> float:
        """Stop looking, and give the CPU seconds since ``begin``."""
        self._over.set()
        return self.cpu() - self.cpu_at

    def cpu(self) -> float:
        """Give the CPU seconds that it has used."""
        fields = Path(f"/proc/{self.pid}/stat").read_text().rpartition(") ")[2].split()
        return (int(fields[11]) + int(fields[12])) / 100.0

    def _look(self) -> None:
        while not self._over.wait(0.25):
            rollup = Path(f"/proc/{self.pid}/smaps_rollup").read_text()
            self.pss = max(self.pss, int(rollup.partition("\nPss:")[2].split()[0]) * 1024)


def waiting(file: Path) -> int:
    """Count what is not settled, in one snapshot."""
    connection = sqlite3.connect(f"file:{file}?mode=ro", uri=True, isolation_level=None)
    try:
        connection.execute("BEGIN")
        (due,) = connection.execute("SELECT count(*) FROM recipient WHERE state = 'due'").fetchone()
        (claimed,) = connection.execute("SELECT count(*) FROM recipient WHERE state = 'claimed'").fetchone()
    finally:
        connection.close()
    return int(due + claimed)


def fresh_mails(homing: Homing, login: Login, sink: SmtpSink, seconds: float) -> list[tuple[float, float]]:
    """Hand over mails to another domain, and give how long each was on its way, and in which second it left."""
    delays = []
    start = time.monotonic()
    until = start + seconds
    while time.monotonic() < until:
        name = f"r{random.getrandbits(60)}@{FRESH}"
        hand_over(homing, MAIL, [name], login=login)
        begun = time.monotonic()
        while not any(mail.recipient == name for mail in sink.mails[-10:]):
            if time.monotonic() - begun > 120:
                return [*delays, (float("inf"), begun - start)]
            time.sleep(0.002)
        delays.append((time.monotonic() - begun, begun - start))
        time.sleep(max(0.0, EVERY - delays[-1][0]))
    return delays


def measure(name: str, homing: Homing, sink: SmtpSink, login: Login | None, seconds: float) -> Login:
    """Start the relay, watch it, stop it, and print a line."""
    file = homing.folder / "var" / "homing.db"
    begun = time.monotonic()
    homing.start()
    started = time.monotonic() - begun
    login = login or homing.login()
    watch = Watch(homing.pid)
    watch.begin()
    before, begun = waiting(file), time.monotonic()
    delays = fresh_mails(homing, login, sink, seconds)
    took = time.monotonic() - begun
    left = waiting(file)
    cpu = watch.end()
    worst = ", ".join(f"{delay * 1e3:,.0f} ms in second {at:.0f}" for delay, at in sorted(delays, reverse=True)[:3])
    homing.kill()
    print(  # noqa: T201
        f"{name:20} start {started:5.2f} s   delivered {(before - left) / took:7,.0f}/s   CPU {cpu / took:4.0%}"
        f"   memory {watch.pss / 1e6:4.0f} MB"
        f"   fresh mail p50 {median(delay for delay, _ in delays) * 1e3:5.0f} ms, slowest of {len(delays)}: {worst}",
        flush=True,
    )
    return login


@contextmanager
def world(domains: int) -> Iterator[tuple[DnsServer, SmtpSink, str]]:
    """Run the name servers, the mail host of the fresh mails, and give the address of the hosts of the queue."""
    with Beside() as beside:
        dns = beside.start(DnsServer(ttl=3600))
        sink = beside.start(SmtpSink(host=own_address(), port=25))
        address = own_address()
        for domain, there in [(FRESH, sink.host), *((f"d{n}.test", address) for n in range(domains))]:
            dns.add(domain, "MX", f"10 mx.{domain}.")
            dns.add(f"mx.{domain}", "A", there)
        yield dns, sink, address


def main() -> None:
    """Seed, and measure three starts."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--recipients", type=int, default=1_000_000)
    parser.add_argument("--domains", type=int, default=1_000)
    parser.add_argument("--seconds", type=float, default=30.0)
    given = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="homing-queue-"))
    try:
        with world(given.domains) as (dns, sink, address):
            bench(folder, dns, sink, address, given)
    finally:
        shutil.rmtree(folder)


def bench(folder: Path, dns: DnsServer, sink: SmtpSink, address: str, given: argparse.Namespace) -> None:
    """Do all of it."""
    homing = Homing(
        folder,
        {
            "relay": {
                "dns": {"nameservers": [dns.nameserver]},
                "delivery": {"schedule": [f"{step:.0f}s" for step in DeliverySettings().schedule]},
                "log": {"level": "warning"},
            },
        },
    )
    begun = time.monotonic()
    (folder / "var").mkdir()
    seed(
        StoreSettings(url=f"sqlite:///{folder}/var/homing.db", contents=folder / "var" / "contents", reserve=0),
        recipients=given.recipients,
        each=EACH,
        address=lambda n: f"r{n}@d{n % given.domains}.test",
        content=MAIL,
    )
    size = (folder / "var" / "homing.db").stat().st_size
    print(  # noqa: T201
        f"{given.recipients:,} recipients in {given.domains:,} domains, a store of {size / 1e6:,.0f} MB"
        f" (made in {time.monotonic() - begun:.0f} s)",
        flush=True,
    )
    with PostfixSink(address=address, keeps=False):
        login = measure("hosts at once", homing, sink, None, given.seconds)
    with PostfixSink("-W", ".:20", "-m", "1000", address=address, keeps=False):
        measure("hosts that take 20 s", homing, sink, login, given.seconds)
    measure("no host is there", homing, sink, login, given.seconds)


if __name__ == "__main__":
    main()

"""
Mail to servers with every fault that Postfix's smtp-sink knows, and what became of each.

    python -m bench.sink [--mails 5000] [--seconds 600]

Refusals for now and for good, hanging up and 421, at each stage, beside a good host of each domain. In the end every
mail was delivered once, or refused with the faulty server's own reply; else the exit status is 1.
"""

import argparse
import shutil
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

from tests.e2e.rigs.beside import Beside
from tests.e2e.rigs.faulty_sinks import ALL, Account, beside_dns, ended, faulty_domains, hand_over_all
from tests.e2e.rigs.homing import Homing

MAIL = b"From: office@club.test\r\nTo: all@club.test\r\nSubject: Hello\r\n\r\nWorld\r\n"


def main() -> None:
    """Send, wait, account."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--mails", type=int, default=5_000)
    parser.add_argument("--seconds", type=float, default=600.0, help="to wait for the end at most")
    given = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="homing-sink-"))
    try:
        with Beside() as beside:
            dns = beside_dns(beside)
            with faulty_domains(dns, ALL, given.mails) as account:
                settings = {"relay": {"dns": {"nameservers": [dns.nameserver]}, "log": {"level": "warning"}}}
                homing = Homing(folder, settings)
                homing.start()
                try:
                    sys.exit(bench(homing, account, given.seconds))
                finally:
                    homing.stop()
    finally:
        shutil.rmtree(folder)


def bench(homing: Homing, account: Account, seconds: float) -> int:
    """Do it with a relay that runs; give the exit status."""
    begun = time.monotonic()
    hand_over_all(homing, account, MAIL, homing.login())
    while not ended(homing, account) and time.monotonic() - begun < seconds:
        time.sleep(1)
    events = homing.events()
    wrong = account.wrong(events)
    kinds = Counter(event["event"] for event in events)
    twice = sum(event["event"] == "delivered" and "possible duplicate" in str(event["note"]) for event in events)
    print(  # noqa: T201
        f"{len(account.addresses):,} mails, {len(account.domains)} faults, {time.monotonic() - begun:.0f} s:"
        f" {kinds['delivered']:,} delivered, {kinds['bounced']:,} refused, {kinds['deferred']:,} times put off;"
        f" {twice} of the delivered are possible duplicates; {len(wrong)} unaccounted for"
    )
    for line in wrong[:50]:
        print(f"  {line}")  # noqa: T201
    return 1 if wrong else 0


if __name__ == "__main__":
    main()

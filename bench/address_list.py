"""
What an address list of Apple's size costs: ``python bench/address_list.py``.

Makes 300,000 networks as Apple publishes them (four fifths IPv6), reads the text, writes and reads the snapshot, and
looks a million addresses up. Prints one figure a line.
"""

import time
import tracemalloc
from collections.abc import Callable, Iterator
from ipaddress import IPv4Address, IPv6Address
from typing import TypeVar

import click

from pixel.lists import About, AddressList, from_snapshot, read_published, to_snapshot

NETWORKS = 300_000
LOOK_UPS = 1_000_000
T = TypeVar("T")


def published() -> Iterator[str]:
    """Give the lines of such a file."""
    for n in range(NETWORKS // 5):
        yield f"{IPv4Address(0xAC000000 + 4 * n)}/31,GB,GB-ENG,London,"
    for n in range(NETWORKS - NETWORKS // 5):
        yield f"{IPv6Address((0x2A0226F7 << 96) + (n << 65))}/64,US,US-CA,San Jose,"


def timed(what: str, work: Callable[[], T]) -> T:
    """Do it, and print how long it took."""
    begin = time.perf_counter()
    result = work()
    click.echo(f"{what}: {time.perf_counter() - begin:.2f} s")
    return result


def main() -> None:
    """Measure."""
    lines = list(published())
    networks, count = timed(f"read {len(lines)} lines", lambda: read_published(lines))
    about = About(name="apple-relay", source="", etag="", loaded_at=0.0, prefixes=count)
    raw = timed("write the snapshot", lambda: to_snapshot(AddressList(about, networks)))
    click.echo(f"snapshot: {len(raw) / 1e6:.1f} MB")
    tracemalloc.start()
    found = from_snapshot(raw)
    held, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    click.echo(f"held in memory: {held / 1e6:.1f} MB, {peak / 1e6:.1f} MB while reading")
    timed("read the snapshot", lambda: from_snapshot(raw))
    addresses = [IPv6Address((0x2A0226F7 << 96) + (n * 7919 << 64)) for n in range(1_000)]
    begin = time.perf_counter()
    hits = sum(address in found.networks for _ in range(LOOK_UPS // 1_000) for address in addresses)
    click.echo(f"look-up: {(time.perf_counter() - begin) / LOOK_UPS * 1e6:.2f} microseconds ({hits} of {LOOK_UPS} hit)")


if __name__ == "__main__":
    main()

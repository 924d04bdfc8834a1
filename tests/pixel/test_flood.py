"""pixel/flood.py."""

from pixel.flood import FloodGuard


def allowed(guard: FloodGuard, address: str, times: int, now: float = 0.0) -> int:
    return sum(guard.allows(address, now) for _ in range(times))


def test_burst_then_rate() -> None:
    """P7: an address has its burst at once, then its rate."""
    guard = FloodGuard(rate=2.0, burst=5.0)
    assert allowed(guard, "192.0.2.1", 10) == 5
    assert allowed(guard, "192.0.2.1", 10, now=1.5) == 3
    assert allowed(guard, "192.0.2.1", 10, now=1_000.0) == 5


def test_others_do_not_feel_it() -> None:
    """One address in a loop takes nothing from another."""
    guard = FloodGuard(rate=1.0, burst=2.0)
    allowed(guard, "192.0.2.1", 100)
    assert allowed(guard, "192.0.2.2", 3) == 2


def test_ipv6_network_is_one_address() -> None:
    """A /64 belongs to one customer, who can take a new address for each request."""
    guard = FloodGuard(rate=1.0, burst=2.0)
    assert sum(guard.allows(f"2001:db8::{n}", 0.0) for n in range(1, 9)) == 2
    assert allowed(guard, "2001:db8:0:1::1", 3) == 2


def test_loopback_is_not_limited() -> None:
    """A proxy on this machine that is not listed as one stands for everybody."""
    guard = FloodGuard(rate=1.0, burst=1.0)
    assert allowed(guard, "127.0.0.1", 50) == allowed(guard, "::1", 50) == 50


def test_clock_that_jumps_back() -> None:
    """A clock set back gives nothing and takes nothing."""
    guard = FloodGuard(rate=1.0, burst=2.0)
    assert allowed(guard, "192.0.2.1", 1, now=100.0) == 1
    assert allowed(guard, "192.0.2.1", 5, now=50.0) == 1


def test_watched_addresses_are_bounded() -> None:
    """The memory for addresses is bounded; the one used longest ago goes first."""
    guard = FloodGuard(rate=0.0, burst=1.0)
    allowed(guard, "192.0.2.1", 1)
    for n in range(20_000):
        guard.allows(f"198.{n // 65536}.{n // 256 % 256}.{n % 256}", 0.0)
    assert len(guard._buckets) <= 20_000
    assert guard.allows("192.0.2.1", 0.0)

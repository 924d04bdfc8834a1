"""What is remembered of other servers' TLS: over restarts, within bounds (robustness.md 2.6)."""

from pathlib import Path

import pytest

from relay.delivery import tls_memory
from relay.delivery.sts_policy import Policy
from relay.delivery.tls_memory import SEEN_FOR, KeptPolicy, TlsMemory
from tests.conftest import Clock

POLICY = Policy("enforce", 86400, ("mx.example.org", "*.example.net"))


def memory(path: Path | None, clock: Clock) -> TlsMemory:
    made = TlsMemory(path, clock=clock)
    made.load()
    return made


async def test_a_restart_keeps_what_is_known(tmp_path: Path, clock: Clock) -> None:
    """Policies until their max_age, domains seen verified for 30 days."""
    path = tmp_path / "var" / "tls.json"
    first = memory(path, clock)
    kept = KeptPolicy("1", POLICY, clock())
    first.keep("example.org", kept)
    first.see_verified("club.test")
    await first.close()

    second = memory(path, clock)
    assert second.policy("example.org") == kept
    assert second.seen_verified("club.test")
    assert not second.seen_verified("example.org")
    clock.move(86400)
    assert second.policy("example.org") is None
    assert memory(path, clock).policy("example.org") is None
    assert second.seen_verified("club.test")
    clock.move(SEEN_FOR)
    assert not memory(path, clock).seen_verified("club.test")


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{",
        b"[]",
        b"null",
        b'{"policies": {}}',
        b'{"policies": {"a": 1}, "seen": {}}',
        b"\xff",
        b'{"policies": 7, "seen": 8}',
    ],
)
async def test_a_damaged_file_is_begun_anew(
    tmp_path: Path, clock: Clock, content: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    """It is told in the log, and the next change writes a whole one."""
    path = tmp_path / "tls.json"
    path.write_bytes(content)
    first = memory(path, clock)
    assert "cannot be read" in caplog.text
    first.see_verified("club.test")
    await first.close()
    assert memory(path, clock).seen_verified("club.test")


async def test_a_file_that_cannot_be_written_stops_nothing(
    tmp_path: Path, clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    """What is known stays in memory, the log says it."""
    (tmp_path / "file").touch()
    first = memory(tmp_path / "file" / "tls.json", clock)
    first.see_verified("club.test")
    await first.close()
    assert first.seen_verified("club.test")
    assert "cannot be written" in caplog.text


async def test_the_oldest_go_first(clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither many domains nor long policies fill the memory."""
    monkeypatch.setattr(tls_memory, "MOST_DOMAINS", 3)
    monkeypatch.setattr(tls_memory, "MOST_OCTETS", 100)
    some = memory(None, clock)
    for number in range(4):
        some.keep(f"d{number}.test", KeptPolicy("1", POLICY, clock()))
        some.see_verified(f"d{number}.test")
        some.policy("d0.test")
    assert [some.policy(f"d{number}.test") is not None for number in range(4)] == [True, False, True, True]
    assert [some.seen_verified(f"d{number}.test") for number in range(4)] == [False, True, True, True]
    some.keep("d9.test", KeptPolicy("1", Policy("enforce", 60, ("x" * 80,)), clock()))
    assert [some.policy(f"d{number}.test") is not None for number in (0, 2, 3, 9)] == [False, False, False, True]
    some.keep("d9.test", KeptPolicy("2", POLICY, clock()))
    some.keep("d0.test", KeptPolicy("2", POLICY, clock()))
    assert some.policy("d9.test") is not None


async def test_a_clock_that_jumps_back_forgets_nothing_at_once(clock: Clock) -> None:
    """A few hours back a policy still counts; far back it does not, or a wrong clock would keep it for ever."""
    some = memory(None, clock)
    some.keep("example.org", KeptPolicy("1", POLICY, clock()))
    clock.move(-3600)
    assert some.policy("example.org") is not None
    clock.move(-10 * 86400)
    assert some.policy("example.org") is None

"""Which policy a domain has: when it is fetched, kept, fetched anew, and how long the answer may be believed."""

import asyncio
from dataclasses import dataclass, field

import pytest

from relay.delivery.mta_sts import REFRESH, TRY_AGAIN, MtaSts, Standing
from relay.delivery.policy_fetch import FetchFailed
from relay.delivery.resolver import Failed, Found, NoRecord, TextAnswer
from relay.delivery.sts_policy import Policy
from relay.delivery.tls_memory import KeptPolicy, TlsMemory
from tests.conftest import Clock

ENFORCE = Policy("enforce", 604_800, ("mx.example.org",))
NONE = Policy("none", 60, ())


@dataclass
class Outside:
    """The domain's record and policy; None: the look-up, or the fetch, fails."""

    clock: Clock
    id: str | None = "1"  # "": there is no record
    policy: Policy | None = ENFORCE
    fetched: list[str] = field(default_factory=list)
    gate: asyncio.Event = field(default_factory=asyncio.Event)

    async def texts(self, name: str) -> TextAnswer:
        assert name == "_mta-sts.example.org"
        if self.id is None:
            return Failed("SERVFAIL", self.clock() + 30)
        if not self.id:
            return NoRecord(self.clock() + 60)
        return Found((f"v=STSv1; id={self.id}",), self.clock() + 600)

    async def fetch(self, domain: str) -> Policy:
        self.fetched.append(domain)
        await self.gate.wait()
        if self.policy is None:
            raise FetchFailed("the web server answers 404")
        return self.policy


@dataclass
class Here:
    """The part under test, and what is around it."""

    outside: Outside
    memory: TlsMemory
    sts: MtaSts

    async def standing(self) -> Standing:
        standing = await self.sts.standing("example.org")
        await asyncio.sleep(0)
        await asyncio.sleep(0)  # what is fetched beside the mail is done as well
        return standing


@pytest.fixture
def here(clock: Clock) -> Here:
    outside = Outside(clock)
    outside.gate.set()
    memory = TlsMemory(None, clock=clock)
    return Here(outside, memory, MtaSts(outside, fetch=outside.fetch, memory=memory, clock=clock))


async def test_a_policy_is_fetched_once(here: Here, clock: Clock) -> None:
    """And believed as long as its record."""
    assert await here.standing() == Standing(ENFORCE, clock() + 600)
    assert (await here.standing()).policy == ENFORCE
    assert len(here.outside.fetched) == 1


@pytest.mark.parametrize("told", [None, ""])
async def test_without_a_record_nothing_is_fetched(here: Here, clock: Clock, told: str | None) -> None:
    """No policy; looked for again five minutes later, so that a broken name server does not keep mail waiting."""
    here.outside.id = told
    assert await here.standing() == Standing(None, clock() + TRY_AGAIN)
    assert here.outside.fetched == []


@pytest.mark.parametrize("told", [None, ""])
async def test_a_known_policy_outlives_its_record(here: Here, clock: Clock, told: str | None) -> None:
    """To the second; then it is over."""
    here.outside.policy = Policy("enforce", 1000, ("mx.example.org",))
    begun = clock()
    await here.standing()
    here.outside.id, here.outside.policy = told, None
    clock.move(900)
    standing = await here.standing()
    assert standing.policy is not None
    assert standing.until == begun + 1000
    clock.move(100)
    assert (await here.standing()).policy is None


async def test_a_new_id_is_fetched_at_once(here: Here) -> None:
    """The mail waits for it: a domain that ends its policy is not refused for an old one."""
    await here.standing()
    here.outside.id, here.outside.policy = "2", NONE
    assert (await here.standing()).policy == NONE


async def test_a_failed_fetch_changes_nothing_and_is_not_repeated_at_once(here: Here, clock: Clock) -> None:
    """Five minutes; a third version is tried at once."""
    await here.standing()
    here.outside.id, here.outside.policy = "2", None
    assert await here.standing() == Standing(ENFORCE, clock() + TRY_AGAIN)
    clock.move(TRY_AGAIN - 1)
    assert (await here.standing()).policy == ENFORCE
    assert len(here.outside.fetched) == 2
    clock.move(1)
    await here.standing()
    assert len(here.outside.fetched) == 3
    here.outside.id, here.outside.policy = "3", NONE
    assert (await here.standing()).policy == NONE


async def test_a_first_fetch_that_fails(here: Here, clock: Clock) -> None:
    """None, and never believed for no time at all: each mail would look it up."""
    here.outside.policy = None
    assert await here.standing() == Standing(None, clock() + TRY_AGAIN)
    here.outside.id = ""
    clock.move(TRY_AGAIN + 50)
    assert await here.standing() == Standing(None, clock() + TRY_AGAIN)
    clock.move(-1000)
    assert (await here.standing()).until > clock()


async def test_a_refresh_goes_beside_the_mail(here: Here, clock: Clock) -> None:
    """Once a day; nobody waits for it, and what fails leaves the old one."""
    await here.standing()
    here.outside.gate.clear()
    clock.move(REFRESH + 1)
    assert (await here.standing()).policy == ENFORCE
    assert (await here.standing()).policy == ENFORCE
    assert len(here.outside.fetched) == 2
    here.outside.gate.set()
    await here.standing()
    kept = here.memory.policy("example.org")
    assert kept is not None
    assert kept.fetched_at == clock()


async def test_many_mails_fetch_once(here: Here) -> None:
    """Single flight; a mail that is given up takes nothing from the others."""
    here.outside.gate.clear()
    mails = [asyncio.create_task(here.sts.standing("example.org")) for _ in range(5)]
    for _ in range(3):
        await asyncio.sleep(0)
    mails[0].cancel()
    here.outside.gate.set()
    found = await asyncio.gather(*mails, return_exceptions=True)
    assert isinstance(found[0], asyncio.CancelledError)
    assert [one.policy for one in found[1:] if isinstance(one, Standing)] == [ENFORCE] * 4
    assert len(here.outside.fetched) == 1


async def test_close_gives_up_what_is_fetched(here: Here) -> None:
    """At the end no task is left."""
    here.outside.gate.clear()
    waiting = asyncio.create_task(here.sts.standing("example.org"))
    for _ in range(3):
        await asyncio.sleep(0)
    await here.sts.close()
    with pytest.raises(asyncio.CancelledError):
        await waiting


async def test_a_policy_from_before_a_restart_counts(here: Here, clock: Clock) -> None:
    """Without a fetch, as long as its id is the record's."""
    here.memory.keep("example.org", KeptPolicy("1", ENFORCE, clock() - 100))
    assert (await here.standing()).policy == ENFORCE
    assert here.outside.fetched == []

"""
Which MTA-STS policy a domain has now (RFC 8461 section 5.1).

A TXT record says that there is one and names its version; the policy comes over HTTPS (``policy_fetch.py``) and is
obeyed until its ``max_age`` is over, whatever becomes of record and web server (``tls_memory.py`` keeps it). Who forges
DNS or blocks the web server can therefore only keep us from learning a policy, never make us forget one.
"""

import asyncio
import logging
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Protocol

import aiohttp

from relay.delivery.policy_fetch import FetchFailed
from relay.delivery.resolver import Failed, Found, TextAnswer
from relay.delivery.sts_policy import BadPolicy, Policy, read_record
from relay.delivery.tls import POLICY_FETCH_ERROR, POLICY_INVALID, WEB_CERTIFICATE_INVALID
from relay.delivery.tls_memory import KeptPolicy, TlsMemory

TRY_AGAIN = 300.0  # seconds after a failed fetch, or where there was no policy (section 3.3: five minutes or more)
REFRESH = 86400.0  # a policy is fetched anew so often, so that it does not end while its web server is away
_REMEMBERED = 10_000

_log = logging.getLogger(__name__)


class Texts(Protocol):
    """What is asked of ``resolver.Resolver``."""

    async def texts(self, name: str) -> TextAnswer:
        """Find TXT records."""


@dataclass(frozen=True, slots=True)
class Standing:
    """The policy that a domain has, None for none; and the clock time up to which that may be believed."""

    policy: Policy | None
    until: float


class MtaSts:
    """
    Knows policies. ``fetch`` gives one or raises FetchFailed; ``clock``: Unix seconds.

    ``failed`` is told of each fetch that failed: the domain, the result type of RFC 8460 section 4.3, and why.
    """

    def __init__(
        self,
        names: Texts,
        *,
        fetch: Callable[[str], Awaitable[Policy]],
        memory: TlsMemory,
        clock: Callable[[], float],
        failed: Callable[[str, str, str], None] | None = None,
    ) -> None:
        self._names = names
        self._fetch = fetch
        self._memory = memory
        self._clock = clock
        self._tell = failed
        self._failed: OrderedDict[str, tuple[str, float]] = OrderedDict()  # domain -> (id, when the fetch failed)
        self._under_way: dict[str, asyncio.Task[None]] = {}

    async def standing(self, domain: str) -> Standing:
        """Find the policy of a domain. A first one is waited for; a known one is fetched anew beside the mail."""
        answer = await self._names.texts(f"_mta-sts.{domain}")
        told = read_record(answer.records) if isinstance(answer, Found) else None
        kept = self._memory.policy(domain)
        now = self._clock()
        version = told or (kept.id if kept else "")
        if version and self._may_fetch(domain, version, now):
            if kept is None or kept.id != version:
                await self._renew(domain, version)
            elif not 0 <= now - kept.fetched_at < min(REFRESH, kept.policy.max_age / 2):
                self._start(domain, version)
        return self._stands(domain, answer)

    async def close(self) -> None:
        """Give up what is being fetched."""
        tasks = list(self._under_way.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _stands(self, domain: str, answer: TextAnswer) -> Standing:
        now = self._clock()
        kept = self._memory.policy(domain)
        _, failed_at = self._failed.get(domain, ("", float("-inf")))
        again = max(answer.until, now + TRY_AGAIN)
        if failed_at <= now < failed_at + TRY_AGAIN:
            again = failed_at + TRY_AGAIN
        if kept is None:
            if isinstance(answer, Failed):
                _log.debug("%s: whether it has an MTA-STS policy cannot be seen: %s", domain, answer.why)
            return Standing(None, again)
        return Standing(kept.policy, min(again, kept.expires_at))

    def _may_fetch(self, domain: str, version: str, now: float) -> bool:
        """Whether no fetch of this version has failed within TRY_AGAIN."""
        failed, at = self._failed.get(domain, ("", float("-inf")))
        return failed != version or not 0 <= now - at < TRY_AGAIN

    async def _renew(self, domain: str, version: str) -> None:
        self._start(domain, version)
        await asyncio.shield(self._under_way[domain])  # who goes does not take it from the others

    def _start(self, domain: str, version: str) -> None:
        if domain not in self._under_way:
            task = self._under_way[domain] = asyncio.get_running_loop().create_task(self._fetch_one(domain, version))
            task.add_done_callback(lambda _: self._under_way.pop(domain))

    async def _fetch_one(self, domain: str, version: str) -> None:
        """Fetch a policy and keep it. A failure changes nothing of what is kept."""
        try:
            policy = await self._fetch(domain)
        except FetchFailed as error:
            if self._tell is not None:
                self._tell(domain, _result_type(error), str(error))
            known = self._memory.policy(domain)
            _log.warning(
                "%s: its MTA-STS policy could not be fetched, %s: %s",
                domain,
                "the one known before stays" if known else "mail goes without one",
                error,
            )
            self._failed[domain] = (version, self._clock())
            self._failed.move_to_end(domain)
            while len(self._failed) > _REMEMBERED:
                self._failed.popitem(last=False)
        else:
            self._failed.pop(domain, None)
            self._memory.keep(domain, KeptPolicy(version, policy, self._clock()))


def _result_type(error: FetchFailed) -> str:
    """Give the result type for a policy that could not be had."""
    if isinstance(error.__cause__, BadPolicy):
        return POLICY_INVALID
    if isinstance(error.__cause__, aiohttp.ClientConnectorCertificateError):
        return WEB_CERTIFICATE_INVALID
    return POLICY_FETCH_ERROR

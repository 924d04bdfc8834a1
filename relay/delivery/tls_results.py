"""
How TLS to mail hosts went, session by session, for the reports that their domains ask for (RFC 8460).

Counted in memory; ``relay/tls_reports.py`` moves the counts into the store. A session counts for the domain whose mail
opened it. What failed before TLS was asked for says nothing about TLS and is not counted.
"""

import json
import logging
from collections import Counter
from collections.abc import Callable
from typing import Any, Protocol

from relay.delivery.dialogue import Outcome
from relay.delivery.route import Host
from relay.delivery.sts_policy import Policy
from relay.delivery.tls import DNSSEC_INVALID, NO_STARTTLS
from store.nouns import Phase, TlsResult

MOST = 50_000  # different ones in memory
DAY = 86_400

_log = logging.getLogger(__name__)


class Session(Protocol):
    """What is read of a ``connection.Connection`` that was opened, or not."""

    host: Host
    address: str
    local_address: str
    tls: str
    tls_failure: str


class TlsResults:
    """
    Counts. ``policy_of`` gives the MTA-STS policy of a domain that is known; ``clock``: Unix seconds.

    Each count has its facts as JSON with sorted keys: ``policy`` as RFC 8460 section 4.4 has it, without its domain,
    and ``failure``, one of its ``failure-details`` without its count, or null.
    """

    def __init__(self, *, policy_of: Callable[[str], Policy | None], clock: Callable[[], float]) -> None:
        self._policy_of = policy_of
        self._clock = clock
        self._counts: Counter[tuple[int, str, str]] = Counter()

    def session(self, domain: str, session: Session, outcome: Outcome | None) -> None:
        """Count a session that was opened for a domain's mail; the outcome says why it could not be."""
        if session.tls:
            failure = ""
        elif outcome is None:
            failure = NO_STARTTLS
        elif outcome.phase is Phase.TLS:
            failure = session.tls_failure or NO_STARTTLS
        else:
            return
        details: dict[str, str] | None = None
        if failure:
            details = {
                "result-type": failure,
                "sending-mta-ip": session.local_address,
                "receiving-mx-hostname": session.host.name,
                "receiving-ip": session.address,
                "failure-reason-code": outcome.why if outcome else "",
            }
        self._count(domain, self._policy(domain, session.host), details)

    def passed_over(self, domain: str, host: Host, why: str) -> None:
        """Count a host that was not even connected to: its TLSA records could not be had, or the policy has no name."""
        if why == DNSSEC_INVALID:
            policy: dict[str, Any] = {"policy-type": "tlsa"}
        else:
            policy = self._policy(domain, host, "MTA-STS")
        self._count(domain, policy, {"result-type": why, "receiving-mx-hostname": host.name})

    def no_policy(self, domain: str, why: str, said: str) -> None:
        """Count a policy that could not be fetched."""
        self._count(domain, {"policy-type": "sts"}, {"result-type": why, "failure-reason-code": said})

    def take(self) -> list[TlsResult]:
        """Give all counts, and begin anew."""
        counts, self._counts = self._counts, Counter()
        return [TlsResult(*key, sessions) for key, sessions in counts.items()]

    def put_back(self, results: list[TlsResult]) -> None:
        """Count again what could not be written."""
        for result in results:
            self._add((result.day, result.domain, result.facts), result.sessions)

    def _policy(self, domain: str, host: Host, proof: str = "") -> dict[str, Any]:
        proof = proof or host.proof
        if proof == "DANE":
            return {"policy-type": "tlsa", "policy-string": [str(record) for record in host.tlsa]}
        policy = self._policy_of(domain) if proof.startswith("MTA-STS") else None
        if policy is None:
            return {"policy-type": "no-policy-found"}
        lines = ["version: STSv1", f"mode: {policy.mode}", *(f"mx: {name}" for name in policy.mx)]
        return {
            "policy-type": "sts",
            "policy-string": [*lines, f"max_age: {policy.max_age}"],
            "mx-host": list(policy.mx),
        }

    def _count(self, domain: str, policy: dict[str, Any], failure: dict[str, str] | None) -> None:
        told = None if failure is None else {name: value[:500] for name, value in failure.items() if value}
        facts = json.dumps({"policy": policy, "failure": told}, sort_keys=True)
        self._add((int(self._clock() // DAY), domain, facts), 1)

    def _add(self, key: tuple[int, str, str], sessions: int) -> None:
        if key not in self._counts and len(self._counts) >= MOST:
            _log.debug("a TLS result of %s is not counted: there are too many", key[1])
            return
        self._counts[key] += sessions

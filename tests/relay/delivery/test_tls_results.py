"""relay/delivery/tls_results.py: each session is counted for what became of its TLS (RFC 8460 section 4.3)."""

import json
import ssl
from typing import Any

import pytest

from relay.delivery.dialogue import Outcome
from relay.delivery.route import Host
from relay.delivery.tls_results import MOST, TlsResults
from store.nouns import Phase
from tests.relay.delivery.tls_world import STRANGER, Scene, issued, pin_key, scene, self_signed
from tests.rigs.dns_server import Servfail
from tests.rigs.policy_host import Give, policy
from tests.rigs.smtp_sink import Drop, Say
from tests.rigs.virtual_time import run

GOOD = issued("mx.example.org")
ENFORCE = policy("enforce", "mx.example.org")
STS = {
    "policy-type": "sts",
    "policy-string": ["version: STSv1", "mode: enforce", "mx: mx.example.org", "max_age: 86400"],
    "mx-host": ["mx.example.org"],
}


def counted(here: Scene) -> list[tuple[str, dict[str, Any], dict[str, str] | None, int]]:
    taken = [(result.domain, json.loads(result.facts), result.sessions) for result in here.results.take()]
    return [(domain, facts["policy"], facts["failure"], sessions) for domain, facts, sessions in taken]


def failures(here: Scene) -> list[tuple[str, str]]:
    """Give policy type and result type of what was counted as a failure."""
    return [
        (policy["policy-type"], failure["result-type"])
        for _, policy, failure, _ in counted(here)
        if failure is not None
    ]


def test_a_session_under_a_policy() -> None:
    """It counts once, however many mails it carries, with the policy as it was published."""

    async def scenario() -> None:
        async with scene(GOOD) as here:
            here.publish(ENFORCE)
            await here.attempt(1)
            await here.attempt(2)
            assert counted(here) == [("example.org", STS, None, 1)]
            assert counted(here) == []

    run(scenario())


@pytest.mark.parametrize(
    ("context", "result"),
    [
        (issued("mx.other.test"), "certificate-host-mismatch"),
        (issued("mx.example.org", by=STRANGER), "certificate-not-trusted"),
        (self_signed("mx.example.org")[0], "certificate-not-trusted"),
    ],
)
@pytest.mark.parametrize("mode", ["enforce", "testing"])
def test_a_certificate_that_is_not_good(context: ssl.SSLContext, result: str, mode: str) -> None:
    """It counts as a failure with the host and both addresses; under a policy that only tests too, and only once."""

    async def scenario() -> None:
        async with scene(context) as here:
            here.publish(policy(mode, "mx.example.org"))
            await here.attempt(1)
            ((domain, found, failure, sessions),) = counted(here)
            assert failure is not None
            assert (domain, found["policy-string"][1], sessions) == ("example.org", f"mode: {mode}", 1)
            assert failure.pop("failure-reason-code")
            assert failure == {
                "result-type": result,
                "sending-mta-ip": "127.0.0.1",
                "receiving-mx-hostname": "mx.example.org",
                "receiving-ip": "127.0.0.1",
            }

    run(scenario())


def test_a_host_without_tls() -> None:
    """Under a policy and without one; what is delivered in clear counts as well."""

    async def scenario() -> None:
        async with scene(None) as here:
            await here.attempt(1)
            assert failures(here) == [("no-policy-found", "starttls-not-supported")]
        async with scene(None) as here:
            here.publish(ENFORCE)
            await here.attempt(1)
            assert failures(here) == [("sts", "starttls-not-supported")]

    run(scenario())


def test_records_of_a_host() -> None:
    """A session under DANE counts with the records; a certificate that they do not name is a failure."""

    async def scenario() -> None:
        context, certificate = self_signed("mx.example.org")
        async with scene(context) as here:
            here.pin(pin_key(certificate))
            await here.attempt(1)
            tlsa = {"policy-type": "tlsa", "policy-string": [pin_key(certificate)]}
            assert counted(here) == [("example.org", tlsa, None, 1)]
        async with scene(GOOD) as here:
            here.pin(pin_key(certificate))
            await here.attempt(1)
            assert failures(here) == [("tlsa", "validation-failure")]

    run(scenario())


def test_what_is_not_even_connected_to() -> None:
    """A host whose records cannot be had, and one that the policy does not name."""

    async def scenario() -> None:
        async with scene(GOOD) as here:
            here.pin("3 1 1 " + "ab" * 32)
            here.dns.remove(f"_{here.sink.port}._tcp.mx.example.org")
            here.dns.add(f"_{here.sink.port}._tcp.mx.example.org", "TLSA", Servfail())
            await here.attempt(1)
            assert failures(here) == [("tlsa", "dnssec-invalid")]
        async with scene(GOOD) as here:
            here.publish(policy("enforce", "mx.other.test"))
            await here.attempt(1)
            assert failures(here) == [("sts", "validation-failure")]

    run(scenario())


@pytest.mark.parametrize(
    ("answer", "result"),
    [(Give(b"no policy"), "sts-policy-invalid"), (Give(b"", status=500), "sts-policy-fetch-error")],
)
def test_a_policy_that_cannot_be_had(answer: Give, result: str) -> None:
    """The failure is told beside the session that went without it."""

    async def scenario() -> None:
        async with scene(GOOD) as here:
            here.publish(ENFORCE)
            here.web.answer = answer
            await here.attempt(1)
            assert failures(here) == [("sts", result)]

    run(scenario())


def test_what_fails_before_tls_is_not_counted() -> None:
    """A host that refuses or hangs up in its greeting says nothing about TLS."""

    async def scenario() -> None:
        async with scene(GOOD) as here:
            here.sink.on("greeting", Say("554 go away"), times=1)
            await here.attempt(1)
            here.sink.on("greeting", Drop(), times=1)
            await here.later(600)
            assert counted(here) == []

    run(scenario())


class _Closed:
    host = Host("mx.example.org", 25, ("127.0.0.1",))
    address = "127.0.0.1"
    local_address = ""
    tls = ""
    tls_failure = ""


def test_there_are_never_too_many() -> None:
    """What is known goes on being counted; a new kind finds no room, and what is put back is counted again."""
    results = TlsResults(policy_of=lambda _: None, clock=lambda: 86_400.0 * 3 + 5.0)
    failed = Outcome(Phase.TLS, None, "no", None, permanent=False)
    for number in range(MOST + 5):
        results.session(f"d{number}.example", _Closed(), failed)
    results.session("d0.example", _Closed(), failed)
    taken = results.take()
    assert len(taken) == MOST
    assert (taken[0].day, taken[0].domain, taken[0].sessions) == (3, "d0.example", 2)
    results.put_back(taken[:1])
    results.session("d0.example", _Closed(), failed)
    assert [result.sessions for result in results.take()] == [3]

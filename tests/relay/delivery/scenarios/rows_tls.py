"""TLS on the way out (robustness.md 2.6)."""

from tests.relay.delivery.scenarios.rows_delivery import DELIVERED, waits_once
from tests.relay.delivery.scenarios.rows_dns import MX
from tests.relay.delivery.scenarios.stage import Becomes, Scenario, on
from tests.relay.delivery.tls_world import STRANGER, issued, pin_authority, self_signed
from tests.rigs.dns_server import Servfail
from tests.rigs.policy_host import policy
from tests.rigs.smtp_sink import Drop, Raw, Say

NAMES = ("mx1.example.org", "mx2.example.org")
GOOD = issued(*NAMES)
UNKNOWN = issued(*NAMES, by=STRANGER)
WRONG_NAME = issued("mx.other.test")
EXPIRED, _ = self_signed("mx1.example.org")
PINNED = issued(*NAMES, by=STRANGER, root=True)
ENFORCE = policy("enforce", *NAMES)
TESTING = policy("testing", *NAMES)
ONE = {MX: ("10 mx1.example.org.",)}


def over(tls: str) -> Becomes:
    return Becomes(status="Delivered", events="delivered", tls=tls)


def waits(says: str, code: str) -> Becomes:
    return Becomes(status="Sending", events="deferred", reason="connection_failed", says=says, code=code)


ROWS = (
    Scenario(
        row="TLS",
        name="a good certificate, nothing asked for",
        outcome="delivered over TLS, `unverified`: nobody said what is right",
        starttls=GOOD,
        becomes=over(" unverified"),
    ),
    *(
        Scenario(
            row="TLS",
            name=f"{what}, nothing asked for",
            outcome="delivered over TLS, `unverified`",
            starttls=context,
            becomes=over(" unverified"),
        )
        for what, context in (
            ("an unknown authority", UNKNOWN),
            ("a certificate for another name", WRONG_NAME),
            ("a self-signed certificate, out of date", EXPIRED),
        )
    ),
    Scenario(row="TLS", name="no TLS offered", outcome="delivered in clear", becomes=over("")),
    Scenario(
        row="TLS",
        name="STARTTLS is offered and refused",
        outcome="delivered in clear",
        starttls=GOOD,
        script=(on("starttls", Say("454 4.7.0 TLS is not available")),),
        becomes=over(""),
    ),
    Scenario(
        row="TLS",
        name="the handshake fails",
        outcome="waits; the next attempt is in clear",
        starttls=GOOD,
        dns=ONE,
        script=(on("starttls", Say("220 go ahead"), Drop(), times=1),),
        becomes=waits_once("TLS could not be made", tls=""),
    ),
    Scenario(
        row="TLS",
        name="octets are slipped in behind the 220 to STARTTLS",
        outcome="the session ends, nothing of them is believed",
        starttls=GOOD,
        dns=ONE,
        script=(on("starttls", Raw(b"220 go ahead\r\n250 injected\r\n"), times=1),),
        becomes=waits_once("talk before TLS"),
    ),
    Scenario(
        row="MTA-STS",
        name="enforced, and a good certificate",
        outcome="delivered, `verified MTA-STS`",
        starttls=GOOD,
        policy=ENFORCE,
        becomes=over(" verified MTA-STS"),
    ),
    *(
        Scenario(
            row="MTA-STS",
            name=f"enforced, and {what}",
            outcome="waits with 4.7.5, never in clear",
            starttls=context,
            policy=ENFORCE,
            until=30.0,
            becomes=waits("MTA-STS policy asks for TLS with a certificate that proves the host's name", "4.7.5"),
            got=(0, 0),
        )
        for what, context in (
            ("a certificate for another name", WRONG_NAME),
            ("an unknown authority", UNKNOWN),
            ("a self-signed certificate, out of date", EXPIRED),
        )
    ),
    Scenario(
        row="MTA-STS",
        name="enforced, and no TLS offered",
        outcome="waits with 4.7.10, never in clear",
        policy=ENFORCE,
        until=30.0,
        becomes=waits("the server offers no TLS, which is required here", "4.7.10"),
        got=(0, 0),
    ),
    Scenario(
        row="MTA-STS",
        name="enforced, and the first host is not in the policy",
        outcome="the other one takes it",
        starttls=GOOD,
        policy=policy("enforce", NAMES[1]),
        becomes=over(" verified MTA-STS"),
        got=(0, 1),
    ),
    Scenario(
        row="MTA-STS",
        name="enforced, and no host is in the policy",
        outcome="waits with 4.7.5",
        starttls=GOOD,
        policy=policy("enforce", "mx.other.test"),
        until=30.0,
        becomes=waits("is not named by the MTA-STS policy", "4.7.5"),
        sessions=(0, 0),
    ),
    Scenario(
        row="MTA-STS",
        name="testing, and a wrong certificate",
        outcome="delivered all the same, `unverified`",
        starttls=WRONG_NAME,
        policy=TESTING,
        becomes=over(" unverified"),
    ),
    Scenario(
        row="MTA-STS",
        name="a policy that says none",
        outcome="delivered",
        policy=policy("none"),
        becomes=DELIVERED,
    ),
    Scenario(
        row="DANE",
        name="the certificate's authority is in the record",
        outcome="delivered, `verified DANE`",
        starttls=PINNED,
        signed=True,
        pins=(pin_authority(STRANGER),),
        dns=ONE,
        becomes=over(" verified DANE"),
    ),
    Scenario(
        row="DANE",
        name="no record matches the certificate",
        outcome="waits with 4.7.5, never in clear",
        starttls=GOOD,
        signed=True,
        pins=(f"3 1 1 {'00' * 32}",),
        dns=ONE,
        until=30.0,
        becomes=waits("its certificate matches none of the TLSA records", "4.7.5"),
        got=(0, 0),
    ),
    Scenario(
        row="DANE",
        name="no record matches at the first host, and the second has none",
        outcome="the second takes it",
        starttls=GOOD,
        signed=True,
        pins=(f"3 1 1 {'00' * 32}",),
        becomes=over(" unverified"),
        got=(0, 1),
    ),
    Scenario(
        row="DANE",
        name="the records cannot be had",
        outcome="waits with 4.7.5, never in clear",
        starttls=GOOD,
        signed=True,
        pins=(Servfail(),),
        dns=ONE,
        until=30.0,
        becomes=waits("its TLSA records cannot be had", "4.7.5"),
        sessions=(0, 0),
    ),
    Scenario(
        row="DANE",
        name="a record, and no TLS offered",
        outcome="waits with 4.7.10, never in clear",
        signed=True,
        pins=(f"3 1 1 {'00' * 32}",),
        dns=ONE,
        until=30.0,
        becomes=waits("the server offers no TLS, which is required here", "4.7.10"),
        got=(0, 0),
    ),
)

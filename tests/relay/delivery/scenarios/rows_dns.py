"""What name servers say (robustness.md 2.5): the rows N1 to N16."""

from tests.relay.delivery.scenarios.rows_delivery import DELIVERED, refused, waits_once
from tests.relay.delivery.scenarios.stage import HOSTS, Becomes, Scenario, Stage
from tests.rigs.dns_server import (
    Chain,
    Forged,
    Garbage,
    Nodata,
    Nxdomain,
    OtherQuestion,
    Refused,
    Servfail,
    Silence,
    Truncated,
)

MX = ("example.org", "MX")
A = ("example.org", "A")
MX1 = ("mx1.example.org", "A")
MX2 = ("mx2.example.org", "A")
GONE = Becomes(
    status="Bounced",
    events="deferred bounced",
    reason="domain_not_found",
    said="domain not found, checking again",
    code="5.1.2",
    at=(300, 310),
)
USUAL_MX = ("10 mx1.example.org.", "20 mx2.example.org.")
BACK = (45.0, {MX: USUAL_MX})


def no_look_up(stage: Stage) -> None:
    assert stage.dns.queries == []


def asked_for_ten(stage: Stage) -> None:
    assert len({name for name, kind, _ in stage.dns.queries if kind == "A"}) == 10


ROWS = (
    Scenario(
        row="N1",
        name="the domain does not exist",
        outcome='"domain not found, checking again"; bounced when a second look-up five minutes later agrees',
        dns={MX: (Nxdomain(),)},
        becomes=GONE,
    ),
    Scenario(
        row="N1",
        name="the domain is missing for a while",
        outcome="delivered by the second look-up",
        dns={MX: (Nxdomain(),)},
        later=(100.0, {MX: USUAL_MX}),
        becomes=waits_once("domain not found, checking again", at=(300, 310)),
    ),
    Scenario(
        row="N2",
        name="no MX, and an address",
        outcome="delivered to the domain's own address",
        dns={MX: (), A: (HOSTS[0],)},
        becomes=DELIVERED,
        got=(1, 0),
    ),
    Scenario(
        row="N3",
        name="neither MX nor address",
        outcome="as a domain that does not exist",
        dns={MX: (Nodata(),), A: (Nodata(),)},
        becomes=GONE,
    ),
    Scenario(
        row="N4",
        name="null MX",
        outcome="bounced at once: the domain takes no mail",
        dns={MX: ("0 .",)},
        becomes=refused("domain_not_found", "takes no email", code="5.1.10"),
    ),
    Scenario(
        row="N5",
        name="null MX beside another",
        outcome="the null one is not there",
        dns={MX: ("0 .", "10 mx1.example.org.")},
        becomes=DELIVERED,
        got=(1, 0),
    ),
    *(
        Scenario(
            row="N6",
            name=f"the name server {does}",
            outcome="waits, and is delivered when it answers",
            dns={MX: (answer,)},
            later=BACK,
            becomes=waits_once(said, at=(60, 90)),
        )
        for does, answer, said in (
            ("says SERVFAIL", Servfail(), "SERVFAIL"),
            ("says REFUSED", Refused(), "REFUSED"),
            ("says nothing", Silence(), "no name server answered in time"),
            ("sends garbage", Garbage(), "example.org: "),
            ("answers another question", OtherQuestion(), "example.org: "),
            ("cuts its answer and hangs up by TCP", Truncated(), "the answer was cut, the name server hung up"),
        )
    ),
    Scenario(
        row="N6",
        name="the name server fails for a host's address",
        outcome="waits",
        dns={MX: ("10 mx1.example.org.",), MX1: (Servfail(),)},
        later=(45.0, {MX1: (HOSTS[0],)}),
        becomes=waits_once("mx1.example.org: SERVFAIL"),
    ),
    Scenario(
        row="N6",
        name="a cut answer comes whole by TCP",
        outcome="delivered",
        dns={MX: (Truncated(USUAL_MX),)},
        becomes=DELIVERED,
        got=(1, 0),
    ),
    Scenario(
        row="N7",
        name="one host has no address",
        outcome="the other one takes it",
        dns={MX1: ()},
        becomes=DELIVERED,
        got=(0, 1),
    ),
    Scenario(
        row="N7",
        name="no host has an address",
        outcome="waits, and is given up by the schedule only",
        dns={MX1: (), MX2: ()},
        settings={"max_age": 600.0},
        becomes=Becomes(
            status="Not delivered",
            events="deferred deferred deferred expired",
            reason="expired",
            says="none of the mail hosts of example.org has an address",
            at=(600, 610),
        ),
    ),
    Scenario(
        row="N8",
        name="a mail host's name is an alias",
        outcome="followed, up to eight times",
        dns={MX: ("10 mx1.example.org.",), MX1: (Chain(tuple(f"c{n}.test" for n in range(8)), (HOSTS[0],)),)},
        becomes=DELIVERED,
        got=(1, 0),
    ),
    Scenario(
        row="N8",
        name="aliases that lead round in a circle",
        outcome="waits",
        dns={MX: ("10 mx1.example.org.",), MX1: (Chain(("a.test", "b.test", "a.test")),)},
        later=(45.0, {MX1: (HOSTS[0],)}),
        becomes=waits_once("its aliases lead round in a circle, or too far"),
    ),
    Scenario(
        row="N8",
        name="more than eight aliases",
        outcome="waits",
        dns={MX: ("10 mx1.example.org.",), MX1: (Chain(tuple(f"c{n}.test" for n in range(9)), (HOSTS[0],)),)},
        later=(45.0, {MX1: (HOSTS[0],)}),
        becomes=waits_once("more than 8 aliases"),
    ),
    Scenario(
        row="N9",
        name="an MX that is an address and no name",
        outcome="passed over; the other one takes it",
        dns={MX: ("10 127.0.0.1.", "20 mx2.example.org.")},
        becomes=DELIVERED,
        got=(0, 1),
    ),
    *(
        Scenario(
            row="N10",
            name=f"the only mail host is at {address}",
            outcome="bounced: there is no public mail host",
            dns={MX: ("10 mx1.example.org.",), MX1: (address,)},
            becomes=refused("domain_not_found", "has no public mail host", code="5.4.4"),
            sessions=(0, 0),
        )
        for address in ("10.0.0.1", "169.254.169.254", "192.168.1.1", "0.0.0.0", "224.0.0.1")
    ),
    Scenario(
        row="N10",
        name="one mail host is private, one is not",
        outcome="the public one takes it",
        dns={MX1: ("10.0.0.1",)},
        becomes=DELIVERED,
        got=(0, 1),
    ),
    Scenario(
        row="N10",
        name="an address literal of a private network",
        outcome="bounced",
        to=("ann@[192.168.1.1]",),
        becomes=refused("address_invalid", "192.168.1.1 is a private network", code="5.4.4"),
        sessions=(0, 0),
        check=no_look_up,
    ),
    Scenario(
        row="N11",
        name="we are the second mail host of the domain",
        outcome="only better ones are used",
        own=("mx2.example.org",),
        becomes=DELIVERED,
        got=(1, 0),
    ),
    Scenario(
        row="N11",
        name="we are its best mail host",
        outcome="bounced: worse ones would send it back to us",
        own=("mx1.example.org",),
        becomes=refused("system_error", "this very server", code="5.4.6"),
        sessions=(0, 0),
    ),
    Scenario(
        row="N12",
        name="twenty mail hosts of four dead addresses each",
        outcome="ten hosts are asked for, and then it waits",
        dns={
            MX: tuple(f"{n} h{n}.example.org." for n in range(20)),
            **{(f"h{n}.example.org", "A"): tuple(f"127.0.{n + 1}.{k}" for k in range(1, 10)) for n in range(20)},
        },
        until=30.0,
        becomes=Becomes(status="Sending", events="deferred", reason="connection_failed", says="connection refused"),
        check=asked_for_ten,
    ),
    Scenario(
        row="N14",
        name="a forged packet comes before the true one",
        outcome="passed over",
        dns={MX: (Forged("10 evil.test.", "10 mx1.example.org."),)},
        becomes=DELIVERED,
        got=(1, 0),
    ),
    Scenario(
        row="N15",
        name="a domain with letters outside ASCII",
        outcome="looked up and written as A-labels",
        to=("ann@bücher.example",),
        dns={("xn--bcher-kva.example", "MX"): ("10 mx1.example.org.",)},
        becomes=DELIVERED,
        check=lambda stage: _to(stage, "ann@xn--bcher-kva.example"),
    ),
    *(
        Scenario(
            row="N16",
            name=f"a domain {what}",
            outcome="bounced without a look-up",
            to=(f"ann@{domain}",),
            becomes=refused("address_invalid", code=code),
            check=no_look_up,
        )
        for what, domain, code in (
            ("with an empty label", "a..example.org", "5.1.2"),
            ("with a label of 64 letters", f"{'a' * 64}.org", "5.1.2"),
            ("of more than 253 octets", ".".join(["a" * 50] * 6), "5.1.2"),
            ("with a blank in it", "exa mple.org", "5.1.3"),
        )
    ),
)


def _to(stage: Stage, address: str) -> None:
    assert [mail.recipient for mail in stage.sinks[0].mails] == [address]

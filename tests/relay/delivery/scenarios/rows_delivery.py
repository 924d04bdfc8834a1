"""What mail hosts do (robustness.md 2.4): the rows D1 to D18."""

from store.nouns import State
from tests.relay.delivery.scenarios.stage import ANN, Becomes, Scenario, Stage, on
from tests.rigs.smtp_sink import After, Drop, Raw, Reset, Say, Silence

DELIVERED = Becomes(status="Delivered", events="delivered", says="250 2.0.0 taken")
LATER = Becomes(status="Delivered", events="deferred delivered", says="250 2.0.0 taken")


def refused(reason: str, says: str = "", **more: object) -> Becomes:
    return Becomes(status="Bounced", events="bounced", reason=reason, says=says, **more)  # type: ignore[arg-type]


def waits_once(said: str, **more: object) -> Becomes:
    return Becomes(status="Delivered", events="deferred delivered", said=said, **more)  # type: ignore[arg-type]


def one_triple(stage: Stage) -> None:
    """Greylisting sees the same sender, recipient and content at each try."""
    commands = [c for s in stage.sinks[0].sessions for c in s.commands if c[:4] in ("MAIL", "RCPT")]
    assert len(set(commands)) == 2
    assert len(commands) == 6


def in_clear(stage: Stage) -> None:
    assert not stage.sinks[0].mails[0].tls


def nothing_said(stage: Stage) -> None:
    assert [
        command for session in stage.sinks[0].sessions for command in session.commands if command[:4] == "MAIL"
    ] == []


def verbs(stage: Stage, verbs: list[str]) -> None:
    assert stage.sinks[0].sessions[0].verbs[: len(verbs)] == verbs


def one_empty_mail(stage: Stage) -> None:
    """The lone dot: nothing of the content went out."""
    assert [mail.content for mail in stage.sinks[0].mails] == [b""]


def seven_bit(stage: Stage) -> None:
    assert stage.sinks[0].mails[0].content.isascii()


def in_chunks(stage: Stage) -> None:
    assert stage.sinks[0].count("BDAT") == 3
    assert stage.sinks[0].mails[0].content.endswith(stage.scenario.content)


def asked_by_few(stage: Stage) -> None:
    rows = [row for row, _ in stage.found.values()]
    assert {row.state for row in rows} == {State.DUE}
    tried = [events for _, events in stage.found.values() if "waiting for" not in events[0].note]
    assert len(tried) == 1


def resets(stage: Stage, times: int) -> None:
    assert stage.sinks[0].count("RSET") == times


FOUR = ("ann@example.org", "bob@example.org", "eve@example.org", "tim@example.org")

ROWS = (
    Scenario(
        row="D1",
        name="all goes well",
        outcome="delivered by the host of the best preference",
        becomes=DELIVERED,
        got=(1, 0),
    ),
    Scenario(
        row="D1",
        name="4xx in the greeting",
        outcome="the next host is tried at once",
        script=(on("greeting", Say("451 4.3.0 not now")),),
        becomes=DELIVERED,
        got=(0, 1),
    ),
    Scenario(
        row="D1",
        name="4xx to EHLO",
        outcome="the next host is tried at once",
        script=(on("ehlo", Say("451 4.3.0 not now")),),
        becomes=DELIVERED,
        got=(0, 1),
    ),
    Scenario(
        row="D1",
        name="4xx in every greeting",
        outcome="waits, with the reply, and is delivered later",
        script=(on("greeting", Say("451 4.3.0 not now"), host=0, times=1),),
        becomes=waits_once("451 4.3.0 not now", at=(60, 70)),
    ),
    Scenario(
        row="D1",
        name="4xx to MAIL",
        outcome="waits; the other host is not asked for the same mail",
        script=(on("mail", Say("451 4.3.0 not now"), times=1),),
        becomes=waits_once("451 4.3.0 not now"),
        got=(1, 0),
    ),
    Scenario(
        row="D1",
        name="4xx to RCPT",
        outcome="waits",
        script=(on("rcpt", Say("450 4.2.1 not now"), times=1),),
        becomes=waits_once("450 4.2.1 not now"),
        got=(1, 0),
    ),
    Scenario(
        row="D1",
        name="4xx to DATA",
        outcome="waits",
        script=(on("data", Say("451 4.3.0 not now"), times=1),),
        becomes=waits_once("451 4.3.0 not now"),
        got=(1, 0),
    ),
    Scenario(
        row="D1",
        name="4xx behind the final dot",
        outcome="waits",
        script=(on("dot", Say("451 4.3.0 not now"), times=1),),
        becomes=waits_once("451 4.3.0 not now"),
        got=(1, 0),
    ),
    Scenario(
        row="D1",
        name="421 to RCPT",
        outcome="the session ends, and the destination is left alone for a while; the other host is next",
        script=(on("rcpt", Say("421 4.3.2 shutting down"), times=1),),
        becomes=waits_once("421 4.3.2 shutting down", at=(60, 70)),
        sessions=(1, 1),
    ),
    Scenario(
        row="D2",
        name="5xx to MAIL",
        outcome="bounced with the reply",
        script=(on("mail", Say("550 5.7.1 we do not like you")),),
        becomes=refused("policy_rejected", "550 5.7.1 we do not like you", code="5.7.1"),
    ),
    Scenario(
        row="D2",
        name="5xx to DATA",
        outcome="bounced with the reply",
        script=(on("data", Say("554 5.7.1 no mail from there")),),
        becomes=refused("policy_rejected", "554 5.7.1 no mail from there"),
    ),
    Scenario(
        row="D2",
        name="5xx behind the final dot",
        outcome="bounced with the reply",
        script=(on("dot", Say("554 5.7.1 spam")),),
        becomes=refused("spam_rejected", "554 5.7.1 spam"),
    ),
    Scenario(
        row="D2",
        name="554 in the greeting of the first host",
        outcome="the next host is tried",
        script=(on("greeting", Say("554 5.7.1 go away")),),
        becomes=DELIVERED,
        got=(0, 1),
    ),
    Scenario(
        row="D2",
        name="554 in the greeting of every host",
        outcome="bounced",
        script=(on("greeting", Say("554 5.7.1 no service for you"), host=0),),
        becomes=refused("policy_rejected", "554 5.7.1 no service for you"),
        sessions=(1, 1),
    ),
    Scenario(
        row="D2",
        name="554 in one greeting and silence of the other host",
        outcome="waits: one that may come back keeps hope alive",
        script=(on("greeting", Say("554 5.7.1 go away")),),
        down=(2,),
        until=30,
        becomes=Becomes(status="Sending", events="deferred", reason="connection_failed", says="connection refused"),
    ),
    *(
        Scenario(
            row="D3",
            name=f"the connection is lost {where}",
            outcome=outcome,
            script=(on(stage, step, times=1, after=10),),
            becomes=becomes,
            got=got,
        )
        for where, stage, step, outcome, becomes, got in (
            ("before the greeting", "connect", Drop(), "the next host is tried", DELIVERED, (0, 1)),
            ("at EHLO", "ehlo", Drop(), "the next host is tried", DELIVERED, (0, 1)),
            ("at EHLO, by a reset", "ehlo", Reset(), "the next host is tried", DELIVERED, (0, 1)),
            ("at MAIL", "mail", Drop(), "waits; the other host is next", waits_once("connection was lost"), (0, 1)),
            ("at RCPT", "rcpt", Reset(), "waits; the other host is next", waits_once("connection was lost"), (0, 1)),
            ("at DATA", "data", Drop(), "waits; the other host is next", waits_once("connection was lost"), (0, 1)),
            ("in the middle of the content", "body", Drop(), "waits, without a duplicate", LATER, (0, 1)),
        )
    ),
    Scenario(
        row="D3",
        name="the connection is lost behind the final dot",
        outcome="sent again, and the event says that it may be there twice",
        script=(on("dot", Drop(), times=1),),
        becomes=waits_once("possible duplicate", says="possible duplicate"),
        got=(0, 1),
    ),
    Scenario(
        row="D4",
        name="250 comes 9 minutes and 59 seconds behind the final dot",
        outcome="delivered, once",
        script=(on("dot", After(599), Say("250 2.0.0 taken")),),
        becomes=Becomes(status="Delivered", events="delivered", at=(599, 600)),
        got=(1, 0),
    ),
    Scenario(
        row="D4",
        name="no answer for 10 minutes behind the final dot",
        outcome="sent again later, as a possible duplicate",
        script=(on("dot", Silence(), times=1),),
        becomes=waits_once("possible duplicate", says="possible duplicate", at=(660, 680)),
        got=(0, 1),
    ),
    Scenario(
        row="D5",
        name="of four recipients one is refused and one is to come later",
        outcome="each has its own reply; two are delivered at once, and nobody gets it twice",
        script=(
            on("rcpt", Say("550 5.1.1 no such user"), recipient="bob@example.org"),
            on("rcpt", Say("451 4.3.0 later"), recipient="eve@example.org", times=1),
        ),
        to=FOUR,
        becomes={
            FOUR[0]: DELIVERED,
            FOUR[1]: refused("no_such_user", "550 5.1.1 no such user", code="5.1.1"),
            FOUR[2]: waits_once("451 4.3.0 later"),
            FOUR[3]: DELIVERED,
        },
        got=(3, 0),
    ),
    Scenario(
        row="D6",
        name="RCPT is refused, and 354 comes to the pipelined DATA",
        outcome="a lone dot ends it; the 250 to that means nothing",
        script=(
            on("rcpt", Say("550 5.1.1 no such user"), recipient=ANN),
            on("data", Say("354 go ahead")),
            on("dot", Say("250 2.0.0 taken")),
        ),
        becomes=refused("no_such_user", "550 5.1.1 no such user"),
        check=one_empty_mail,
    ),
    Scenario(
        row="D7",
        name="greylisting by address, sender and recipient",
        outcome="tried again after one and then every five minutes, with the same return path",
        script=(on("rcpt", Say("450 4.7.1 Greylisted"), times=2),),
        becomes=Becomes(status="Delivered", events="deferred deferred delivered", at=(360, 370)),
        check=one_triple,
    ),
    Scenario(
        row="D7",
        name='"try again in 20 minutes"',
        outcome="tried again in 20 minutes",
        script=(on("rcpt", Say("451 4.7.1 please try again in 20 minutes"), times=1),),
        becomes=waits_once("try again in 20 minutes", at=(1200, 1210)),
    ),
    Scenario(
        row="D8",
        name="452 to the third recipient of a session",
        outcome="that one alone is tried again; each has a transaction of its own",
        script=(on("rcpt", Say("452 4.5.3 too many recipients"), recipient="eve@example.org", times=1),),
        to=FOUR,
        becomes={
            **dict.fromkeys(FOUR, DELIVERED),
            FOUR[2]: waits_once("452 4.5.3", at=(60, 70)),
        },
        got=(4, 0),
    ),
    *(
        Scenario(
            row="D9",
            name=f"the first host says nothing {where}",
            outcome=outcome,
            script=(on(stage, Silence(), times=1),),
            becomes=becomes,
        )
        for where, stage, outcome, becomes in (
            (
                "in place of a greeting",
                "greeting",
                "after five minutes the next host is tried",
                Becomes(status="Delivered", events="delivered", at=(300, 301)),
            ),
            (
                "to EHLO",
                "ehlo",
                "after five minutes the next host is tried",
                Becomes(status="Delivered", events="delivered", at=(300, 301)),
            ),
            (
                "to RCPT",
                "rcpt",
                "given up after five minutes, and tried again",
                waits_once("no answer in time, waiting for rcpt", at=(360, 370)),
            ),
            (
                "to DATA",
                "data",
                "given up after two minutes, and tried again",
                waits_once("no answer in time, waiting for data", at=(180, 190)),
            ),
        )
    ),
    *(
        Scenario(
            row="D10",
            name=f"a reply that is {what}",
            outcome=outcome,
            script=(on("rcpt", Raw(data), times=1),),
            becomes=becomes,
        )
        for what, data, outcome, becomes in (
            ("a line of a megabyte", b"550 " + b"x" * 2**20, "the session ends; waits", waits_once("without an end")),
            (
                "continued without an end",
                b"550-x\r\n" * 20_000,
                "the session ends; waits",
                waits_once("without an end"),
            ),
            ("none", b"<html>hello</html>\r\n", "the session ends; waits", waits_once("no SMTP reply")),
            ("full of NUL", b"\0\0\0\0\r\n", "the session ends; waits", waits_once("no SMTP reply")),
            (
                "full of terminal codes and other charsets",
                b"550 5.1.1 \x1b[31mno\x07 such \xe4 user\r\n",
                "shown without them",
                refused("no_such_user", "5.1.1 ?[31mno? such \N{REPLACEMENT CHARACTER} user"),
            ),
            (
                "of 60 kB",
                b"".join(b"550-5.1.1 no such user %050d\r\n" % n for n in range(700)) + b"550 5.1.1 end\r\n",
                "2 kB of it are kept",
                refused("no_such_user", "…"),
            ),
        )
    ),
    Scenario(
        row="D11",
        name="EHLO is not known",
        outcome="HELO, and delivered without extensions",
        script=(on("ehlo", Say("502 5.5.1 what?")),),
        becomes=DELIVERED,
        check=lambda stage: verbs(stage, ["EHLO", "HELO", "MAIL", "RCPT", "DATA", "."]),
    ),
    Scenario(
        row="D12",
        name="the host takes less than the mail's size",
        outcome="bounced without being sent",
        offers=("PIPELINING", "SIZE 50"),
        content=b"Subject: x\r\n\r\n" + b"body\r\n" * 100,
        becomes=refused("message_too_large", "the server takes 50", code="5.3.4"),
        check=nothing_said,
    ),
    Scenario(
        row="D12",
        name="an address outside ASCII, and a host without SMTPUTF8",
        outcome="bounced without being sent",
        offers=("PIPELINING", "8BITMIME"),
        to=("bücher@example.org",),
        mail={"smtputf8": True},
        becomes=refused("address_invalid", "letters outside ASCII", code="5.6.7"),
        check=nothing_said,
    ),
    Scenario(
        row="D12",
        name="8-bit text, and a host without 8BITMIME",
        outcome="converted, and delivered",
        offers=("PIPELINING",),
        content="Subject: x\r\nContent-Type: text/plain; charset=utf-8\r\n\r\nü\r\n".encode(),
        mail={"eight_bit": True},
        becomes=DELIVERED,
        check=seven_bit,
    ),
    Scenario(
        row="D12",
        name="octets over 127 in a header field, and a host without 8BITMIME",
        outcome="delivered as it came",
        offers=("PIPELINING",),
        content=b"Subject: \xfc\r\n\r\nbody\r\n",
        mail={"eight_bit": True},
        becomes=DELIVERED,
        got=(1, 0),
    ),
    Scenario(
        row="D12",
        name="a large mail, and a host that offers CHUNKING",
        outcome="delivered in chunks of a megabyte, byte for byte",
        offers=("PIPELINING", "CHUNKING"),
        content=b"Subject: x\r\n\r\n" + b".a line with a dot\r\n..\r\n" * 60_000,
        becomes=DELIVERED,
        check=in_chunks,
    ),
    Scenario(
        row="D12",
        name="a large mail, and a host that offers CHUNKING and does not know BDAT",
        outcome="delivered by DATA at once",
        offers=("PIPELINING", "CHUNKING"),
        content=b"Subject: x\r\n\r\n" + b"body\r\n" * 60_000,
        script=(on("bdat", Say("502 5.5.1 what?")),),
        becomes=DELIVERED,
        sessions=(1, 0),
        check=lambda stage: resets(stage, 1),
    ),
    Scenario(
        row="D12",
        name="a large mail that is refused in the middle",
        outcome="waits (a full mailbox may have room again); the next mail goes over the same connection",
        offers=("PIPELINING", "CHUNKING"),
        content=b"Subject: x\r\n\r\n" + b"body\r\n" * 60_000,
        script=(on("bdat", Say("552 5.2.2 mailbox full"), recipient=ANN),),
        to=FOUR[:2],
        one_by_one=True,
        until=30.0,
        becomes={
            FOUR[0]: Becomes(status="Sending", events="deferred", reason="mailbox_full", says="552 5.2.2 mailbox full"),
            FOUR[1]: DELIVERED,
        },
        sessions=(1, 0),
    ),
    Scenario(
        row="D13",
        name="the mail went through us four times already",
        outcome="bounced as a loop",
        content=b"Received: from a by relay.test with ESMTP id 1\r\n" * 4 + b"Subject: x\r\n\r\nbody\r\n",
        becomes=refused("system_error", "a mail loop", code="5.4.6"),
        sessions=(0, 0),
    ),
    Scenario(
        row="D13",
        name="the domain's mail host is this very server",
        outcome="bounced",
        own=("mx1.example.org",),
        becomes=refused("system_error", "the mail would come back", code="5.4.6"),
        sessions=(0, 0),
    ),
    Scenario(
        row="D14",
        name="nobody listens for three days",
        outcome="tried after 1, 5, 15, 30 minutes and so on, then Not delivered with what was told last",
        down=(1, 2),
        becomes=Becomes(
            status="Not delivered",
            events="deferred " * 24 + "expired",
            reason="expired",
            says="connection refused",
            at=(3 * 86400, 3 * 86400 + 1800),
        ),
    ),
    Scenario(
        row="D14",
        name="4xx for as long as we try",
        outcome="Not delivered, with the last reply",
        settings={"max_age": 7200.0},
        script=(on("rcpt", Say("450 4.3.0 try later")),),
        becomes=Becomes(
            status="Not delivered",
            events="deferred deferred deferred deferred deferred deferred expired",
            reason="expired",
            says="450 4.3.0 try later",
            at=(7200, 7210),
        ),
    ),
    Scenario(
        row="D14",
        name="many mails, and nobody listens",
        outcome="one mail asks; the others wait for what it is told",
        down=(1, 2),
        to=tuple(f"r{n}@example.org" for n in range(20)),
        until=90,
        becomes=Becomes(status="Sending", events="deferred deferred", reason="connection_failed"),
        check=asked_by_few,
    ),
    Scenario(
        row="D18",
        name="three mails one after the other",
        outcome="one connection, with RSET between",
        to=FOUR[:3],
        one_by_one=True,
        becomes=DELIVERED,
        sessions=(1, 0),
        check=lambda stage: resets(stage, 2),
    ),
    *(
        Scenario(
            row="D18",
            name=f"a kept connection {what}",
            outcome="no failure: a new one at once",
            script=(on("rset", *steps, times=1),),
            to=FOUR[:2],
            one_by_one=True,
            becomes=DELIVERED,
            sessions=(2, 0),
        )
        for what, steps in (
            ("was closed meanwhile", (Drop(),)),
            ("was reset meanwhile", (Reset(),)),
            ("says 421 to the next mail", (Say("421 4.4.2 idle too long"),)),
        )
    ),
    Scenario(
        row="D18",
        name="one connection hangs",
        outcome="after five seconds the others go over another",
        script=(on("mail", Silence(), session=1),),
        to=FOUR,
        becomes={
            FOUR[0]: waits_once("no answer in time, waiting for mail", at=(360, 370)),
            **{address: Becomes(status="Delivered", events="delivered", at=(0, 7)) for address in FOUR[1:]},
        },
    ),
)

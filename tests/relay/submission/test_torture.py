"""The torture table, over real sockets: exact replies, in step afterwards, nothing taken that was not sent as mail."""

import pytest

from tests.relay.submission.rig import Client, serving
from tests.relay.submission.torture import CASES
from tests.relay.submission.torture_case import Case


def test_the_table_is_long_enough_and_names_each_case_once() -> None:
    """At least 80 conversations, each found by its name."""
    assert len(CASES) >= 80
    assert len({case.name for case in CASES}) == len(CASES)


@pytest.mark.parametrize("case", CASES, ids=[case.name for case in CASES])
async def test_torture(case: Case) -> None:
    """Each conversation gets exactly the replies of the table."""
    async with serving() as relay:
        client = await (relay.ready() if case.begin == "ready" else relay.connect())
        if case.begin == "hello":
            await client.ask(b"EHLO client.test\r\n")
        for sent, replies in case.steps:
            await client.send(sent)
            for expected in replies.split(" | "):
                await expect(client, expected)
        if case.closed:
            assert await client.reply() == ""
        else:
            await expect(client, "250 2.0.0", await client.ask(b"NOOP\r\n"))
        assert tuple(mail.content for mail in relay.handler.taken) == case.taken
        await client.close()


SHORT = [case for case in CASES if sum(len(sent) for sent, _ in case.steps) <= 600]


@pytest.mark.parametrize("case", SHORT, ids=[case.name for case in SHORT])
async def test_torture_octet_by_octet(case: Case) -> None:
    """The same when the octets of a short conversation come one at a time."""
    async with serving() as relay:
        client = await (relay.ready() if case.begin == "ready" else relay.connect())
        if case.begin == "hello":
            await client.ask(b"EHLO client.test\r\n")
        for sent, replies in case.steps:
            for n in range(len(sent)):
                await client.send(sent[n : n + 1])
            for expected in replies.split(" | "):
                await expect(client, expected)
        assert tuple(mail.content for mail in relay.handler.taken) == case.taken
        await client.close()


async def expect(client: Client, expected: str, got: str | None = None) -> None:
    """Check code and enhanced code of the next reply, or of the one given."""
    got = await client.reply() if got is None else got
    words = got.split("\n")[-1].split(" ")
    assert " ".join(words[: len(expected.split(" "))]) == expected, got
    enhanced = words[1].count(".") == 2 and words[1].replace(".", "").isdigit() if len(words) > 1 else False
    assert enhanced == (expected.count(".") == 2), got

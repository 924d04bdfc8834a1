"""Large mails: what takes long is done beside the event loop."""

import threading

from relay.delivery import octets
from store.nouns import Job
from tests.relay.delivery.world import World
from tests.rigs.smtp_sink import SmtpSink


async def test_the_copy_of_a_large_mail_is_made_beside_the_loop() -> None:
    """A mail of 20 MB that is planned anew takes most of a second: meanwhile the loop serves all others."""
    made_by: dict[int, threading.Thread] = {}

    def outgoing(job: Job, content: bytes, seven_bit: bool) -> bytes:  # noqa: ARG001, FBT001 - the worker's contract
        made_by[job.recipient_id] = threading.current_thread()
        return content

    async with SmtpSink() as sink, World(sink, outgoing=outgoing) as world:
        large = b"Subject: x\r\n\r\n" + b"body\r\n" * (octets.LARGE // 6)
        world.offer(1, content=large)
        world.offer(2)
        await world.settled()
        assert max(len(mail.content) for mail in sink.mails) == len(large)
    assert made_by[1] is not threading.main_thread()
    assert made_by[2] is threading.main_thread()

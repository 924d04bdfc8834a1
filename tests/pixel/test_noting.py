"""pixel/noting.py: the answer does not wait for what is known of a token."""

from collections.abc import Callable

import pytest

from pixel.buffer import OpenBuffer
from pixel.networks import Networks, Prefixes
from pixel.noting import Asked, Noting
from pixel.server import UsualAnswers
from pixel.token import Tokens
from pixel.usual import Fields
from tests.pixel.rig import LOG, Clock, FakeOpens


class Turn:
    """What is put off to the next turn of the event loop."""

    def __init__(self) -> None:
        self.later: list[Callable[[], None]] = []

    def __call__(self, callback: Callable[[], None]) -> None:
        self.later.append(callback)

    def end(self) -> None:
        for callback in self.later:
            callback()
        self.later.clear()


def noting_of(tokens: Tokens, turn: Turn, opens: FakeOpens, *, room: int = 10) -> tuple[Noting, OpenBuffer]:
    buffer = OpenBuffer(opens, room, 30.0, LOG, clock=Clock())
    networks = Networks({"own": ["192.0.2.0/24"]})
    noting = Noting(
        tokens=tokens, buffer=buffer, networks=networks, trusted=Prefixes(["127.0.0.1"]), log=LOG, call_later=turn
    )
    return noting, buffer


def asked(token: str, *, address: str = "8.8.4.4") -> Asked:
    return Asked(1.0, "127.0.0.1", "GET", f"/o/{token}.gif", Fields("A", (address,)))


def test_promise_6_no_token_is_opened_before_its_answer_is_there(tokens: Tokens, opens: FakeOpens) -> None:
    """Good, forged, cut or old: the answer is made without opening it, so it cannot take longer for one of them."""
    turn = Turn()
    noting, buffer = noting_of(tokens, turn, opens)
    opened: list[str] = []
    decode = tokens.decode

    def seen(token: str) -> int | None:
        opened.append(token)
        return decode(token)

    tokens.decode = seen  # type: ignore[method-assign]
    answers = UsualAnswers(noting, buffer, Clock())
    names = [tokens.encode(7), tokens.encode(8)[1:] + "A", "A" * 22, "x", ""]
    given = {answers.answer(f"GET /o/{name}.gif HTTP/1.1\r\nHost: x\r\n\r\n".encode(), "8.8.4.4") for name in names}
    assert len(given) == 1
    assert None not in given
    assert (opened, buffer.waiting) == ([], 0)
    turn.end()
    assert (opened, buffer.waiting) == (names, 1)


def test_what_one_turn_brings_is_noted_together(tokens: Tokens, opens: FakeOpens) -> None:
    """One call a turn, however many ask; the next turn has its own."""
    turn = Turn()
    noting, buffer = noting_of(tokens, turn, opens)
    for _ in range(2):
        for n in range(3):
            noting.note(asked(tokens.encode(n)))
        assert len(turn.later) == 1
        turn.end()
    assert (buffer.waiting, buffer.repeated) == (3, 3)


def test_one_that_cannot_be_noted_takes_no_other_with_it(
    tokens: Tokens, opens: FakeOpens, caplog: pytest.LogCaptureFixture
) -> None:
    """A fault of ours with one is logged; those before and behind it are noted."""
    turn = Turn()
    noting, buffer = noting_of(tokens, turn, opens)
    add = buffer.add

    def choke(sighting: object) -> None:
        if sighting.recipient_id == 2:  # type: ignore[attr-defined]
            raise ValueError("choke")
        return add(sighting)  # type: ignore[arg-type]

    buffer.add = choke  # type: ignore[method-assign]
    for n in (1, 2, 3):
        noting.note(asked(tokens.encode(n)))
    turn.end()
    assert buffer.waiting == 2
    assert "an open could not be noted" in caplog.text


def test_the_client_is_whom_the_proxy_names(tokens: Tokens, opens: FakeOpens) -> None:
    """Its address decides about networks, floods and views."""
    turn = Turn()
    noting, buffer = noting_of(tokens, turn, opens)
    noting.note(asked(tokens.encode(1), address="192.0.2.9"))
    turn.end()
    [sighting] = buffer._waiting
    assert (sighting.address, sighting.networks) == ("192.0.2.9", {"own"})

"""Time limits by state: the least that RFC 5321 section 4.5.3.2 asks for, in every state but those that owe nothing."""

import pytest

from relay.delivery.patience import patience
from relay.delivery.states import State
from relay.settings import DeliverySettings

LEAST = {
    State.GREETING: 300.0,
    State.MAIL: 300.0,
    State.RCPT: 300.0,
    State.DATA: 120.0,
    State.CONTENT: 180.0,
    State.CHUNK: 180.0,
    State.END_OF_DATA: 600.0,
}


@pytest.mark.parametrize("state", list(State))
def test_each_state_has_its_limit(state: State) -> None:
    """By default; no state in which the other side owes something is without one."""
    seconds = patience(state, DeliverySettings())
    assert seconds == LEAST.get(state, seconds)
    owes_nothing = state in (State.READY, State.CLOSED, State.HANDSHAKE)
    assert (seconds == float("inf")) is owes_nothing


def test_they_are_the_operators() -> None:
    """Each from its own setting."""
    settings = DeliverySettings(
        greeting_timeout=1.0, command_timeout=2.0, data_timeout=3.0, block_timeout=4.0, final_dot_timeout=5.0
    )
    states = (State.GREETING, State.RCPT, State.DATA, State.CHUNK, State.END_OF_DATA)
    assert [patience(state, settings) for state in states] == [1.0, 2.0, 3.0, 4.0, 5.0]

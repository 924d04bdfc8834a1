"""
How long each reply is waited for (RFC 5321 section 4.5.3.2), by what we wait for.

Pure: no I/O, no clock, no chance.
"""

from relay.delivery.states import State
from relay.settings import DeliverySettings

_NONE = float("inf")
_LIMITS = {
    State.READY: None,
    State.CLOSED: None,
    State.HANDSHAKE: None,
    State.GREETING: "greeting_timeout",
    State.DATA: "data_timeout",
    State.SKIP_DATA: "data_timeout",
    State.CONTENT: "block_timeout",
    State.CHUNK: "block_timeout",
    State.END_OF_DATA: "final_dot_timeout",
}

SESSION_LIMIT = 1800.0  # seconds, from MAIL to the final dot; and the age from which a connection takes no new mail


def patience(state: State, settings: DeliverySettings) -> float:
    """Give the seconds that the other side has in a state; infinite where it owes nothing."""
    limit = _LIMITS.get(state, "command_timeout")
    return _NONE if limit is None else getattr(settings, limit)  # all of them floats

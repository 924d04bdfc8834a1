"""
How long each reply is waited for (RFC 5321 section 4.5.3.2), by what we wait for.

Pure: no I/O, no clock, no chance.
"""

from relay.delivery.states import State
from relay.settings import DeliverySettings

SESSION_LIMIT = 1800.0  # seconds, from MAIL to the final dot; and the age from which a connection takes no new mail


def patience(state: State, settings: DeliverySettings) -> float:
    """Give the seconds that the other side has in a state; infinite where it owes nothing."""
    match state:
        case State.READY | State.CLOSED | State.HANDSHAKE:
            return float("inf")
        case State.GREETING:
            return settings.greeting_timeout
        case State.DATA | State.SKIP_DATA:
            return settings.data_timeout
        case State.CONTENT | State.CHUNK:
            return settings.block_timeout
        case State.END_OF_DATA:
            return settings.final_dot_timeout
        case _:
            return settings.command_timeout

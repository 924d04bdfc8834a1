"""
When a recipient is tried again, and when we give up.

Pure: no I/O, no clock, no chance.
"""

from collections.abc import Sequence
from itertools import accumulate, repeat, takewhile

# A clock that jumps ahead by a year must not give up what was hardly tried: giving up needs age and this many attempts
# (fewer where the whole schedule holds fewer).
FEWEST_ATTEMPTS = 3

# Up to this part of a step is added by chance.
SPREAD = 0.1


def next_attempt(
    *,
    attempts: int,
    now: float,
    expires_at: float,
    steps: Sequence[float],
    spread: float,
    lifetime: float = 0.0,
    least: float = 0.0,
) -> float | None:
    """
    Choose the time of the next attempt.

    Args:
        attempts: Attempts made so far, at least 1.
        now: Unix seconds, UTC.
        expires_at: Unix seconds, UTC.
        steps: Seconds to wait after the 1st, 2nd, ... attempt; the last one repeats.
        spread: 0.0 up to 1.0, drawn by the caller; up to a tenth of the step is
            added, so that a restart does not send every waiting message at once.
        lifetime: Seconds from acceptance to ``expires_at``: how many attempts the schedule has room for.
        least: Seconds to wait at least, whatever the step (a second look-up of a name must be a later one).

    Returns:
        Unix seconds, or None to give up. The last attempt is made when the message expires, not a step later.
        RFC 5321 section 4.5.4.1.
    """
    if now >= expires_at and attempts >= fewest_attempts(steps, lifetime):
        return None
    step = steps[min(attempts, len(steps)) - 1]
    wait = max(step, least) * (1.0 + SPREAD * spread)
    if now < expires_at:
        wait = min(wait, expires_at - now)
    return now + max(wait, least)


def fewest_attempts(steps: Sequence[float], lifetime: float) -> int:
    """Give how many attempts a recipient gets before age alone may end it: at least 1, at most FEWEST_ATTEMPTS."""
    repeated = accumulate((*steps, *repeat(steps[-1], FEWEST_ATTEMPTS)))
    retries = sum(1 for _ in takewhile(lambda after: after <= lifetime, repeated))
    return min(1 + retries, FEWEST_ATTEMPTS)

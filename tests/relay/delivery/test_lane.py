"""What we know of a destination: how many connections it may have, and whether it is left alone."""

from relay.delivery.dialogue import Outcome
from relay.delivery.lane import HOPEFUL, LONGEST_DOWN, SLOW, Lane
from relay.delivery.pacing import Group, Pace
from relay.delivery.pool import Unreachable
from relay.delivery.route import Destination
from store.nouns import Phase, Reason
from tests.relay.delivery.conftest import JOB

STEPS = (60.0, 300.0, 900.0, 3600.0)
DEAD = Unreachable(Outcome(Phase.CONNECT, None, "no", Reason.CONNECTION_FAILED, permanent=False), "mx", "192.0.2.1")


def lane(most: int = 20) -> Lane:
    return Lane(Destination("key", (), by_route=False, until=0.0), Group("key", Pace(20)), most)


def test_connections_double_with_each_reply_up_to_the_limit() -> None:
    """One that takes the mail and never answers so holds one place."""
    one = lane()
    limits = []
    for _ in range(6):
        limits.append(one.limit)
        one.replied()
    assert limits == [1, 2, 4, 8, 16, 20]
    one.lost()
    assert one.limit == 10
    for _ in range(5):
        one.lost()
    assert one.limit == 1


def test_a_dead_destination_is_left_alone_longer_each_time() -> None:
    """By the steps of the schedule, half an hour at most."""
    one = lane()
    now = 1000.0
    for wait in (60.0, 300.0, 900.0, LONGEST_DOWN, LONGEST_DOWN):
        one.unreachable(DEAD, now, STEPS)
        assert one.down_for(now) == wait
        now += wait
        assert one.down_for(now) == 0.0


def test_connections_that_fail_together_are_one_failure() -> None:
    """Twenty that were being opened at once do not make the wait twenty steps long."""
    one = lane()
    for late in range(20):
        one.unreachable(DEAD, 1000.0 + late, STEPS)
    assert one.failures == 1
    assert one.down_for(1019.0) == 41.0


def test_a_connection_that_is_set_up_ends_the_waiting() -> None:
    """The next failure is a first one."""
    one = lane()
    one.unreachable(DEAD, 1000.0, STEPS)
    one.reached()
    assert one.down_for(1001.0) == 0.0
    one.unreachable(DEAD, 1002.0, STEPS)
    assert one.down_for(1002.0) == 60.0


def test_a_clock_that_jumps_back_does_not_prolong_it() -> None:
    """A destination is never left alone for years."""
    one = lane()
    one.unreachable(DEAD, 1e9, STEPS)
    assert one.down_for(1e9 - 86400) == 0.0


def test_it_is_fresh_while_all_that_waits_is() -> None:
    """What was in the store before makes it an old queue, until that is gone."""
    one = lane()
    one.put((JOB,), fresh=True)
    assert one.fresh
    one.put((JOB,), fresh=False)
    one.put((JOB,), fresh=True)
    assert not one.fresh
    one.jobs.clear()
    one.put((JOB,), fresh=True)
    assert one.fresh


def test_it_is_slow_by_its_latest_mail() -> None:
    """One quick mail makes it quick again."""
    one = lane()
    one.ended(SLOW)
    assert one.slow
    one.ended(SLOW - 0.1)
    assert not one.slow
    assert one.heard == 2


def test_silence_lets_it_have_a_few_more_connections() -> None:
    """Never more than HOPEFUL by that alone, nor than it may ever have."""
    one = lane()
    assert [one.unheard() for _ in range(HOPEFUL)] == [True] * (HOPEFUL - 1) + [False]
    assert one.limit == HOPEFUL
    few = lane(2)
    assert [few.unheard() for _ in range(2)] == [True, False]

"""How many may come in."""

from hypothesis import given
from hypothesis import strategies as st

from relay.submission.gate import Gate


def test_in_all_and_by_address() -> None:
    """The limit passes, one more does not; who leaves makes room."""
    gate = Gate(connections=3, per_address=2)
    assert [gate.enter("192.0.2.1") for _ in range(3)] == [True, True, False]
    assert [gate.enter("192.0.2.2") for _ in range(2)] == [True, False]
    gate.leave("192.0.2.1", known=False)
    assert gate.enter("192.0.2.2")
    assert gate.open == 3


def test_who_authenticated_no_longer_counts_against_its_address() -> None:
    """An application behind one address may hold as many connections as there are in all."""
    gate = Gate(connections=10, per_address=2)
    for _ in range(10):
        assert gate.enter("192.0.2.1")
        gate.known("192.0.2.1")
    assert not gate.enter("192.0.2.1")
    gate.leave("192.0.2.1", known=True)
    assert gate.enter("192.0.2.1")


@given(st.lists(st.tuples(st.sampled_from("abc"), st.sampled_from(["enter", "known", "leave"]))))
def test_counts_come_back_to_nothing(steps: list[tuple[str, str]]) -> None:
    """Whatever the order, when all have left nothing is remembered."""
    gate = Gate(connections=5, per_address=2)
    inside: list[tuple[str, bool]] = []
    for address, step in steps:
        mine = [n for n, (who, known) in enumerate(inside) if who == address and (step == "leave" or not known)]
        if step == "enter":
            if gate.enter(address):
                inside.append((address, False))
        elif mine and step == "known":
            gate.known(address)
            inside[mine[0]] = (address, True)
        elif mine:
            gate.leave(address, known=inside.pop(mine[0])[1])
        assert gate.open == len(inside) <= 5
    for address, known in inside:
        gate.leave(address, known=known)
    assert gate.open == 0
    assert not gate._blocks

"""
The people of ``homing demo``: families of a music school, their addresses, and what each of them acts out.

The same number of mails always has the same cast, in the same order.

Pure: no I/O, no clock, no chance.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from relay.sandbox.behaviour import BEHAVIOURS, FIREFOX, GMAIL, IPHONE, PERSON_OPENS, Behaviour, Later, Reaction, opens

NULL_MX = "no-mail.test"  # says that it takes no mail (RFC 7505)
UNREACHABLE = "old-server.test"  # has a mail host where nobody listens
_DOMAINS = ("family-post.test", "bluebird.test", "northside.test", "postbox.test", "riverside.test", "quick-mail.test")
_GMAIL_LIKE, _APPLE_LIKE = "big-webmail.test", "orchard-mail.test"

# fmt: off
_FIRST = (
    "Maria", "Tom", "Aisha", "Jonas", "Elena", "Wei", "Sofia", "Liam", "Fatima", "Noah", "Ines", "Oskar", "Priya",
    "Mateo", "Hanna", "Diego", "Yuki", "Clara", "Samuel", "Nadia", "Pablo", "Greta", "Omar", "Lucia", "Erik", "Amira",
    "Felix", "Rosa",
)
_LAST = (
    "Lopez", "Baker", "Rahman", "Lind", "Petrova", "Chen", "Marin", "Murphy", "Haddad", "Fischer", "Costa", "Berg",
    "Nair", "Silva", "Novak", "Garcia", "Tanaka", "Weber", "Okafor", "Santos", "Moreau", "Jansen", "Khan", "Rossi",
    "Dahl",
)
# fmt: on

# what they act out, and how many of a hundred do
_SHARES: Sequence[tuple[str, float]] = (
    ("opens", 44.0),
    ("twice", 7.0),
    ("gmail", 9.0),
    ("apple", 10.0),
    ("noopen", 7.0),
    ("slow", 4.0),
    ("gone", 4.0),
    ("later-bounce", 2.5),
    ("full-for-good", 2.0),
    ("suspended", 2.0),
    ("later-full", 1.0),
    ("toolarge", 1.0),
    ("invalid", 1.0),
    ("spam", 1.0),
    ("scanned", 1.0),
    ("auto", 1.0),
    ("complain", 1.0),
    ("full", 0.5),
    ("defer", 0.5),
    ("null-mx", 0.5),
    ("unreachable", 0.5),
)
_TAKES_LONGEST = frozenset({"full", "full-for-good", "defer", "unreachable"})  # they go first
# Whose address is not used again: a second mail to them is Not delivered.
_SUPPRESSED = frozenset({"gone", "suspended", "invalid", "later-bounce", "complain", "null-mx"})


@dataclass(frozen=True, slots=True)
class Person:
    """One recipient of the demo."""

    number: int  # from 0
    name: str
    address: str
    acts: str

    @property
    def customer(self) -> str:
        """The id that the school's program has for the family."""
        return str(4_100 + self.number)

    @property
    def suppressed_later(self) -> bool:
        """Whether the address is not used again after the first mail."""
        return self.acts in _SUPPRESSED


def cast(count: int) -> list[Person]:
    """Choose ``count`` people in the order of sending; each thing is acted out at least once where they are enough."""
    people = [_person(number, acts) for number, acts in enumerate(_roles(count))]
    # A golden step spreads each kind evenly over the sending.
    spread = sorted(people, key=lambda person: (person.acts not in _TAKES_LONGEST, person.number * 0.618034 % 1.0))
    return [replace(person, number=number) for number, person in enumerate(spread)]


def reminded(people: Sequence[Person], count: int) -> list[Person]:
    """Choose who gets a second mail: half of them people whose first one came back."""
    back = [person for person in people if person.suppressed_later][: (count + 1) // 2]
    fine = [person for person in people if person.acts in ("opens", "noopen")][: count - len(back)]
    return [*back, *fine]


def behaviours(people: Sequence[Person]) -> dict[str, Behaviour]:
    """Say what becomes of a mail to each address; opens come between one and eight seconds after it."""
    return {person.address: _behaviour(person) for person in people}


def dns_table() -> dict[str, dict[str, list[str]]]:
    """Give the DNS of the demo's domains, as ``names.py`` takes it: all mail hosts are this machine."""
    table: dict[str, dict[str, list[str]]] = {
        NULL_MX: {"MX": ["0 ."]},
        UNREACHABLE: {"MX": [f"10 mx.{UNREACHABLE}."]},
        f"mx.{UNREACHABLE}": {"A": ["127.0.0.99"]},
    }
    for domain in (*_DOMAINS, _GMAIL_LIKE, _APPLE_LIKE):
        table[domain] = {"MX": [f"10 mx1.{domain}.", f"20 mx2.{domain}."]}
        table[f"mx1.{domain}"] = {"A": ["127.0.0.1"]}
        table[f"mx2.{domain}"] = {"A": ["127.0.0.1"]}
    return table


def _roles(count: int) -> Iterator[str]:
    """Give what each of ``count`` people acts out: the small parts get one each, the first part all that is left."""
    (leading, _), *others = _SHARES
    left = count
    for acts, share in others:
        wanted = min(left, max(1, round(share * count / 100)))
        yield from [acts] * wanted
        left -= wanted
    yield from [leading] * left


def _person(number: int, acts: str) -> Person:
    first = _FIRST[number % len(_FIRST)]
    last = _LAST[(number * 7 + number // len(_FIRST)) % len(_LAST)]
    round_ = number // (len(_FIRST) * len(_LAST))
    local = f"{first}.{last}{round_ or ''}".lower()
    return Person(number, f"{first} {last}", f"{local}@{_domain(number, acts)}", acts)


def _domain(number: int, acts: str) -> str:
    special = {"null-mx": NULL_MX, "unreachable": UNREACHABLE, "gmail": _GMAIL_LIKE, "apple": _APPLE_LIKE}
    return special.get(acts) or _DOMAINS[number % len(_DOMAINS)]


def _behaviour(person: Person) -> Behaviour:
    seconds = 1.0 + person.number % 15 * 0.5
    if person.acts in ("null-mx", "unreachable"):
        return Behaviour()
    if person.acts == "opens":
        return opens(FIREFOX if person.number % 2 else IPHONE, seconds)
    if person.acts == "gmail":
        return opens(GMAIL, 6.0 + seconds)
    if person.acts == "twice":
        again = Later(reaction=Reaction.OPEN, seconds=seconds + 8.0, agent=FIREFOX)
        return Behaviour(later=(*opens(IPHONE, seconds).later, again))
    return BEHAVIOURS.get(person.acts, PERSON_OPENS)

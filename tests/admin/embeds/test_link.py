"""admin/embeds/link.py: a URL is ours and in time, or it opens nothing (IDOR, tampering, clock)."""

import re
import time
from pathlib import Path
from urllib.parse import parse_qsl, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from admin.embeds.link import ABOUT, BadLink, about_problem, link, opened

KEY, OLD, OTHER = bytes(range(32)), bytes(32), b"x" * 32
NOW = 1_790_000_000.0
DAY = 86_400.0
DOCUMENT = Path(__file__).parents[3] / "docs" / "embedding.md"

values = st.text(min_size=1, max_size=60).filter(str.isprintable)


def pairs(url: str) -> tuple[str, list[tuple[str, str]]]:
    parts = urlsplit(url)
    return parts.path.removeprefix("/embed/").partition(".")[0], parse_qsl(parts.query, keep_blank_values=True)


def open_url(url: str, *, now: float = NOW, keys: tuple[bytes, ...] = (KEY,), longest: float = DAY) -> dict[str, str]:
    view, query = pairs(url)
    return opened(view, query, keys, now=now, longest=longest)


def made(view: str = "invoice", *, ends: float = NOW + 60, **about: str) -> str:
    return link(view, {**(about or {"invoice": "INV-1"}), "exp": str(int(ends))}, KEY)


@given(values)
def test_what_was_signed_is_opened(invoice: str) -> None:
    """Whatever the value: it comes out of the URL as it went in."""
    assert open_url(made(invoice=invoice))["invoice"] == invoice


@given(values, values)
def test_another_value_is_not(one: str, other: str) -> None:
    """A URL for one invoice shows no other."""
    if one != other:
        view, query = pairs(made(invoice=one))
        changed = [(name, other if name == "invoice" else value) for name, value in query]
        with pytest.raises(BadLink):
            opened(view, changed, (KEY,), now=NOW, longest=DAY)


@given(st.data())
def test_no_changed_octet_opens_anything(data: st.DataObject) -> None:
    """One character of the URL changed, taken out or put in: it is refused, or names the very same."""
    url = made(invoice="INV-1", cursor="7")
    place = data.draw(st.integers(len("/embed/"), len(url) - 1))
    put = data.draw(st.sampled_from(["", *"abzAZ019&=%+-_. /?#\x00é"]))
    changed = url[:place] + put + url[place + data.draw(st.integers(0, 1)) :]
    try:
        found = open_url(changed)
    except (BadLink, ValueError):
        return
    assert (pairs(changed)[0], found) == ("invoice", {"invoice": "INV-1", "cursor": "7", "exp": str(int(NOW + 60))})


@given(st.text(max_size=30), st.lists(st.tuples(st.text(max_size=10), st.text(max_size=30)), max_size=5))
def test_whatever_is_asked_is_refused(view: str, query: list[tuple[str, str]]) -> None:
    """Without our key nothing opens, and nothing else is raised."""
    with pytest.raises(BadLink):
        opened(view, query, (KEY,), now=NOW, longest=DAY)


@pytest.mark.parametrize(
    ("after", "good"),
    [(-1e9, False), (-(DAY - 60) - 1, False), (-(DAY - 60), True), (0, True), (59.9, True), (60, False), (1e9, False)],
)
def test_a_url_has_its_time(after: float, *, good: bool) -> None:
    """To the second; and a clock that jumped back opens none that would be good for longer than allowed."""
    if good:
        assert open_url(made(), now=NOW + after)
    else:
        with pytest.raises(BadLink):
            open_url(made(), now=NOW + after)


@pytest.mark.parametrize("ends", ["", "-1", "1e12", "9" * 30, "\u0661\u0667\u0669", " 1790000010", "1790000010.5"])
def test_a_time_is_digits(ends: str) -> None:
    """Anything else is no time, signed or not."""
    with pytest.raises(BadLink):
        open_url(link("invoice", {"invoice": "INV-1", "exp": ends}, KEY))


def test_keys_rotate() -> None:
    """What was signed under an older key is good while it is kept; another's never."""
    url = link("invoice", {"invoice": "INV-1", "exp": str(int(NOW + 60))}, OLD)
    assert open_url(url, keys=(KEY, OLD))
    for keys in ((KEY,), (OTHER, KEY)):
        with pytest.raises(BadLink):
            open_url(url, keys=keys)


def test_a_view_is_signed_too() -> None:
    """A badge's URL opens no log, and one about a message's numbers not its recipients."""
    for view, other in (("message", "recipients"), ("badge", "message")):
        url = made(view, message="7")
        assert open_url(url)
        with pytest.raises(BadLink):
            open_url(url.replace(f"/embed/{view}", f"/embed/{other}"))


def test_nothing_is_named_twice() -> None:
    """So no two readers of a URL can take it for different things."""
    with pytest.raises(BadLink):
        open_url(made() + "&invoice=INV-1")


@pytest.mark.parametrize(
    ("view", "about"),
    [
        ("elsewhere", {"invoice": "1"}),
        ("invoice", {}),
        ("invoice", {"customer": "1"}),
        ("invoice", {"invoice": ""}),
        ("invoice", {"invoice": "a\nmessage=1"}),
        ("invoice", {"invoice": "x" * 321}),
        ("message", {"message": "x"}),
        ("message", {"message": str(2**63)}),
        ("badge", {"invoice": "1", "message": "1"}),
        ("invoice", {"invoice": "1", "colour": "red"}),
    ],
)
def test_what_a_view_cannot_be_about(view: str, about: dict[str, str]) -> None:
    """It is said when the URL is made, and refused though it were signed."""
    assert about_problem(view, about)
    with pytest.raises(BadLink):
        open_url(link(view, {**about, "exp": str(int(NOW + 60))}, KEY))


def test_each_view_can_be_asked_for() -> None:
    """About each of what it may be about."""
    for view, names in ABOUT.items():
        for name in names:
            assert open_url(made(view, **{name: "7"}))[name] == "7"


def code(language: str) -> str:
    """Give the code of a language from the document."""
    found = re.search(rf"```{language}\n(.*?)```", DOCUMENT.read_text(encoding="utf-8"), re.DOTALL)
    assert found
    return found[1]


AWKWARD = "Müller & Söhne=+/ 7"


def test_the_documents_python_signs_as_we_do(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its URLs open."""
    monkeypatch.setenv("HOMING_EMBED_KEY", KEY.hex())
    monkeypatch.setenv("HOMING_URL", "")
    names: dict[str, object] = {}
    exec(code("python"), names)
    url = names["homing"]("customer", customer=AWKWARD)  # type: ignore[operator]
    assert open_url(url, now=time.time())["customer"] == AWKWARD

"""pixel/opt_out.py and pixel/choice.py: the link, and the pages behind it."""

from collections.abc import AsyncIterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pixel.choice import ChoicePages
from pixel.opt_out import OptOutLinks, link
from pixel.server import PixelServer
from pixel.settings import PixelSettings
from pixel.token import Tokens
from store.errors import StoreUnavailable
from tests.pixel.rig import GRACE, LOG, Clock, FakeOpens, ask

LINKS = OptOutLinks([b"k" * 32])
ADDRESS = "ann@example.org"


@given(st.emails())
def test_link_opens_to_its_address(address: str) -> None:
    """However it is written; the address itself cannot be read in the link."""
    token = LINKS.encode(address)
    assert LINKS.decode(token) == LINKS.decode(LINKS.encode(address.upper()))
    assert LINKS.decode(token) is not None
    assert "@" not in link("https://track.test/", token)
    assert link("https://track.test/", token).startswith("https://track.test/n/")


@given(st.text(max_size=60), st.integers(0, 40), st.sampled_from("AZaz09-_"))
def test_anything_else_opens_to_nothing(text: str, at: int, other: str) -> None:
    """Any text, and a link with another character: nobody, and no exception."""
    assert LINKS.decode(text) is None
    token = LINKS.encode(ADDRESS)
    altered = token[:at] + other + token[at + 1 :]
    assert LINKS.decode(altered) in ((ADDRESS,) if altered == token else (None,) if at < 40 else (None, ADDRESS))


def test_keys_rotate_and_are_of_one_purpose() -> None:
    """A link of the key before works; one of another key does not."""
    token = LINKS.encode(ADDRESS)
    assert OptOutLinks([b"n" * 32, b"k" * 32]).decode(token) == ADDRESS
    assert OptOutLinks([b"n" * 32]).decode(token) is None
    assert LINKS.decode("A" * 10_000) is None


class Choices:
    """Keeps choices, or cannot."""

    def __init__(self) -> None:
        self.out: list[str] = []
        self.refuse = False

    async def opt_out(self, address: str) -> bool:
        if self.refuse:
            raise StoreUnavailable("the store is locked")
        self.out.append(address)
        return False


@pytest.fixture
def choices() -> Choices:
    return Choices()


@pytest.fixture
async def pages(tokens: Tokens, opens: FakeOpens, clock: Clock, choices: Choices) -> AsyncIterator[PixelServer]:
    server = PixelServer(
        tokens=tokens,
        opens=opens,
        settings=PixelSettings(listen=("127.0.0.1:0",)),
        clock=clock,
        log=LOG,
        choice=ChoicePages(LINKS, choices, LOG),
    )
    await server.start()
    yield server
    await server.stop(GRACE)


PATH = f"/n/{LINKS.encode(ADDRESS)}"


@pytest.mark.parametrize("method", ["GET", "HEAD", "OPTIONS", "PUT", "DELETE"])
async def test_only_the_button_does_it(pages: PixelServer, choices: Choices, method: str) -> None:
    """Scanners open links: nothing but POST changes anything, and the page runs no script and shows no address."""
    answer = await ask(pages, PATH, method=method)
    assert answer.status == (200 if method in ("GET", "HEAD") else 405)
    assert choices.out == []
    assert ADDRESS.encode() not in answer.body
    assert answer.headers["Content-Security-Policy"].startswith("default-src 'none'")
    assert answer.headers["Cache-Control"] == "no-store"
    if method == "GET":
        assert b'<form method="post">' in answer.body


async def test_the_button(pages: PixelServer, choices: Choices) -> None:
    """POST takes the choice, each time alike."""
    for _ in range(2):
        answer = await ask(pages, PATH, method="POST", headers={"Content-Length": "0"})
        assert (answer.status, b"no longer noted" in answer.body) == (200, True)
    assert choices.out == [ADDRESS] * 2


@pytest.mark.parametrize("path", ["/n/", "/n/x", PATH[:-2], "/n/" + "A" * 3_000, "/n/%00", "/n/../o/x.gif"])
@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_a_link_that_is_none(pages: PixelServer, choices: Choices, path: str, method: str) -> None:
    """A page that says so, and nothing changes."""
    answer = await ask(pages, path, method=method, headers={"Content-Length": "0"})
    assert (answer.status, b"not complete" in answer.body, choices.out) == (404, True, [])


async def test_store_that_cannot_be_written(pages: PixelServer, choices: Choices) -> None:
    """The person is told that it was not saved, and no more."""
    choices.refuse = True
    answer = await ask(pages, PATH, method="POST", headers={"Content-Length": "0"})
    assert (answer.status, b"try again" in answer.body, b"locked" in answer.body) == (503, True, False)

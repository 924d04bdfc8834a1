"""pixel/usual.py."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pixel.image import GIF
from pixel.noting import Asked
from pixel.server import PixelServer
from pixel.settings import PixelSettings
from pixel.usual import MAX_OCTETS, Fields, read_usual
from tests.pixel.rig import GRACE, talk

Serve = Callable[[PixelSettings], Awaitable[PixelServer]]
FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"
BROWSER = (
    "GET /o/AAAAAAAAAAAAAAAAAAAAAA.gif HTTP/1.1\r\nHost: pixel.club.test\r\n"
    f"User-Agent: {FIREFOX}\r\nAccept: image/avif,image/webp,image/png,*/*;q=0.8\r\n"
    "Accept-Language: de,en;q=0.5\r\nAccept-Encoding: gzip, deflate, br, zstd\r\nConnection: keep-alive\r\n"
    "X-Forwarded-For: 192.0.2.7\r\nFORWARDED: for=192.0.2.8\r\nx-forwarded-for:192.0.2.9 \r\n\r\n"
).encode()


def test_what_a_browser_sends_is_usual() -> None:
    """Path, agent, and the fields of proxies in their order, in whatever letters and blanks they are written."""
    assert read_usual(BROWSER) == (
        "/o/AAAAAAAAAAAAAAAAAAAAAA.gif",
        Fields(
            FIREFOX,
            ("192.0.2.7", "192.0.2.9"),
            ("for=192.0.2.8",),
            "image/avif,image/webp,image/png,*/*;q=0.8",
        ),
    )
    assert read_usual(b"GET /o/ HTTP/1.1\r\nHost: x\r\n\r\n") == ("/o/", Fields())


@pytest.mark.parametrize("more", ["", "X: " + "y" * 2_000 + "\r\n"])
def test_a_header_that_came_before(more: str) -> None:
    """The same header with another path tells the same, remembered or not; with another header it tells that one."""
    for n in range(3):
        for agent in (FIREFOX, "another"):
            head = f"GET /o/{n}.gif HTTP/1.1\r\nHost: x\r\n{more}User-Agent: {agent}\r\n\r\n"
            assert read_usual(head.encode()) == (f"/o/{n}.gif", Fields(agent))


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b"GET ", b"HEAD "),
        (b"GET ", b"get "),
        (b"GET /o/", b"GET /n/"),
        (b"GET /o/", b"GET http://x/o/"),
        (b"GET /o/", b"GET  /o/"),
        (b".gif ", b".gif#x "),
        (b".gif ", b"\xc3\xa9.gif "),
        (b"HTTP/1.1", b"HTTP/1.0"),
        (b"HTTP/1.1\r\n", b"HTTP/1.1\n"),
        (b"keep-alive\r\n", b"close\r\n"),
        (b"keep-alive\r\n", b"keep-alive, upgrade\r\n"),
        (b"Accept:", b"Accept :"),
        (b"Accept:", b" Accept:"),
        (b"Accept:", b"Acc\xc3\xa9pt:"),
        (b"Accept: ", b"Accept: \0"),
        (b"Accept: ", b"Accept: \r"),
        (b"Accept: ", b"Accept: \n"),
        (b"Accept: ", b"Content-Length: 3\r\nAccept: "),
        (b"Accept: ", b"content-length: 0\r\nAccept: "),
        (b"Accept: ", b"Transfer-Encoding: chunked\r\nAccept: "),
        (b"Accept: ", b"Expect: 100-continue\r\nAccept: "),
        (b"Accept: ", b"Upgrade: h2c\r\nAccept: "),
        (b"Accept: ", b"TE: trailers\r\nAccept: "),
        (b"Host: pixel.club.test\r\n", b""),
        (b"Accept: ", b"host: x\r\nAccept: "),
        (b"Accept: ", b"USER-AGENT: x\r\nAccept: "),
        (b"Accept: ", b"Content-Type: text/plain\r\nAccept: "),
        (b"\r\n\r\n", b"\r\n"),
        (b"\r\n\r\n", b"\r\n\r\nG"),
        (b"Accept: ", b"X: y\r\n" * 61 + b"Accept: "),
        (b"Accept: ", b"Accept: " + b"a" * MAX_OCTETS),
    ],
)
def test_what_is_not_usual(old: bytes, new: bytes) -> None:
    """One thing that could mean something else to somebody who knows all of HTTP, and it is left to them."""
    assert old in BROWSER
    assert read_usual(BROWSER.replace(old, new, 1)) is None


@given(st.binary(max_size=300) | st.binary(max_size=100).map(lambda octets: b"GET /o/" + octets + b"\r\n\r\n"))
def test_whatever_comes(data: bytes) -> None:
    """Any octets: a usual request or None, and no exception."""
    assert isinstance(read_usual(data), tuple | None)


_VALUE = st.text(st.characters(min_codepoint=32, max_codepoint=0x2FF, exclude_characters="\x7f"), max_size=60)
_NAME = st.sampled_from(["User-Agent", "X-Forwarded-For", "Forwarded", "forwarded", "Accept", "Referer", "X-Anything"])


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    path=st.text(st.characters(min_codepoint=33, max_codepoint=126, exclude_characters="#"), max_size=60),
    fields=st.lists(st.tuples(_NAME, _VALUE), max_size=6),
)
async def test_read_as_aiohttp_reads_it(serve: Serve, path: str, fields: list[tuple[str, str]]) -> None:
    """Whatever is taken for usual tells the same path, agent and proxies when aiohttp reads it, and gets the image."""
    server = await serve(PixelSettings(listen=("127.0.0.1:0",)))
    noted: list[Asked] = []
    server.noting.note = noted.append  # type: ignore[method-assign]
    head = "".join(
        [f"GET /o/{path} HTTP/1.1\r\nHost: x\r\n", *(f"{name}: {value}\r\n" for name, value in fields)]
    ).encode()
    reader, writer = await asyncio.open_connection(*server.addresses[0])
    if read_usual(head + b"\r\n") is not None:
        writer.write(head + b"\r\n")
        assert (await reader.readuntil(GIF)).startswith(b"HTTP/1.1 200 OK\r\n")
        assert GIF in await talk(server, head + b"Connection: close\r\n\r\n")
        quick, through_aiohttp = noted
        assert quick._replace(at=0.0) == through_aiohttp._replace(at=0.0)
    writer.close()
    await server.stop(GRACE)

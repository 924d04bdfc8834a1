"""pixel/server.py and pixel/connection.py: promise 6, and robustness P1 to P10."""

import asyncio
import re
import socket
from collections.abc import Awaitable, Callable

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pixel import connection
from pixel.image import GIF
from pixel.noting import token_of
from pixel.server import PixelServer, _path
from pixel.settings import PixelSettings
from pixel.token import Tokens
from store.nouns import Verdict
from tests.pixel.rig import GRACE, Answer, Clock, FakeOpens, ask, read_answer, talk

CACHE_CONTROL = "no-store, no-cache, must-revalidate, private, max-age=0"
CHROME = (
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/139.0.0.0 Safari/537.36"
)
Serve = Callable[[PixelSettings], Awaitable[PixelServer]]


def assert_is_the_image(answer: Answer, *, body: bytes = GIF) -> None:
    assert answer.status == 200
    assert answer.body == body
    assert {name: value for name, value in answer.headers.items() if name not in ("Date", "Connection")} == {
        "Content-Type": "image/gif",
        "Content-Length": "43",
        "Cache-Control": CACHE_CONTROL,
        "Cross-Origin-Resource-Policy": "cross-origin",
        "Referrer-Policy": "no-referrer",
        "X-Content-Type-Options": "nosniff",
        "Server": "web",
    }


async def answered(server: PixelServer, request: bytes) -> bytes:
    """Give what comes back; nothing when the connection is reset."""
    try:
        return await talk(server, request)
    except ConnectionError:
        return b""


async def send_for_ever(client: socket.socket, octets: bytes) -> None:
    while True:
        await asyncio.get_running_loop().sock_sendall(client, octets)


async def written(server: PixelServer, opens: FakeOpens) -> list[tuple[int, Verdict, str]]:
    """Stop the server, which writes what waits, and give what was written."""
    await server.stop(GRACE)
    return [(each.recipient_id, each.verdict, each.rule) for each in opens.recorded]


def test_image_is_43_octets() -> None:
    """GIF89a, one pixel by one, transparent."""
    assert len(GIF) == 43
    assert GIF.startswith(b"GIF89a\x01\x00\x01\x00")
    assert GIF.endswith(b"\x3b")


async def test_promise_6_good_token(server: PixelServer, tokens: Tokens, opens: FakeOpens) -> None:
    """A good token: the image, and an open is recorded."""
    assert_is_the_image(await ask(server, f"/o/{tokens.encode(42)}.gif", headers={"User-Agent": CHROME}))
    assert await written(server, opens) == [(42, Verdict.PERSON, "browser")]


@pytest.mark.parametrize(
    "target",
    [
        "/o/AAAAAAAAAAAAAAAAAAAAAA.gif",
        "/o/short.gif",
        "/o/.gif",
        "/o/",
        "/o/../../etc/passwd",
        "/o/%00%ff.gif",
        "/o/" + "a" * 7_000 + ".gif",
        "/o/<script>alert(1)</script>.gif",
        "/o/x.gif?next=https://example.org/",
        "http://elsewhere.test/o/AAAAAAAAAAAAAAAAAAAAAA.gif",
    ],
)
async def test_promise_6_bad_token(server: PixelServer, opens: FakeOpens, target: str) -> None:
    """P1, P3, P4: a bad token, or none: octet for octet the same answer, and nothing is recorded."""
    assert_is_the_image(await ask(server, target, headers={"User-Agent": CHROME}))
    assert await written(server, opens) == []


async def test_promise_6_store_that_cannot_be_written(server: PixelServer, tokens: Tokens, opens: FakeOpens) -> None:
    """P5: the store is locked: the same image at once; the opens are written when it is back."""
    opens.refuse = True
    for recipient_id in range(20):
        assert_is_the_image(await ask(server, f"/o/{tokens.encode(recipient_id)}.gif", headers={"User-Agent": CHROME}))
    assert opens.recorded == []
    opens.refuse = False
    assert [recipient_id for recipient_id, _, _ in await written(server, opens)] == list(range(20))


async def test_promise_6_store_that_never_answers(serve: Serve, tokens: Tokens, opens: FakeOpens) -> None:
    """A store that hangs holds up no answer, also beyond the buffer's bound."""
    server = await serve(PixelSettings(listen=("127.0.0.1:0",), buffer=5))
    hang = asyncio.Event()

    async def judge_and_record(_: object, __: object, *, view_window: float) -> int:
        del view_window
        await hang.wait()
        return 0

    opens.judge_and_record = judge_and_record  # type: ignore[method-assign,assignment]
    for recipient_id in range(8):
        assert_is_the_image(await ask(server, f"/o/{tokens.encode(recipient_id)}.gif"))
    assert (server.buffer.waiting, server.buffer.dropped) == (5, 3)
    hang.set()


async def test_promise_6_fault_of_ours(server: PixelServer, tokens: Tokens, caplog: pytest.LogCaptureFixture) -> None:
    """Should the noting itself fail, the log says so and the answer does not."""
    server.noting._networks = None  # type: ignore[assignment]
    assert_is_the_image(await ask(server, f"/o/{tokens.encode(1)}.gif"))
    assert "an open could not be noted" in caplog.text


@pytest.mark.parametrize("method", ["HEAD", "OPTIONS", "POST", "PUT", "DELETE", "PROPFIND"])
async def test_other_methods_are_probes(server: PixelServer, tokens: Tokens, opens: FakeOpens, method: str) -> None:
    """P4: the same answer (HEAD: without its body), recorded as a probe and never as an open."""
    answer = await ask(server, f"/o/{tokens.encode(7)}.gif", method=method, headers={"User-Agent": CHROME})
    assert_is_the_image(answer, body=b"" if method == "HEAD" else GIF)
    [(recipient_id, verdict, _)] = await written(server, opens)
    assert (recipient_id, verdict) == (7, Verdict.PROBE)


@pytest.mark.parametrize(
    "headers",
    [
        {"If-None-Match": '"x"', "If-Modified-Since": "Sat, 01 Jan 2028 00:00:00 GMT"},
        {"Range": "bytes=0-3"},
        {"Accept-Encoding": "gzip, br", "Accept": "text/html"},
        {"Cookie": "a=b", "Origin": "https://example.org", "Referer": "https://example.org/"},
        {"Expect": "100-continue"},
        {"Upgrade": "websocket", "Connection": "Upgrade"},
    ],
)
async def test_headers_change_nothing(server: PixelServer, headers: dict[str, str]) -> None:
    """P4, P8: no 304, no 206, no compression, no cookie: the same image."""
    assert_is_the_image(await ask(server, "/o/x.gif", headers=headers))


@pytest.mark.parametrize(
    "host", ["pixel.club.test", "unknown.test", "127.0.0.1:25", "a b", "localhost\r\nX-Forwarded-Host: x"]
)
async def test_no_host_name_changes_the_answer(server: PixelServer, tokens: Tokens, host: str) -> None:
    """P9: nothing is looked up by Host, and nothing of it comes back: known or not, the same image, elsewhere 404."""
    for target, status in ((f"/o/{tokens.encode(1)}.gif", 200), ("/", 404)):
        raw = await talk(server, f"GET {target} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n".encode())
        assert host.encode() not in raw
        assert raw.startswith(f"HTTP/1.1 {status} ".encode())


@pytest.mark.parametrize(
    "target", ["/", "/o", "/O/x.gif", "/healthz", "/api/v1/messages", "/pixel/o/x.gif", "http://pixel.test"]
)
async def test_other_paths_are_not_found(server: PixelServer, target: str) -> None:
    """P9: nothing else lives on this port, and the answer says neither program nor version."""
    answer = await ask(server, target)
    assert (answer.status, answer.headers["Server"]) == (404, "web")


@pytest.mark.parametrize(
    "request_",
    [
        b"GET /o/x.gif HTTP/1.1\r\nHost: x\r\nX: " + b"a" * 9_000 + b"\r\n\r\n",
        b"GET /o/x.gif HTTP/1.1\r\n" + b"".join(b"X-%d: 1\r\n" % n for n in range(200)) + b"\r\n",
        b"GET /o/" + b"a" * 100_000 + b" HTTP/1.1\r\nHost: x\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\r\n\r\n",
        b"GET /o/x.gif HTTP/1.1\r\nContent-Length: 5\r\nContent-Length: 7\r\n\r\n",
    ],
)
async def test_promise_6_what_is_no_http(server: PixelServer, request_: bytes) -> None:
    """P4, P10: beyond the limits of line and header: the same answer, then the connection ends."""
    assert_is_the_image(read_answer(await talk(server, request_)))


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    path=st.text(st.characters(exclude_categories=("Cc", "Zs", "Zl", "Zp", "Cs")), max_size=200),
    agent=st.text(st.characters(min_codepoint=32, exclude_categories=("Cc", "Cs")), max_size=400),
    forwarded=st.text(st.characters(min_codepoint=33, max_codepoint=126), max_size=200),
)
async def test_whatever_is_asked_the_image_comes(serve: Serve, path: str, agent: str, forwarded: str) -> None:
    """Any path below /o/ and any header values: the same image, and no exception."""
    server = await serve(PixelSettings(listen=("127.0.0.1:0",), trusted_proxies=("127.0.0.1",)))
    headers = {"User-Agent": agent.strip(), "X-Forwarded-For": forwarded, "Forwarded": f"for={forwarded}"}
    assert_is_the_image(await ask(server, f"/o/{path}", headers=headers))
    await server.stop(GRACE)


@given(st.text(max_size=300))
def test_any_target_has_a_path_and_a_token(target: str) -> None:
    """Any request target: a path that begins with a slash or is the asterisk form's root, and a token or none."""
    path = _path(target)
    assert path.startswith("/")
    assert isinstance(token_of(path), str)


async def test_percent_encoded_token_is_the_same_token(server: PixelServer, tokens: Tokens, opens: FakeOpens) -> None:
    """Some proxies encode what need not be encoded."""
    token = "".join(f"%{ord(char):02X}" for char in tokens.encode(9))
    assert_is_the_image(await ask(server, f"/o/{token}.gif", headers={"User-Agent": CHROME}))
    assert await written(server, opens) == [(9, Verdict.PERSON, "browser")]


async def test_apple_prefetch_and_gmail_proxy(server: PixelServer, tokens: Tokens, opens: FakeOpens) -> None:
    """The bare agent is a prefetch, Gmail's proxy a person behind a proxy, no agent uncertain."""
    for recipient_id, agent in ((1, "Mozilla/5.0"), (2, "Mozilla/5.0 (via ggpht.com GoogleImageProxy)")):
        await ask(server, f"/o/{tokens.encode(recipient_id)}.gif", headers={"User-Agent": agent})
    await ask(server, f"/o/{tokens.encode(3)}.gif")
    assert [(recipient_id, verdict) for recipient_id, verdict, _ in await written(server, opens)] == [
        (1, Verdict.PREFETCH),
        (2, Verdict.PROXY),
        (3, Verdict.UNCERTAIN),
    ]


@pytest.mark.parametrize("more", [{}, {"Connection": "close"}])
async def test_who_asks_for_a_page_shows_no_mail(
    server: PixelServer, tokens: Tokens, opens: FakeOpens, more: dict[str, str]
) -> None:
    """Accept and Referer are looked at, for usual requests and others, and change no answer."""
    for recipient_id, headers in (
        (1, {"Accept": "image/webp,*/*"}),
        (2, {"Accept": "text/html,*/*;q=0.8"}),
        (3, {"Referer": "https://urldefense.com/v3/x"}),
    ):
        target = f"/o/{tokens.encode(recipient_id)}.gif"
        assert_is_the_image(await ask(server, target, headers={"User-Agent": CHROME, **headers, **more}))
    assert [rule for _, _, rule in await written(server, opens)] == ["browser", "as-a-page", "link-rewriter"]


async def test_forwarded_address_only_from_a_listed_proxy(
    serve: Serve, server: PixelServer, tokens: Tokens, opens: FakeOpens
) -> None:
    """P6: an unlisted proxy's word about the client is not taken; a listed one's is, and may say "own office"."""
    listed = await serve(
        PixelSettings(listen=("127.0.0.1:0",), trusted_proxies=("127.0.0.0/8",), own_networks=("192.0.2.0/24",))
    )
    target = f"/o/{tokens.encode(5)}.gif"
    for each in (server, listed):
        await ask(each, target, headers={"User-Agent": CHROME, "X-Forwarded-For": "192.0.2.77"})
        await each.stop(GRACE)
    assert [(each.address, each.verdict) for each in opens.recorded] == [
        ("127.0.0.1", Verdict.PERSON),
        ("192.0.2.77", Verdict.OWN),
    ]


async def test_flood_is_answered_and_not_recorded(serve: Serve, tokens: Tokens, opens: FakeOpens) -> None:
    """P7: an address that asks too often gets its image all the same; what is not recorded is counted."""
    server = await serve(PixelSettings(listen=("127.0.0.1:0",), trusted_proxies=("127.0.0.1",)))
    server.noting.guard._burst, server.noting.guard._rate = 3.0, 0.0
    for recipient_id in range(5):
        headers = {"User-Agent": CHROME, "X-Forwarded-For": "192.0.2.77"}
        assert_is_the_image(await ask(server, f"/o/{tokens.encode(recipient_id)}.gif", headers=headers))
    assert len(await written(server, opens)) == 3
    assert server.limited == 2


async def test_half_a_request_is_ended(serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    """P10: a header that does not end, and a connection that says nothing, are ended after the keep-alive time."""
    monkeypatch.setattr(connection, "KEEP_ALIVE", 0.05)
    server = await serve(PixelSettings(listen=("127.0.0.1:0",)))
    assert await answered(server, b"GET /o/x.gif HTTP/1.1\r\nX-Slow: ") == b""
    assert await answered(server, b"") == b""


async def test_connections_are_bounded(serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    """P10: one connection more than the bound is ended at once; the others go on."""
    monkeypatch.setattr(connection, "MAX_CONNECTIONS", 3)
    server = await serve(PixelSettings(listen=("127.0.0.1:0",)))
    held = [await asyncio.open_connection(*server.addresses[0]) for _ in range(3)]
    reader, writer = held[0]
    writer.write(b"GET /o/x.gif HTTP/1.1\r\nHost: x\r\n\r\n")
    assert (await reader.readuntil(b"\r\n")).startswith(b"HTTP/1.1 200")
    assert await answered(server, b"GET /o/x.gif HTTP/1.1\r\nHost: x\r\n\r\n") == b""
    for _, open_writer in held:
        open_writer.close()


async def test_client_that_does_not_read_is_ended(serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    """P10: a client that asks on and on and reads nothing does not hold its connection for ever."""
    monkeypatch.setattr(connection, "KEEP_ALIVE", 0.05)
    server = await serve(PixelSettings(listen=("127.0.0.1:0",)))
    with socket.socket() as client:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)
        client.setblocking(False)
        loop = asyncio.get_running_loop()
        await loop.sock_connect(client, server.addresses[0])
        pipeline = b"GET /o/x.gif HTTP/1.1\r\nHost: x\r\n\r\n" * 1_000
        with pytest.raises(ConnectionError):
            await send_for_ever(client, pipeline)


async def test_keep_alive_serves_many(server: PixelServer, tokens: Tokens, opens: FakeOpens) -> None:
    """A proxy asks many times over one connection, also without waiting between."""
    request = "".join(
        f"GET /o/{tokens.encode(n)}.gif HTTP/1.1\r\nHost: x\r\nUser-Agent: {CHROME}\r\n"
        f"{'Connection: close' if n == 99 else 'X: y'}\r\n\r\n"
        for n in range(100)
    )
    raw = await talk(server, request.encode())
    assert raw.count(GIF) == raw.count(b"HTTP/1.1 200 OK") == 100
    assert [recipient_id for recipient_id, _, _ in await written(server, opens)] == list(range(100))


async def test_both_ways_answer_alike(server: PixelServer, tokens: Tokens, opens: FakeOpens) -> None:
    """A usual request and one that aiohttp must read get the same octets, but for the second and the word "close"."""
    usual = f"GET /o/{tokens.encode(1)}.gif HTTP/1.1\r\nHost: x\r\n\r\n".encode()
    reader, writer = await asyncio.open_connection(*server.addresses[0])
    writer.write(usual)
    quick = await reader.readuntil(GIF)
    writer.close()
    through_aiohttp = await talk(server, usual.replace(b"Host: x", b"Host: x\r\nConnection: close"))
    date = re.compile(rb"Date: [^\r]+ GMT\r\n")
    assert len(date.findall(quick)) == len(date.findall(through_aiohttp)) == 1
    assert date.sub(b"", quick) == date.sub(b"", through_aiohttp.replace(b"Connection: close\r\n", b""))
    assert len(await written(server, opens)) == 1  # and they are one view


async def test_usual_and_other_requests_on_one_connection(
    server: PixelServer, tokens: Tokens, opens: FakeOpens
) -> None:
    """A connection that begins with usual requests goes on with others, pieces of one and several at once."""
    reader, writer = await asyncio.open_connection(*server.addresses[0])
    requests = [f"GET /o/{tokens.encode(n)}.gif HTTP/1.1\r\nHost: x\r\n\r\n".encode() for n in range(8)]
    for request in requests[:3]:
        writer.write(request)
        assert (await reader.readuntil(GIF)).startswith(b"HTTP/1.1 200 OK\r\n")
    writer.write(requests[3][:20])
    await writer.drain()
    writer.write(requests[3][20:] + requests[4])
    for _ in range(2):
        assert (await reader.readuntil(GIF)).startswith(b"HTTP/1.1 200 OK\r\n")
    writer.write(b"POST /o/x.gif HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\n12345" + requests[5])
    for _ in range(2):
        assert (await reader.readuntil(GIF)).startswith(b"HTTP/1.1 200 OK\r\n")
    writer.close()
    assert sorted(id_ for id_, _, _ in await written(server, opens)) == list(range(6))


async def test_a_flood_faster_than_the_store_is_held_and_not_lost(
    serve: Serve, tokens: Tokens, opens: FakeOpens, clock: Clock
) -> None:
    """Beyond half of the room a connection's next request waits a moment; each is answered, and none is lost."""
    server = await serve(PixelSettings(listen=("127.0.0.1:0",), buffer=20))
    reader, writer = await asyncio.open_connection(*server.addresses[0])
    for n in range(40):
        clock.now += 0.001
        writer.write(f"GET /o/{tokens.encode(n)}.gif HTTP/1.1\r\nHost: x\r\n\r\n".encode())
        await reader.readuntil(GIF)
        if server.buffer.waiting >= 18:
            assert server.buffer.hold > 0.0
            await server.buffer._write_batch()
    writer.close()
    assert [id_ for id_, _, _ in await written(server, opens)] == list(range(40))
    assert server.buffer.dropped == 0


async def test_port_in_use_is_told(serve: Serve, server: PixelServer) -> None:
    """A port that is taken is an OSError at the start, and nothing else stays open."""
    host, port = server.addresses[0]
    with pytest.raises(OSError, match="address already in use"):
        await serve(PixelSettings(listen=("127.0.0.1:0", f"{host}:{port}")))

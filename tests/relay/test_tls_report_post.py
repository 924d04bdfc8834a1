"""relay/tls_report_post.py: a report is given over HTTPS to whoever asked, and never into our own network."""

import ssl

import pytest
from aiohttp import web

from relay.delivery.guard import Guard
from relay.delivery.resolver import AddressAnswer, Found, NoSuchDomain
from relay.tls_report_post import ReportPost
from tests.relay.delivery.tls_world import BELIEVED, issued


class Names:
    """Every known name is this machine."""

    async def addresses(self, host: str, *, ipv6: bool) -> AddressAnswer:
        del ipv6
        return Found(("127.0.0.1",), 0.0) if host.endswith(".example.org") else NoSuchDomain(0.0)


@pytest.fixture
def context() -> ssl.SSLContext:
    made = ssl.create_default_context()
    BELIEVED.configure_trust(made)
    return made


@pytest.mark.parametrize(("status", "why"), [(200, ""), (201, ""), (301, "it answers 301"), (500, "it answers 500")])
async def test_what_the_web_server_says(status: int, why: str, context: ssl.SSLContext) -> None:
    """2xx is taken; a redirect is not followed."""
    got: list[tuple[str, bytes]] = []

    async def take(request: web.Request) -> web.Response:
        got.append((request.content_type, await request.read()))
        return web.Response(status=status, headers={"Location": "https://elsewhere.example.org/"})

    application = web.Application()
    application.router.add_post("/tls", take)
    runner = web.AppRunner(application, access_log=None)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0, ssl_context=issued("r.example.org")).start()
        port = runner.addresses[0][1]
        post = ReportPost(Names(), guard=Guard(("127.0.0.0/8",)), ipv6=False, context=context)
        assert await post(f"https://r.example.org:{port}/tls", b"report") == why
    finally:
        await runner.cleanup()
    assert got == [("application/tlsrpt+gzip", b"report")]


@pytest.mark.parametrize(
    "url", ["https://r.example.org/", "https://127.0.0.1/", "https://[::1]/", "https://nowhere.test/"]
)
async def test_our_own_network_is_not_reached(url: str, context: ssl.SSLContext) -> None:
    """Whatever the name or the address says; the reason is told, and nothing is raised."""
    post = ReportPost(Names(), guard=Guard(()), ipv6=True, context=context)
    assert await post(url, b"report") != ""

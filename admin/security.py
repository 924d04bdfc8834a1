"""The headers of every answer, and connections that say nothing of the program behind them."""

import asyncio

from aiohttp import web
from aiohttp.typedefs import Handler

KEEP_ALIVE = 15.0  # seconds: for a whole request header, and between requests
_CONTENT_SECURITY_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; "
    "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
HEADERS = {
    "Content-Security-Policy": _CONTENT_SECURITY_POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "X-Frame-Options": "DENY",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), microphone=(), geolocation=(), interest-cohort=()",
    "Cache-Control": "no-store",
    "Server": "web",
}
_STRICT_TRANSPORT = "max-age=31536000"
_PLAIN_WORDS = {
    400: "This request cannot be understood.",
    401: "Log in first.",
    404: "There is no such page.",
    405: "This cannot be done here.",
    403: "This request did not come from a page of ours.",
    415: "What is sent here must not be compressed.",
    429: "Too many wrong passwords from this address. Try again in some minutes.",
    503: "The store cannot be read at the moment. No mail is lost by it; try again in a moment.",
}


async def add_headers(request: web.Request, response: web.StreamResponse) -> None:
    """Put the headers on an answer, those of errors too (a signal of aiohttp)."""
    says_who_frames = "frame-ancestors" in response.headers.get("Content-Security-Policy", "")
    for name, value in HEADERS.items():
        if name == "X-Frame-Options" and says_who_frames:
            continue  # an older word for the same, that could only name nobody or ourselves
        response.headers.setdefault(name, value)  # a preview, an embed and a file that may be kept say their own
    response.headers["Server"] = HEADERS["Server"]
    # Only what came by https may promise https; a proxy in front of us says so. Who lies about it fools only itself.
    if request.secure or request.headers.get("X-Forwarded-Proto", "").lower() == "https":
        response.headers["Strict-Transport-Security"] = _STRICT_TRANSPORT


def plain(status: int, *, headers: dict[str, str] | None = None) -> web.Response:
    """Give an answer that is one sentence."""
    return web.Response(status=status, text=_PLAIN_WORDS.get(status, "This did not work.") + "\n", headers=headers)


@web.middleware
async def plain_errors(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Answer errors in one sentence of ours, with the status that aiohttp or a handler chose."""
    try:
        return await handler(request)
    except web.HTTPException as error:
        if error.status < 400:
            raise
        allow = error.headers.get("Allow")
        return plain(error.status, headers={"Allow": allow} if allow else None)


class Connection(web.RequestHandler):
    """One connection of the pages' port: bounded in time, and silent about itself where a request is no HTTP."""

    __slots__ = ()

    def __init__(self, manager: web.Server, loop: asyncio.AbstractEventLoop) -> None:
        super().__init__(
            manager,
            loop=loop,
            keepalive_timeout=KEEP_ALIVE,
            lingering_time=1.0,
            auto_decompress=False,
            access_log=None,  # type: ignore[arg-type]  # None is what turns the log off
        )

    def handle_error(
        self,
        request: web.BaseRequest,
        status: int = 500,
        exc: BaseException | None = None,
        message: str | None = None,
    ) -> web.StreamResponse:
        """Answer what is no HTTP, and faults of ours, without repeating or telling anything."""
        del message
        if status >= 500:
            self.logger.error("error in an answer", exc_info=exc)
        if request.writer.output_size > 0:
            raise ConnectionError("an answer has begun already")
        response = plain(status)
        response.headers.update(HEADERS)
        response.force_close()
        return response

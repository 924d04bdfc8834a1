"""A mail provider's image proxy: loads under its own name, for a browser that shows the mail."""

import threading
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class ImageProxy(ThreadingHTTPServer):
    """
    Takes requests for whole URLs (RFC 9112 section 3.2.2) and loads them.

    Args:
        agent: The User-Agent that it names.
        client: The address that it says it comes from, to whoever believes it.
        keeps: Whether it gives the same image from its cache the next time, whatever the image's header says.
    """

    daemon_threads = True

    def __init__(self, agent: str, client: str, *, keeps: bool) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.agent, self.client, self.keeps = agent, client, keeps
        self.asked: list[str] = []
        self.loaded: list[str] = []
        self.cache: dict[str, bytes] = {}

    @property
    def url(self) -> str:
        """Where browsers reach it."""
        return f"http://127.0.0.1:{self.server_address[1]}"

    def load(self, url: str) -> bytes:
        """Load an image, by itself or because it is asked to."""
        if url not in self.cache or not self.keeps:
            self.loaded.append(url)
            headers = {"User-Agent": self.agent, "X-Forwarded-For": self.client}
            request = urllib.request.Request(url, headers=headers)
            direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))
            with direct.open(request, timeout=60) as answer:
                self.cache[url] = answer.read()
        return self.cache[url]


class _Handler(BaseHTTPRequestHandler):
    server: ImageProxy

    def do_GET(self) -> None:
        self.server.asked.append(self.path)
        image = self.server.load(self.path)
        self.send_response(200)
        self.send_header("Content-Type", "image/gif")
        self.send_header("Content-Length", str(len(image)))
        self.send_header("Cache-Control", "no-store")
        self.end_headers()
        self.wfile.write(image)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the library's name
        """Say nothing."""


@contextmanager
def image_proxy(agent: str, client: str, *, keeps: bool = False) -> Iterator[ImageProxy]:
    """Run one."""
    proxy = ImageProxy(agent, client, keeps=keeps)
    thread = threading.Thread(target=proxy.serve_forever, daemon=True)
    thread.start()
    try:
        yield proxy
    finally:
        proxy.shutdown()
        proxy.server_close()
        thread.join()

"""The files that pages bring along: in memory, compressed once, and named with a version so that browsers keep them."""

import gzip
import hashlib
from functools import cache
from importlib.resources import files

from aiohttp import web

from admin.routes import Route, get

_TYPES = {"css": "text/css", "js": "text/javascript", "svg": "image/svg+xml"}
_A_YEAR = "public, max-age=31536000, immutable"


@cache
def _read() -> tuple[dict[str, bytes], dict[str, bytes], str]:
    """Give the files, the same compressed, and their version: once for all who serve or name them."""
    folder = files("admin").joinpath("static")
    found = {file.name: file.read_bytes() for file in folder.iterdir() if file.name.rpartition(".")[2] in _TYPES}
    packed = {name: gzip.compress(octets, mtime=0) for name, octets in found.items()}
    whole = b"".join(found[name] for name in sorted(found))
    return found, packed, hashlib.sha256(whole).hexdigest()[:10]


class Statics:
    """Serves ``admin/static``."""

    def __init__(self) -> None:
        self._files, self._packed, self.version = _read()

    def routes(self) -> list[Route]:
        """Give the one route of the files."""
        return [get("/static/{version}/{name}", self.serve, None)]

    def href(self, name: str) -> str:
        """Give the address of a file, which is another one when any file has changed."""
        if name not in self._files:
            raise LookupError(f"there is no file {name} in admin/static")
        return f"/static/{self.version}/{name}"

    async def serve(self, request: web.Request) -> web.Response:
        """Give a file; one of another version is not there."""
        name = request.match_info["name"]
        if name not in self._files or request.match_info["version"] != self.version:
            raise web.HTTPNotFound
        packed = "gzip" in request.headers.get("Accept-Encoding", "")
        response = web.Response(
            body=self._packed[name] if packed else self._files[name],
            content_type=_TYPES[name.rpartition(".")[2]],
            charset="utf-8",
            headers={"Cache-Control": _A_YEAR, "Vary": "Accept-Encoding"},
        )
        if packed:
            response.headers["Content-Encoding"] = "gzip"
        return response

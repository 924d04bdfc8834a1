"""
What went wrong, as RFC 9457 says it: ``application/problem+json``.

``type`` is a URN of ours that stays the same whatever the words. Nothing of our insides is ever in it.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any

from aiohttp import web

TYPE = "application/problem+json"
_NAMES = {
    400: "not-understood",
    401: "token-wanted",
    403: "scope-wanted",
    404: "not-found",
    405: "method-not-allowed",
    409: "conflict",
    410: "gone",
    413: "too-large",
    415: "media-type",
    422: "invalid",
    429: "too-many-requests",
    500: "our-fault",
    503: "store-away",
}


@dataclass
class Problem(Exception):
    """A request that is not answered as it was meant."""

    status: int
    detail: str  # a sentence for the developer who reads it
    errors: Sequence[Mapping[str, str]] = ()  # of 422: {"at": where, "detail": what would be right}
    headers: dict[str, str] = field(default_factory=dict)

    def body(self) -> dict[str, Any]:
        """Give the object."""
        told: dict[str, Any] = {
            "type": f"urn:homing:problem:{_NAMES.get(self.status, 'other')}",
            "title": HTTPStatus(self.status).phrase,
            "status": self.status,
            "detail": self.detail,
        }
        return told | ({"errors": [dict(each) for each in self.errors]} if self.errors else {})

    def response(self) -> web.Response:
        """Give the answer."""
        text = json.dumps(self.body(), ensure_ascii=False)
        return web.Response(status=self.status, text=text, content_type=TYPE, headers=self.headers)


def missing(what: str) -> Problem:
    """Say that there is none of a kind of thing."""
    return Problem(404, f"There is no such {what}, or it is no longer kept.")


def invalid(at: str, detail: str) -> Problem:
    """Say what is wrong with one value, and where: ``query.limit``, ``body.to.0``."""
    return Problem(422, "The request is understood, but not all of it can be.", ({"at": at, "detail": detail},))

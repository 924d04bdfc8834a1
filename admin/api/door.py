"""The door: route, token, rate, reading, handler, answer. What is not foreseen is 500, and the log says why."""

import hashlib
import logging
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from urllib.parse import parse_qsl

from aiohttp import web
from aiohttp.typedefs import Handler
from pydantic import BaseModel

from admin.api import reading
from admin.api.limits import Limits
from admin.api.openapi import document
from admin.api.problems import Problem, missing
from admin.api.route import JSON, Call, Route, Router
from admin.visit import networks, read_visit
from store.audit import Audit
from store.errors import StoreError, StoreUnavailable
from store.queries.page import BadCursor
from store.token_nouns import Scope, Token
from store.tokens import Tokens

_NOBODY = Token(name="", scopes=())
_CHALLENGE = 'Bearer realm="homing"'
_LONGEST_QUERY = 8_000  # characters


class Door:
    """Answers everything under ``/api/``."""

    def __init__(
        self,
        routes: list[Route],
        *,
        tokens: Tokens,
        audit: Audit,
        per_minute: int,
        clock: Callable[[], float],
        log: logging.Logger,
        proxies: Sequence[str] = (),
    ) -> None:
        """
        Build it.

        Args:
            routes: All there are; the OpenAPI document is made of them for the first who asks, and needs no token.
            tokens: Who may ask.
            audit: Where changes are noted.
            per_minute: Requests a minute that one token may make.
            clock: Unix seconds, UTC.
            log: Where faults are told.
            proxies: Networks of proxies in front, which say who asks.
        """
        self._proxies = networks(proxies)
        self._tokens = tokens
        self._audit = audit
        self._limits = Limits(per_minute)
        self._clock = clock
        self._log = log
        described = cache(lambda: document(routes))  # it makes all models ready, which few processes need

        async def openapi(call: Call) -> web.Response:
            del call
            return web.json_response(text=described())

        about = Route(
            method="GET",
            path="/openapi.json",
            handler=openapi,
            scope=None,
            summary="This API as an OpenAPI 3.1 document",
            group="About",
        )
        self._router = Router([*routes, about])

    @web.middleware
    async def middleware(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Stand before all others: what is asked of the API goes no further."""
        if request.path == "/api" or request.path.startswith("/api/"):
            return await self.answer(request)
        return await handler(request)

    async def answer(self, request: web.Request) -> web.StreamResponse:
        """Answer one request."""
        headers: dict[str, str] = {}
        try:
            response = await self._answer(request, headers)
        except Problem as problem:
            response = problem.response()
        except BadCursor as error:
            response = Problem(422, str(error)).response()
        except StoreUnavailable as error:
            self._log.warning("the API cannot reach the store: %s", error)
            response = Problem(503, "The store cannot be reached; try again.", headers={"Retry-After": "5"}).response()
        except StoreError:
            self._log.exception("the store refuses the API")
            response = Problem(500, "This is our fault; the log says more.").response()
        except ConnectionError:  # who asked is gone
            raise
        except Exception:  # noqa: BLE001 - the last resort: the log has it all, the answer nothing
            self._log.exception("error in an answer of the API")
            response = Problem(500, "This is our fault; the log says more.").response()
        if response.prepared:
            return response
        if request.writer.output_size > 0:
            # A file broke off in the middle. A second answer behind it would be read as rows of it.
            raise ConnectionError("an answer has begun already")
        response.headers.update(headers)
        return response

    async def _answer(self, request: web.Request, headers: dict[str, str]) -> web.StreamResponse:
        raw_path, _, raw_query = request.raw_path.partition("?")
        found = self._router.find(raw_path)
        if found is None:
            raise missing("path in the API")
        methods, words = found
        route = methods.get(request.method)
        if route is None:
            raise Problem(405, "This cannot be done here.", headers={"Allow": ", ".join(sorted(methods))})
        now = self._clock()
        token = await self._let_in(route, request, headers, now)
        call = Call(
            request=request,
            token=token,
            path=words,
            query=reading.query(route.query, _pairs(raw_query)),
            body=await reading.body(route, request),
            now=now,
            address=self._address(request),
            audit=self._audit,
        )
        answer = await route.handler(call)
        if isinstance(answer, web.StreamResponse):
            return answer
        return _written(route, answer, request.headers)

    async def _let_in(self, route: Route, request: web.Request, headers: dict[str, str], now: float) -> Token:
        if route.scope is None:
            return _NOBODY
        scheme, _, given = request.headers.get("Authorization", "").partition(" ")
        if scheme.lower() != "bearer" or not given:
            raise Problem(401, "A bearer token is wanted.", headers={"WWW-Authenticate": _CHALLENGE})
        token = await self._tokens.check(given.strip(), self._address(request))
        if token is None:
            refused = f'{_CHALLENGE}, error="invalid_token"'
            raise Problem(401, "This token is not in force.", headers={"WWW-Authenticate": refused})
        ruling = self._limits.ask(token.name, now)
        headers.update(ruling.headers())
        if not ruling.allowed:
            raise Problem(429, f"At most {ruling.limit} requests a minute.")
        if not token.may(route.scope):
            raise Problem(403, f"This needs a token with the scope {route.scope.value}.", headers=_scope(route.scope))
        return token

    def _address(self, request: web.Request) -> str:
        """Give the IP of who asks; what a proxy of ours says of it is believed."""
        return read_visit(request, self._proxies).address


def _scope(scope: Scope) -> dict[str, str]:
    return {"WWW-Authenticate": f'{_CHALLENGE}, error="insufficient_scope", scope="{scope.value}"'}


def _pairs(raw_query: str) -> list[tuple[str, str]]:
    if len(raw_query) > _LONGEST_QUERY:
        raise Problem(422, f"The query is longer than {_LONGEST_QUERY} characters.")
    return parse_qsl(raw_query, keep_blank_values=True, errors="replace")


def _written(route: Route, answer: BaseModel | None, asked: Mapping[str, str]) -> web.Response:
    """Write an answer; of what was only read, with the mark that tells whether it has changed since."""
    if answer is None:
        return web.Response(status=204)
    octets = answer.model_dump_json().encode("utf-8")
    if route.method != "GET":
        return web.Response(status=route.status, body=octets, content_type=JSON, charset="utf-8")
    etag = f'"{hashlib.sha256(octets).hexdigest()[:32]}"'
    marks = {each.strip().removeprefix("W/") for each in asked.get("If-None-Match", "").split(",")}
    if etag in marks or "*" in marks:
        return web.Response(status=304, headers={"ETag": etag})
    return web.Response(
        status=route.status,
        body=octets,
        content_type=JSON,
        charset="utf-8",
        headers={"ETag": etag},
    )

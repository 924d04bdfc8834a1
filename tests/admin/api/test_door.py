"""The door: who gets in, what is refused and how, and that no page, cookie or fault shows through."""

import io
import json
import logging
from typing import Any

import pytest
from aiohttp import ClientPayloadError, FormData

from admin.api.route import Route
from admin.visit import networks
from store.errors import StoreUnavailable
from store.open import Store
from store.token_nouns import Scope
from tests.admin.api.conftest import Api, all_routes
from tests.conftest import Clock

PROBLEM = "application/problem+json; charset=utf-8"
SEND = {"from": {"address": "a@club.example"}, "to": [{"address": "b@example.org"}]}


def filled(route: Route) -> str:
    """Give a path of a route with words in it."""
    path = route.path
    for name in route.names:
        path = path.replace(f"{{{name}}}", "1" if name.endswith("_id") else "ann@example.org")
    return path


async def knock(api: Api, route: Route, **headers: str) -> int:
    """Ask without a body that would do anything."""
    async with api.client.request(route.method, api.url + filled(route), headers=headers) as response:
        return response.status


async def test_each_route_with_each_scope(api: Api, store: Store, clock: Clock) -> None:
    """Without a token 401, with another scope 403, with its own or admin neither: of every route there is."""
    routes = all_routes(store, clock)
    assert len(routes) > 40
    for route in routes:
        assert route.scope is not None
        assert await knock(api, route) == 401
        assert await knock(api, route, Authorization="Bearer homing_" + "x" * 43) == 401
        assert await knock(api, route, Authorization=f"Basic {api.tokens['admin']}") == 401
        for scope in Scope:
            status = await knock(api, route, Authorization=f"Bearer {api.tokens[scope.value]}")
            if route.produces == "text/event-stream" and route.scope in (scope, scope.READ) and scope is not Scope.SEND:
                continue  # it would not end; test_stream.py opens it
            allowed = scope in (route.scope, Scope.ADMIN)
            assert (status not in (401, 403)) == allowed, (route.method, route.path, scope, status)


async def test_changing_needs_admin_or_send(store: Store, clock: Clock) -> None:
    """A token that may read changes nothing; what it makes is a link to what it may see."""
    for route in all_routes(store, clock):
        admins = route.path.startswith(("/credentials", "/tokens", "/webhooks"))
        reads = (route.method == "GET" and not admins) or route.path == "/embeds"
        assert (route.scope is Scope.READ) == reads, route.path


async def test_no_session_opens_the_api(api: Api, store: Store) -> None:
    """A cookie is no token; a token is no session; the query is no place for a token."""
    for path, more in (
        ("/messages", {"cookies": {"session": "x" * 43, "__Host-session": "x" * 43}}),
        (f"/messages?access_token={api.tokens['read']}", {}),
    ):
        async with api.client.get(api.url + path, **more) as response:  # type: ignore[arg-type]  # a table of cases
            assert response.status == 401
            assert response.headers["WWW-Authenticate"].startswith("Bearer")
            assert "Set-Cookie" not in response.headers
    page = api.url.removesuffix("/api/v1") + "/suppressions"
    headers = {"Authorization": f"Bearer {api.tokens['admin']}"}
    async with api.client.get(page, headers=headers, allow_redirects=False) as response:
        assert response.status in (303, 302, 401)
    del store


async def test_headers_of_every_answer(api: Api) -> None:
    """No browser takes it for anything else, no cache keeps it, no other site reads it (W1)."""
    for path in ("/messages", "/messages/1", "/openapi.json", "/suppressions.csv"):
        response = await api.ask(path)
        assert response.headers["X-Content-Type-Options"] == "nosniff"
        assert response.headers["Cache-Control"] == "no-store"
        assert response.headers["Server"] == "web"
        assert "Access-Control-Allow-Origin" not in response.headers
        assert response.headers["Content-Type"].split(";")[0] in (
            "application/json", "application/problem+json", "text/csv",
        )  # fmt: skip


JSON = {"Content-Type": "application/json"}
REFUSED: list[tuple[str, str, dict[str, Any], int]] = [
    ("GET", "/nothing", {}, 404),
    ("GET", "/messages/%2e%2e", {}, 404),
    ("GET", "/messages/1/overview/more", {}, 404),
    ("PATCH", "/messages", {}, 405),
    ("OPTIONS", "/messages", {}, 405),
    ("GET", "/messages?limit=0", {}, 422),
    ("GET", "/messages?limit=501", {}, 422),
    ("GET", "/messages?limit=1.0", {}, 422),
    ("GET", "/messages?limit=1&limit=2", {}, 422),
    ("GET", "/messages?cursor=x", {}, 422),
    ("GET", "/messages?cursor=9999999999999999999", {}, 422),
    ("GET", "/messages?standing=lost", {}, 422),
    ("GET", "/messages?since=yesterday", {}, 422),
    ("GET", "/messages?since=1790000000", {}, 422),
    ("GET", "/messages?customer=a%00b", {}, 422),
    ("GET", "/messages?sort=id;drop", {}, 422),
    ("GET", "/messages?q=" + "x" * 321, {}, 422),
    ("POST", "/messages", {"data": b"{", "headers": JSON}, 400),
    ("POST", "/messages", {"data": b"\xff", "headers": JSON}, 400),
    ("POST", "/messages", {"data": b'{"a": NaN}', "headers": JSON}, 400),
    ("POST", "/messages", {"data": b"[" * 21 + b"]" * 21, "headers": JSON}, 400),
    ("POST", "/messages", {"data": b"[" * 200_000, "headers": JSON}, 400),
    ("POST", "/messages", {"data": b"[]", "headers": JSON}, 422),
    ("POST", "/messages", {"data": b"{}", "headers": JSON}, 422),
    ("POST", "/messages", {"data": b'{"a": "\\ud800"}', "headers": JSON}, 422),
    ("POST", "/messages", {"data": b"{}"}, 415),
    ("POST", "/messages", {"data": FormData({"a": "b"})}, 415),
    ("POST", "/messages", {"data": b"{}", "headers": {**JSON, "Content-Encoding": "gzip"}}, 415),
    ("PUT", "/suppressions/ann@example.org", {"data": io.BytesIO(b"x" * (1024 * 1024 + 1)), "headers": JSON}, 413),
    ("PUT", "/suppressions/no-address", {"data": b"{}", "headers": JSON}, 404),
]


async def test_what_cannot_be_is_a_problem(api: Api) -> None:
    """Each mistake has its status, a type that stays and a sentence; what was given is not repeated (W8, W9, W18)."""
    for method, path, more, status in REFUSED:
        response = await api.ask(path, method=method, scope="admin", **more)
        what = (method, path, response.text)
        assert (response.status, response.headers["Content-Type"]) == (status, PROBLEM), what
        problem = response.json
        assert problem["status"] == status
        assert problem["type"].startswith("urn:homing:problem:")
        assert problem["detail"].endswith((".", "list")), what
        assert (status == 405) == ("Allow" in response.headers)
        for each in problem.get("errors", ()):
            assert each["at"].split(".")[0] in ("query", "body"), what


async def test_a_body_in_pieces_is_bounded_too(api: Api) -> None:
    """A body whose length nobody said ends where it is too long."""

    async def pieces() -> Any:
        for _ in range(300):
            yield b" " * 10_000

    response = await api.ask("/suppressions/a@b.example", method="PUT", scope="admin", data=pieces(), headers=JSON)
    assert response.status == 413


async def test_a_token_has_its_rate(api: Api, store: Store, clock: Clock) -> None:
    """So many requests a minute; the answers say how many are left, 429 when to come back, and then it goes on."""
    api.tokens["busy"] = await store.tokens.create("busy", [Scope.READ])
    first = await api.ask("/opt-outs", scope="busy")
    assert first.headers["RateLimit-Remaining"] == str(api.per_minute - 1)
    api.door._limits._left["busy"] = (2.0, clock())
    statuses = [(await api.ask("/opt-outs", scope="busy")).status for _ in range(3)]
    assert statuses == [200, 200, 429]
    refused = await api.ask("/opt-outs", scope="busy")
    assert (refused.headers["Retry-After"], refused.headers["RateLimit-Limit"]) == ("1", str(api.per_minute))
    assert (await api.ask("/opt-outs", scope="read")).status == 200
    clock.move(1)
    assert (await api.ask("/opt-outs", scope="busy")).status == 200


async def test_faults_show_nothing(
    api: Api, store: Store, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Our fault is 500 and a sentence, a store that is away 503; the log says what it was."""

    async def fails(*_: object, **__: object) -> None:
        raise RuntimeError("secret inside")

    async def away(*_: object, **__: object) -> None:
        raise StoreUnavailable("secret inside")

    for broken, status in ((fails, 500), (away, 503)):
        monkeypatch.setattr(store.queries.messages, "newest", broken)
        with caplog.at_level(logging.WARNING):
            response = await api.ask("/messages")
        assert (response.status, response.headers["Content-Type"]) == (status, PROBLEM)
        assert "secret" not in response.text
        assert "secret inside" in caplog.text
        caplog.clear()


async def test_the_document(api: Api) -> None:
    """OpenAPI 3.1, without a token; each operation has a name, a summary and its errors, and every reference leads."""
    async with api.client.get(api.url + "/openapi.json") as response:
        assert response.status == 200
        document = json.loads(await response.text())
    assert document["openapi"] == "3.1.0"
    operations = [operation for path in document["paths"].values() for operation in path.values()]
    names = [operation["operationId"] for operation in operations]
    assert len(names) == len(set(names)) > 40
    for operation in operations:
        assert operation["summary"]
        assert {"422", "500", "503", "401", "403", "429"} <= set(operation["responses"])
    text = json.dumps(document)
    for reference in {part.split('"')[0] for part in text.split('"#/components/schemas/')[1:]}:
        assert reference in document["components"]["schemas"]


async def test_a_proxy_says_who_asks(api: Api, store: Store) -> None:
    """Only one of ours is believed; the token notes who used it."""
    for proxies, address in (((), "127.0.0.1"), (("127.0.0.0/8",), "192.0.2.7")):
        api.tokens[address] = await store.tokens.create(address, [Scope.READ])
        api.door._proxies = networks(proxies)
        await api.ask("/opt-outs", scope=address, headers={"X-Forwarded-For": "192.0.2.7"})
        await store.check()
        assert {it.name: it.last_used_from for it in await store.tokens.list()}[address] == address


async def test_a_file_that_breaks_off_is_cut(api: Api, store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """A fault in the middle of an export ends the line: what was read is no whole file, and no row is a problem."""
    for number in range(600):
        await store.suppressions.add(f"a{number}@example.org")
    read = store.queries.stopped.suppressions

    async def once(**given: Any) -> Any:
        if given["cursor"] is not None:
            raise StoreUnavailable("gone")
        return await read(**given)

    monkeypatch.setattr(store.queries.stopped, "suppressions", once)
    with pytest.raises(ClientPayloadError):
        await api.ask("/suppressions.csv")

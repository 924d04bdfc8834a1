"""Embeds through a whole relay: what a URL names and nothing else, framed by whom the operator chose (W1, W7, W17)."""

import json
import time
from typing import Any

import aiohttp
import pytest
from click.testing import CliRunner

from admin.embeds.link import link, opened
from relay.cli import main
from relay.config import Config
from relay.keys import embed_keys, read_keys
from store.errors import StoreUnavailable
from store.token_nouns import Scope
from tests.conftest import Clock
from tests.relay.whole import Whole, whole

EVIL = '"><script>alert(1)</script><img src=x onerror=alert(2)>'
APP = "https://app.club.example"


def framed(config: Config, *, base_url: str = "", **more: Any) -> Config:
    embeds = config.admin.embeds.model_copy(update={"frame_ancestors": (APP,), "origins": (APP,), **more})
    admin = config.admin.model_copy(update={"embeds": embeds, "base_url": base_url})
    return config.model_copy(update={"admin": admin})


async def ask(world: Whole, path: str, method: str = "GET", **headers: str) -> tuple[int, dict[str, str], str]:
    url = f"http://{world.relay.addresses['admin']}{path}"
    async with (
        aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar()) as session,
        session.request(method, url, headers=headers, allow_redirects=False) as answer,
    ):
        return answer.status, dict(answer.headers), await answer.text()


def made(world: Whole, view: str, form: str = "", *, seconds: int = 600, **about: str) -> str:
    key = embed_keys(read_keys(world.config.relay.master_key))[0]
    return link(view, {**about, "exp": str(int(world.clock()) + seconds)}, key, form=form)


async def test_each_view_shows_what_its_url_names(config: Config, clock: Clock) -> None:
    """As a page and as JSON, with the numbers of the API; no cookie, no session, nothing of another customer."""
    async with whole(framed(config), clock) as world:
        first = await world.send("ann@school.test", X_Homing_Customer="4711", X_Homing_Invoice="INV-1")
        await world.event(first, "delivered")
        other = await world.send("ben@school.test", X_Homing_Customer="12", X_Homing_Invoice="INV-2")
        await world.event(other, "delivered")
        message = str((await world.row(first)).message_id)
        for view, about in (
            ("customer", {"customer": "4711"}),
            ("message", {"message": message}),
            ("recipients", {"message": message}),
            ("invoice", {"invoice": "INV-1"}),
        ):
            status, headers, text = await ask(world, made(world, view, **about))
            assert (status, headers["Content-Type"]) == (200, "text/html; charset=utf-8"), view
            assert "Set-Cookie" not in headers
            assert "Fees for November" in text or view == "invoice"
            assert "ben@" not in text
            assert text.count("<script") == 1  # ours, which writes times in the reader's zone
            assert "<form" not in text
            assert "<a " not in text
            status, headers, text = await ask(world, made(world, view, ".json", **about))
            assert (status, headers["Content-Type"]) == (200, "application/json; charset=utf-8"), view
            assert "ben@" not in text
            assert not {"credential", "return_path"} & set(json.loads(text))
        counts = json.loads((await ask(world, made(world, "customer", ".json", customer="4711")))[2])["counts"]
        assert (counts["recipients"], counts["received"]) == (1, 1)
        status, headers, text = await ask(world, made(world, "badge", ".svg", invoice="INV-1"))
        assert (status, headers["Content-Type"]) == (200, "image/svg+xml; charset=utf-8")
        assert headers["Cross-Origin-Resource-Policy"] == "cross-origin"
        assert "Delivered" in text
        assert "Entregado" in (await ask(world, made(world, "badge", ".svg", recipient=str(first), language="es")))[2]


async def test_the_mail_itself(config: Config, clock: Clock) -> None:
    """Its HTML by the URL of the message alone, under a policy that lets nothing run; no mail, no text: 404."""
    async with whole(framed(config), clock) as world:
        first = await world.send("ann@school.test", X_Homing_Invoice="INV-1")
        message = str((await world.row(first)).message_id)
        url = made(world, "message", message=message)
        _, _, page = await ask(world, url)
        status, headers, text = await ask(world, made(world, "message", ".preview", message=message))
        assert status == 200
        assert 'src="message.preview?' in page
        assert " sandbox " in page
        policy = headers["Content-Security-Policy"]
        assert policy.startswith("default-src 'none'; img-src data:; style-src 'unsafe-inline'; sandbox;")
        assert f"frame-ancestors 'self' {APP}" in policy
        assert not {"X-Frame-Options", "Set-Cookie"} & set(headers)
        assert text.strip() == "<p>Please pay.</p>"  # as handed over: no pixel
        for wrong in (
            made(world, "invoice", ".preview", invoice="INV-1"),
            made(world, "recipients", ".preview", message=message),
            made(world, "message", ".preview", message="1"),
        ):
            assert (await ask(world, wrong))[0] == 404
        assert (await ask(world, made(world, "message", ".preview", message=message)[:-1]))[0] == 403


async def test_who_may_frame_and_fetch(config: Config, clock: Clock) -> None:
    """The origins that the operator named; with none, nobody frames it and there are no CORS headers."""
    async with whole(framed(config), clock) as world:
        await world.send(X_Homing_Invoice="INV-1")
        url = made(world, "invoice", ".json", invoice="INV-1")
        _, headers, _ = await ask(world, url, Origin=APP)
        assert headers["Access-Control-Allow-Origin"] == APP
        assert "Access-Control-Allow-Credentials" not in headers
        _, headers, _ = await ask(world, url, Origin="https://evil.example")
        assert "Access-Control-Allow-Origin" not in headers
        _, headers, _ = await ask(world, made(world, "invoice", invoice="INV-1"))
        policy = headers["Content-Security-Policy"]
        assert f"frame-ancestors {APP}" in policy
        assert "script-src 'self';" in policy
        assert "default-src 'none'" in policy
        assert "X-Frame-Options" not in headers
        assert (headers["X-Content-Type-Options"], headers["Referrer-Policy"]) == ("nosniff", "no-referrer")
        assert headers["Cache-Control"] == "no-store"
    async with whole(framed(config, frame_ancestors=(), origins=()), clock) as world:
        status, headers, _ = await ask(world, made(world, "invoice", invoice="INV-1"), Origin=APP)
        assert status == 200
        assert "frame-ancestors 'none'" in headers["Content-Security-Policy"]
        assert "Access-Control-Allow-Origin" not in headers


async def test_what_is_refused(config: Config, clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    """In the same words, before the store is asked; what is not there is 404, a store that is away 503."""
    async with whole(framed(config), clock) as world:
        await world.send(X_Homing_Invoice="INV-1")
        good = made(world, "invoice", invoice="INV-1")
        refused = {await_[2] for await_ in [await ask(world, url) for url in (
            good.replace("INV-1", "INV-2"), good[:-1], good + "&x=1", "/embed/", "/embed/invoice",
            made(world, "invoice", invoice="INV-1", seconds=0), made(world, "invoice", invoice="INV-1", seconds=10**8),
            good.replace("/embed/invoice", "/embed/customer"), "/embed/invoice?%ff=%ff", "/embed/invoice?" + "a" * 5000,
        )]}  # fmt: skip
        assert len(refused) == 1
        assert "not good" in refused.pop()
        assert (await ask(world, good))[0] == 200
        assert (await ask(world, good, "POST"))[0] == 405
        assert (await ask(world, good, "HEAD"))[0::2] == (200, "")
        for missing in (
            made(world, "invoice", invoice="INV-9"), made(world, "message", message="7"),
            made(world, "customer", customer="x"), made(world, "badge", ".svg", recipient="7"),
            made(world, "invoice", ".svg", invoice="INV-1"),
            made(world, "invoice", ".json", invoice="INV-1", cursor="x"), made(world, "badge", invoice="INV-1"),
        ):  # fmt: skip
            assert (await ask(world, missing))[0] == 404, missing
        clock.move(601)
        assert (await ask(world, good))[0] == 403

        async def away(*_: Any, **__: Any) -> None:
            raise StoreUnavailable("away")

        monkeypatch.setattr(world.relay.store.queries.invoices, "log", away)
        assert (await ask(world, made(world, "invoice", invoice="INV-1")))[0] == 503


async def test_nothing_that_a_stranger_wrote_runs(config: Config, clock: Clock) -> None:
    """Subject, customer, invoice and the server's words are text wherever they stand."""
    async with whole(framed(config), clock) as world:
        recipient = await world.send(X_Homing_Customer=EVIL, X_Homing_Invoice=EVIL)
        message = str((await world.row(recipient)).message_id)
        for view, about in (
            ("customer", {"customer": EVIL}),
            ("invoice", {"invoice": EVIL}),
            ("message", {"message": message}),
            ("recipients", {"message": message}),
        ):
            status, _, text = await ask(world, made(world, view, **about))
            assert status == 200
            assert text.count("<script") == 1
            assert "<img" not in text
        assert (await ask(world, made(world, "invoice", ".json", invoice=EVIL)))[1][
            "X-Content-Type-Options"
        ] == "nosniff"


async def test_links_are_made_by_the_api_and_by_command(config: Config) -> None:
    """Both open; what cannot be shown is said; the key that the command shows signs as well."""
    clock = Clock(time.time())
    async with whole(framed(config, base_url="https://mail.club.example"), clock) as world:
        await world.send(X_Homing_Invoice="INV-1")
        token = await world.relay.store.tokens.create("app", [Scope.READ])

        async def post(body: dict[str, Any]) -> tuple[int, Any]:
            url = f"http://{world.relay.addresses['admin']}/api/v1/embeds"
            headers = {"Authorization": f"Bearer {token}"}
            async with aiohttp.ClientSession() as session, session.post(url, json=body, headers=headers) as answer:
                return answer.status, await answer.json()

        status, told = await post({"view": "invoice", "invoice": "INV-1"})
        assert status == 201
        for name in ("url", "json_url"):
            assert told[name].startswith("https://mail.club.example/embed/invoice")
            assert (await ask(world, told[name].removeprefix("https://mail.club.example")))[0] == 200
        status, told = await post({"view": "badge", "invoice": "INV-1", "seconds": 60})
        assert (status, told["json_url"]) == (201, None)
        assert (await ask(world, told["url"].removeprefix("https://mail.club.example")))[0] == 200
        for body in (
            {"view": "invoice"},
            {"view": "message", "message": "x"},
            {"view": "invoice", "invoice": "1", "seconds": 10**8},
        ):
            assert (await post(body))[0] == 422

        folder = config.relay.master_key.parent
        (folder / "config.toml").write_text('[relay]\nmaster_key = "master.key"\n')
        runner = CliRunner(env={"HOMING_CONFIG": str(folder / "config.toml")})
        printed = runner.invoke(main, ["embed", "link", "invoice", "--invoice", "INV-1"]).output.strip()
        assert printed.startswith("http://127.0.0.1:8026/embed/invoice?")
        assert (await ask(world, printed.removeprefix("http://127.0.0.1:8026")))[0] == 200
        wrong = runner.invoke(main, ["embed", "link", "invoice", "--customer", "1"])
        assert (wrong.exit_code, wrong.output) == (2, "Error: the view invoice is about one of: invoice\n")
        assert runner.invoke(main, ["embed", "link", "invoice", "--invoice", "1", "--hours", "9999"]).exit_code == 2
        key = bytes.fromhex(runner.invoke(main, ["embed", "key"]).output)
        exp = str(int(clock()) + 60)
        url = link("invoice", {"invoice": "INV-1", "exp": exp}, key)
        assert (await ask(world, url))[0] == 200
        assert opened("invoice", [("invoice", "INV-1"), ("exp", exp), ("sig", url.rpartition("=")[2])], [key],
                      now=clock(), longest=1e6)  # fmt: skip

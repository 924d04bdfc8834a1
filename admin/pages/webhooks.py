"""Endpoints that are told of events: make, change, switch, rotate, remove; each call, its attempts, and once more."""

from dataclasses import replace

from aiohttp import web

from admin.pages.render import Routes, go
from admin.pages.site import Site, form, number
from admin.routes import get, post
from admin.webhooks.check import check
from admin.webhooks.signature_sendgrid import verification_key
from store.events import KINDS
from store.nouns import Role
from store.webhook_nouns import Shape, Webhook

PAGE = 40  # calls


class WebhookPages:
    """Answers ``/webhooks``."""

    def __init__(self, site: Site) -> None:
        self._site = site

    def routes(self) -> Routes:
        """Give the routes."""
        return [
            get("/webhooks", self.show, Role.ADMIN, fresh=True),
            post("/webhooks", self.create, Role.ADMIN, fresh=True),
            get("/webhooks/{id}", self.calls, Role.ADMIN, fresh=True),
            post("/webhooks/{id}/change", self.change, Role.ADMIN, fresh=True),
            post("/webhooks/{id}/switch", self.switch, Role.ADMIN, fresh=True),
            post("/webhooks/{id}/rotate", self.rotate, Role.ADMIN, fresh=True),
            post("/webhooks/{id}/remove", self.remove, Role.ADMIN, fresh=True),
            get("/webhooks/{id}/calls/{call}", self.call, Role.ADMIN, fresh=True),
            post("/webhooks/{id}/calls/{call}/resend", self.resend, Role.ADMIN, fresh=True),
        ]

    async def show(self, request: web.Request) -> web.Response:
        """List the endpoints."""
        return await self._list(request)

    async def create(self, request: web.Request) -> web.Response:
        """Make one and show its secret."""
        new = _read(await form(request), Webhook(id=0, url=""))
        if trouble := self._trouble(new):
            return await self._list(request, trouble=trouble, status=422)
        noted = await self._site.noting(request, "webhook.add", after=_told(new))
        made = await self._site.store.webhooks.create(new, noted=noted)
        return await self._list(request, secret=made)

    async def calls(self, request: web.Request) -> web.Response:
        """Show one endpoint and the calls to it."""
        return await self._one(request, await self._get(request))

    async def change(self, request: web.Request) -> web.Response:
        """Change what one is told, and where."""
        before = await self._get(request)
        after = _read(await form(request), before)
        if trouble := self._trouble(after):
            return await self._one(request, before, trouble=trouble, status=422)
        fields = await form(request)
        noted = await self._site.noting(request, "webhook.change", str(before.id), before=_told(before), tell=_told)
        await self._site.store.webhooks.change(before.id, lambda it: _read(fields, it), noted=noted)
        return go(f"/webhooks/{before.id}", "webhook")

    async def switch(self, request: web.Request) -> web.Response:
        """Switch one on or off."""
        before = await self._get(request)
        on = (await form(request)).get("on") == "yes"
        now = self._site.clock()
        off = {"off_at": None, "off_why": ""} if on else {"off_at": now, "off_why": "by hand"}
        noted = await self._site.noting(
            request, "webhook.switch", str(before.id), before={"on": before.enabled}, after={"on": on}
        )
        await self._site.store.webhooks.change(before.id, lambda it: replace(it, enabled=on, **off), noted=noted)
        return go(f"/webhooks/{before.id}", "webhook")

    async def rotate(self, request: web.Request) -> web.Response:
        """Give one a new secret; the one before signs as well for a day."""
        webhook = await self._get(request)
        noted = await self._site.noting(request, "webhook.rotate", str(webhook.id))
        rotated = await self._site.store.webhooks.rotate(webhook.id, noted=noted)
        if rotated is None:
            raise web.HTTPNotFound
        return await self._one(request, rotated, secret=rotated)

    async def remove(self, request: web.Request) -> web.Response:
        """Take one away with its calls."""
        webhook = await self._get(request)
        noted = await self._site.noting(request, "webhook.remove", str(webhook.id), before=_told(webhook))
        await self._site.store.webhooks.remove(webhook.id, noted=noted)
        return go("/webhooks", "webhook")

    async def call(self, request: web.Request) -> web.Response:
        """Show one call: what was sent, and how each attempt ended."""
        webhook = await self._get(request)
        call = await self._site.store.webhook_calls.get(number(request.match_info["call"]))
        if call is None or call.webhook_id != webhook.id:
            raise web.HTTPNotFound
        attempts = await self._site.store.webhook_calls.attempts(call.id)
        return self._site.render.page(request, "webhook_call.html", webhook=webhook, call=call, attempts=attempts)

    async def resend(self, request: web.Request) -> web.Response:
        """Make a call that ended once more."""
        webhook, call_id = await self._get(request), number(request.match_info["call"])
        noted = await self._site.noting(request, "webhook.resend", str(call_id))
        again = await self._site.store.webhook_calls.resend(webhook.id, call_id, now=self._site.clock(), noted=noted)
        return go(f"/webhooks/{webhook.id}", "resent" if again else "cannot")

    async def _get(self, request: web.Request) -> Webhook:
        webhook = await self._site.store.webhooks.get(number(request.match_info["id"]))
        if webhook is None:
            raise web.HTTPNotFound
        return webhook

    def _trouble(self, webhook: Webhook) -> str:
        rules = self._site.outside.url_rules
        if rules is None:
            return "webhooks are not to be had here"
        try:
            check(webhook, rules)
        except ValueError as error:
            return str(error)
        return ""

    async def _list(
        self, request: web.Request, *, secret: Webhook | None = None, trouble: str = "", status: int = 200
    ) -> web.Response:
        store = self._site.store
        return self._site.render.page(
            request,
            "webhooks.html",
            status=status,
            webhooks=await store.webhooks.list(),
            waiting=await store.webhook_calls.waiting_of_each(),
            secret=secret,
            verification_key=_verification_key(secret) if secret else "",
            trouble=trouble,
            kinds=tuple(KINDS),
            shapes=tuple(Shape),
        )

    async def _one(
        self,
        request: web.Request,
        webhook: Webhook,
        *,
        secret: Webhook | None = None,
        trouble: str = "",
        status: int = 200,
    ) -> web.Response:
        before = request.query.get("before")
        calls = await self._site.store.webhook_calls.history(
            webhook.id, PAGE + 1, before=number(before) if before else None
        )
        return self._site.render.page(
            request,
            "webhook.html",
            status=status,
            webhook=webhook,
            verification_key=_verification_key(webhook),
            calls=calls[:PAGE],
            older=f"/webhooks/{webhook.id}?before={calls[PAGE - 1].id}" if len(calls) > PAGE else "",
            secret=secret,
            trouble=trouble,
            kinds=tuple(KINDS),
            shapes=tuple(Shape),
        )


def _verification_key(webhook: Webhook) -> str:
    """What a program written for SendGrid verifies with; "" for other shapes."""
    return verification_key(webhook.secret) if webhook.shape is Shape.SENDGRID and webhook.secret else ""


def _read(fields: dict[str, str], before: Webhook) -> Webhook:
    """Read the form over what was there."""
    batch = fields.get("batch_size", "1")
    return replace(
        before,
        url=fields.get("url", "").strip(),
        description=fields.get("description", "").strip(),
        kinds=tuple(kind for kind in KINDS if fields.get(f"kind-{kind}")),
        tags=tuple(_words(fields.get("tags", ""))),
        customers=tuple(_words(fields.get("customers", ""))),
        shape=Shape(fields["shape"]) if fields.get("shape") in set(Shape) else Shape.HOMING,
        batch_size=int(batch) if batch.isascii() and batch.isdigit() and len(batch) < 6 else 0,
        batch_seconds=before.batch_seconds or 5.0 if batch not in ("", "1") else 0.0,
    )


def _words(text: str) -> list[str]:
    return [word.strip() for word in text.split(",") if word.strip()]


def _told(webhook: Webhook) -> dict[str, object]:
    """What the audit says of one: never its secret."""
    return {"url": webhook.url, "kinds": list(webhook.kinds), "shape": webhook.shape.value, "on": webhook.enabled}

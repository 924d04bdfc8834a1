"""Routes about webhooks: endpoints, what was told to them, and telling it again. All need the scope admin."""

from dataclasses import replace
from typing import Any, Protocol

from admin.api.models.base import at, when
from admin.api.models.webhooks import (
    CallAttemptOut,
    CallOut,
    CallsOut,
    CallsQuery,
    NewWebhookOut,
    ResendIn,
    ResentOut,
    TestedOut,
    WebhookChange,
    WebhookIn,
    WebhookOut,
    WebhooksOut,
    WholeCallOut,
)
from admin.api.problems import invalid, missing
from admin.api.route import LARGEST_ID, Call, Route
from admin.webhooks.check import check
from admin.webhooks.retry import Answer
from admin.webhooks.signature_sendgrid import verification_key
from admin.webhooks.url import UrlRules
from store.open import Store
from store.token_nouns import Scope
from store.webhook_nouns import Call as HookCall
from store.webhook_nouns import Shape, Webhook

_GROUP = "Webhooks"


class Test(Protocol):
    """What is needed of ``admin.webhooks.sender``."""

    async def test(self, webhook: Webhook) -> Answer:
        """Make one call of an event that never was."""


class WebhookRoutes:
    """Answers about webhooks."""

    def __init__(self, store: Store, rules: UrlRules, sender: Test) -> None:
        """Build it. ``rules``: which URLs may be called; ``sender`` makes test calls."""
        self._store = store
        self._rules = rules
        self._sender = sender

    def routes(self) -> list[Route]:
        """Give the routes."""
        one = "/webhooks/{webhook_id}"
        admin: dict[str, Any] = {"scope": Scope.ADMIN, "group": _GROUP}
        return [
            Route(
                method="GET", path="/webhooks", handler=self.listed, summary="List endpoints", answer=WebhooksOut,
                **admin,
            ),
            Route(
                method="POST", path="/webhooks", handler=self.add,
                summary="Make an endpoint; its secret is shown this once",
                description="It is told of what happens from then on.", body=WebhookIn, answer=NewWebhookOut,
                status=201, **admin,
            ),
            Route(
                method="GET", path=one, handler=self.get, summary="One endpoint", answer=WebhookOut, errors=(404,),
                **admin,
            ),
            Route(
                method="PATCH", path=one, handler=self.change, summary="Change an endpoint, or switch it on or off",
                body=WebhookChange, answer=WebhookOut, errors=(404,), **admin,
            ),
            Route(
                method="DELETE", path=one, handler=self.remove, summary="Take an endpoint away, with its calls",
                errors=(404,), **admin,
            ),
            Route(
                method="POST", path=one + "/rotate", handler=self.rotate,
                summary="Give it a new secret; for a day the one before signs as well", answer=NewWebhookOut,
                errors=(404,), **admin,
            ),
            Route(
                method="POST", path=one + "/test", handler=self.test,
                summary="Make one call, of an event that never was", answer=TestedOut, errors=(404,), **admin,
            ),
            Route(
                method="POST", path=one + "/resend", handler=self.resend_since,
                summary="Make the calls since a time once more", body=ResendIn, answer=ResentOut, errors=(404,),
                **admin,
            ),
            Route(
                method="GET", path=one + "/calls", handler=self.calls, summary="What was told, the newest first",
                query=CallsQuery, answer=CallsOut, errors=(404,), **admin,
            ),
            Route(
                method="GET", path=one + "/calls/{call_id}", handler=self.call,
                summary="One call: what was sent, and each attempt", answer=WholeCallOut, errors=(404,), **admin,
            ),
            Route(
                method="POST", path=one + "/calls/{call_id}/resend", handler=self.resend,
                summary="Make a call that ended once more", errors=(404,), **admin,
            ),
        ]  # fmt: skip

    async def listed(self, call: Call) -> WebhooksOut:
        """List endpoints."""
        del call
        waiting = await self._store.webhook_calls.waiting_of_each()
        hooks = await self._store.webhooks.list()
        return WebhooksOut(items=[WebhookOut(**_webhook(it, waiting.get(it.id, (0, 0.0))[0])) for it in hooks])

    async def add(self, call: Call) -> NewWebhookOut:
        """Make an endpoint."""
        told: WebhookIn = call.body
        new = Webhook(id=0, kinds=tuple(told.events), **told.model_dump(exclude={"events"}))
        self._check(new)
        noted = await call.noting("webhook.add", after={"url": new.url})
        made = await self._store.webhooks.create(new, noted=noted)
        return _with_secret(made, 0)

    async def get(self, call: Call) -> WebhookOut:
        """Give one endpoint."""
        return await self._out(await self._found(call))

    async def change(self, call: Call) -> WebhookOut:
        """Change an endpoint."""
        before = await self._found(call)
        given: dict[str, Any] = call.body.model_dump(exclude_unset=True, exclude_none=True)
        if "events" in given:
            given["kinds"] = given.pop("events")
        self._check(replace(before, **given))
        why = f"switched off by the token {call.token.name}"

        def changed(it: Webhook) -> Webhook:
            made = replace(it, **given)
            return replace(made, off_at=call.now, off_why=why) if it.enabled and not made.enabled else made

        shown = [name for name in ("url", "kinds", "tags", "customers", "enabled") if name in given]
        noted = await call.noting(
            "webhook.change",
            str(before.id),
            before={name: getattr(before, name) for name in shown},
            tell=lambda after: {name: getattr(after, name) for name in shown},
        )
        after = await self._store.webhooks.change(before.id, changed, noted=noted)
        if after is None:
            raise missing("webhook")
        return await self._out(after)

    async def remove(self, call: Call) -> None:
        """Take an endpoint away."""
        hook = await self._found(call)
        noted = await call.noting("webhook.remove", str(hook.id), before={"url": hook.url})
        await self._store.webhooks.remove(hook.id, noted=noted)

    async def rotate(self, call: Call) -> NewWebhookOut:
        """Give an endpoint a new secret."""
        hook = await self._found(call)
        rotated = await self._store.webhooks.rotate(hook.id, noted=await call.noting("webhook.rotate", str(hook.id)))
        if rotated is None:
            raise missing("webhook")
        return _with_secret(rotated, await self._store.webhook_calls.waiting(rotated.id))

    async def test(self, call: Call) -> TestedOut:
        """Make a test call."""
        answer = await self._sender.test(await self._found(call))
        return TestedOut(
            taken=answer.well, status=answer.status, error=answer.error, answer=answer.text, seconds=answer.seconds
        )

    async def calls(self, call: Call) -> CallsOut:
        """List calls."""
        hook, query = await self._found(call), call.query
        before = min(int(query.cursor), LARGEST_ID) if query.cursor else None
        found = await self._store.webhook_calls.history(hook.id, query.limit + 1, before=before)
        items = found[: query.limit]
        more = str(items[-1].id) if len(found) > query.limit else None
        return CallsOut(items=[CallOut(**_call(it)) for it in items], next=more)

    async def call(self, call: Call) -> WholeCallOut:
        """Give one call."""
        found = await self._found_call(call)
        tried = [
            CallAttemptOut(at=when(it.at), seconds=it.seconds, status=it.status, error=it.error, answer=it.answer)
            for it in await self._store.webhook_calls.attempts(found.id)
        ]
        return WholeCallOut(**_call(found), body=found.body, tried=tried)

    async def resend(self, call: Call) -> None:
        """Make a call once more."""
        found = await self._found_call(call)
        noted = await call.noting("webhook.resend", str(found.webhook_id), after={"call": str(found.id)})
        await self._store.webhook_calls.resend(found.webhook_id, found.id, now=call.now, noted=noted)

    async def resend_since(self, call: Call) -> ResentOut:
        """Make calls once more."""
        hook, told = await self._found(call), call.body
        noted = await call.noting(
            "webhook.resend", str(hook.id), after={"since": told.since.isoformat(), "failed_only": told.failed_only}
        )
        count = await self._store.webhook_calls.resend_since(
            hook.id, told.since.timestamp(), now=call.now, failed_only=told.failed_only, noted=noted
        )
        return ResentOut(calls=count)

    def _check(self, webhook: Webhook) -> None:
        try:
            check(webhook, self._rules)
        except ValueError as error:
            raise invalid("body", f"{error}.") from None

    async def _found(self, call: Call) -> Webhook:
        found = await self._store.webhooks.get(call.id("webhook_id"))
        if found is None:
            raise missing("webhook")
        return found

    async def _found_call(self, call: Call) -> HookCall:
        found = await self._store.webhook_calls.get(call.id("call_id"))
        if found is None or found.webhook_id != call.id("webhook_id"):
            raise missing("call")
        return found

    async def _out(self, webhook: Webhook) -> WebhookOut:
        return WebhookOut(**_webhook(webhook, await self._store.webhook_calls.waiting(webhook.id)))


def _with_secret(it: Webhook, waiting: int) -> NewWebhookOut:
    return NewWebhookOut(**_webhook(it, waiting), secret=it.secret, previous_until=at(it.previous_until))


def _webhook(it: Webhook, waiting: int) -> dict[str, Any]:
    return {
        "webhook_id": str(it.id),
        "url": it.url,
        "description": it.description,
        "events": list(it.kinds),
        "tags": list(it.tags),
        "customers": list(it.customers),
        "shape": it.shape,
        "batch_size": it.batch_size,
        "batch_seconds": it.batch_seconds,
        "enabled": it.enabled,
        "off_at": at(it.off_at),
        "off_why": it.off_why,
        "failing_since": at(it.failing_since),
        "created_at": when(it.created_at),
        "waiting": waiting,
        "verification_key": verification_key(it.secret) if it.shape is Shape.SENDGRID and it.secret else None,
    }


def _call(it: HookCall) -> dict[str, Any]:
    return {
        "call_id": str(it.id),
        "name": it.name,
        "events": it.events,
        "first_event_at": when(it.first_event_at),
        "state": it.state,
        "attempts": it.attempts,
        "next_attempt_at": at(it.next_attempt_at),
        "last_status": it.last_status,
        "last_error": it.last_error,
    }

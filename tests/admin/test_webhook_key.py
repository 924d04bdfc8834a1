"""The public key for programs written for SendGrid, where people and programs look for it."""

import pytest

from admin.outside import Outside
from admin.webhooks.signature_sendgrid import verification_key
from admin.webhooks.url import UrlRules
from store.open import Store
from store.webhook_nouns import Shape
from tests.admin.rig import Visitor

FORM = {"url": "https://hooks.club.example/", "batch_size": "1"}


@pytest.fixture
def outside() -> Outside:
    return Outside(url_rules=UrlRules(refusal=lambda _: "", ports=(443,)))


@pytest.mark.parametrize("shape", list(Shape))
async def test_the_page_shows_it(admin: Visitor, store: Store, shape: Shape) -> None:
    """When the endpoint is made and whenever one looks at it, in the shape that has it; a new secret has a new one."""
    made = await admin.post("/webhooks", {**FORM, "shape": shape.value})
    (hook,) = await store.webhooks.list()
    looked = await admin.get(f"/webhooks/{hook.id}")
    rotated = await admin.post(f"/webhooks/{hook.id}/rotate")
    (after,) = await store.webhooks.list()
    for answer, secret in ((made, hook.secret), (looked, hook.secret), (rotated, after.secret)):
        assert answer.status == 200
        assert answer.texts("main pre") == ([verification_key(secret)] if shape is Shape.SENDGRID else [])
    assert hook.secret not in looked.text

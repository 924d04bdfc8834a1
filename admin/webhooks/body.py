"""
The body of a call: one event, or an array of them, in the shape that the endpoint wants.

Pure: no I/O, no clock, no chance.
"""

import json
from collections.abc import Callable, Sequence
from typing import Any

from admin.webhooks.shape_homing import homing
from admin.webhooks.shape_mailgun import mailgun
from admin.webhooks.shape_postmark import postmark
from admin.webhooks.shape_sendgrid import sendgrid
from store.journal_record import ToldEvent
from store.webhook_nouns import Shape

_SHAPES: dict[Shape, Callable[[ToldEvent], dict[str, Any] | None]] = {
    Shape.HOMING: homing,
    Shape.POSTMARK: postmark,
    Shape.MAILGUN: mailgun,
    Shape.SENDGRID: sendgrid,
}


def say(shape: Shape, told: ToldEvent) -> dict[str, Any] | None:
    """Say one event in a shape; None: the shape has no word for it, and it is not told."""
    return _SHAPES[shape](told)


def body(shape: Shape, said: Sequence[dict[str, Any]], *, batch: bool) -> str:
    """Give the JSON text of what was said; an array for batches, and for SendGrid always."""
    whole: Any = list(said) if batch or shape is Shape.SENDGRID else said[0]
    return json.dumps(whole, ensure_ascii=False, separators=(",", ":"))

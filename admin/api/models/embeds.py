"""
Links to views that another program shows in a page of its own.

Pure: no I/O, no clock, no chance.
"""

from datetime import datetime
from typing import Literal

from pydantic import Field

from admin.api.models.base import Asked, Given, Line


class EmbedIn(Asked):
    """Which view, about what, and for how long."""

    view: Literal["customer", "message", "recipients", "invoice", "badge"]
    customer: Line = Field("", description="Of `customer`: an id of yours, or an address.")
    message: Line = Field("", description="Of `message`, `recipients`, `badge`: an id.")
    invoice: Line = Field("", description="Of `invoice`, `badge`.")
    recipient: Line = Field("", description="Of `badge`: an id.")
    language: Line = ""
    seconds: int = Field(12 * 3_600, ge=1, le=10 * 365 * 86_400, description="For which the link is good.")


class EmbedOut(Given):
    """The link in its forms."""

    url: str = Field(description="A page, for a frame; of a badge the picture.")
    json_url: str | None = Field(description="The same as JSON; null: a badge has none.")
    expires_at: datetime

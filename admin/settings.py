"""
The table ``[admin]`` of the configuration.

Pure: no I/O, no clock, no chance.
"""

from pydantic import BaseModel, ConfigDict

from store.units import Count, Lasting, Port


class WebhookSettings(BaseModel):
    """``[admin.webhooks]``: where calls may go."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    allow_http: bool = False  # http:// as well as https://
    allow_private: tuple[str, ...] = ()  # private networks that calls may go to
    ports: tuple[Port, ...] = (443, 80, 8443)
    timeout: Lasting = 10.0  # of one attempt
    connections: Count = 64  # of all endpoints together


class ApiSettings(BaseModel):
    """``[admin.api]``."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    requests_per_minute: Count = 600  # of one token


class AdminSettings(BaseModel):
    """``[admin]``."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    listen: tuple[str, ...] = ("127.0.0.1:8026",)
    webhooks: WebhookSettings = WebhookSettings()
    api: ApiSettings = ApiSettings()

"""
The table ``[admin]`` of the configuration.

Pure: no I/O, no clock, no chance.
"""

import re
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from store.units import Count, Duration, Lasting, Port

_ORIGIN = re.compile(r"https?://[A-Za-z0-9.-]+(:[0-9]{1,5})?")


def _origin(value: str) -> str:
    if not _ORIGIN.fullmatch(value):
        raise ValueError('should be an origin, like "https://app.example.org"')
    return value


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


class MetricsSettings(BaseModel):
    """``[admin.metrics]``: who may read ``/metrics`` without a token of the API."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    networks: tuple[str, ...] = ()


_ADDRESS = re.compile(r"[^\s@<>]+@[^\s@<>]+")
_TIME = re.compile(r"([01][0-9]|2[0-3]):[0-5][0-9]")


def _address(value: str) -> str:
    if not _ADDRESS.fullmatch(value):
        raise ValueError('should be an address, like "office@example.org"')
    return value


def _time_of_day(value: str) -> str:
    if not _TIME.fullmatch(value):
        raise ValueError('should be a time of day, like "07:00"')
    return value


class DigestSettings(BaseModel):
    """``[admin.digest]``: a mail each day that says what the page of invoices to chase says."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    to: tuple[Annotated[str, AfterValidator(_address)], ...] = ()  # none: no such mail
    sender: Annotated[str, AfterValidator(lambda value: _address(value) if value else value)] = (
        ""  # "": the first of to
    )
    at: Annotated[str, AfterValidator(_time_of_day)] = "07:00"
    zone: str = "UTC"  # of ``at``, and of the times in the mail
    language: str = "en"


class EmbedSettings(BaseModel):
    """``[admin.embeds]``: who may show views of ours in pages of theirs."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    frame_ancestors: tuple[Annotated[str, AfterValidator(_origin)], ...] = ()  # whose pages may frame them
    origins: tuple[Annotated[str, AfterValidator(_origin)], ...] = ()  # whose scripts may fetch the JSON (CORS)
    longest: Lasting = 31 * 86_400.0  # that a link may be good for


class AdminSettings(BaseModel):
    """``[admin]``."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    listen: tuple[str, ...] = ("127.0.0.1:8026",)
    proxy_networks: tuple[str, ...] = ()  # proxies in front: their X-Forwarded-For and -Proto are believed
    plain_http: bool = False  # let people log in over http from another machine
    session_idle: Annotated[Duration, Field(ge=1_800.0, le=43_200.0)] = 8 * 3_600.0
    chase_after: Lasting = 3 * 86_400.0  # an invoice delivered and not opened for so long is one to chase
    base_url: str = ""  # where people reach the pages, for links in mails; "": such links are left out
    digest: DigestSettings = DigestSettings()
    webhooks: WebhookSettings = WebhookSettings()
    metrics: MetricsSettings = MetricsSettings()
    embeds: EmbedSettings = EmbedSettings()
    api: ApiSettings = ApiSettings()

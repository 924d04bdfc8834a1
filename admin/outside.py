"""What the pages know of the rest of the relay: handed in as values and callables, so they import nothing of it."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from admin.webhooks.url import UrlRules
from store.rows import RecipientRow
from store.shown import Shown

DidYouMean = Callable[[RecipientRow], Awaitable[str]]


async def no_guess(row: RecipientRow) -> str:  # noqa: ARG001 - in place of a DidYouMean
    """Propose no address."""
    return ""


@dataclass(frozen=True, slots=True)
class DnsRecord:
    """One record that a domain should have in DNS, and what was found there."""

    name: str  # where it belongs: "h1._domainkey.example.org"
    kind: str  # "TXT", "MX"
    wanted: str  # what should stand there
    found: tuple[str, ...]
    state: str  # "right", "wrong", "missing", "unknown": DNS gave no answer


@dataclass(frozen=True, slots=True, kw_only=True)
class Outside:
    """The rest of the relay, as far as pages need it. What is None cannot be done."""

    smtp_settings: Sequence[tuple[str, str]] = ()  # names and values for an application; no secrets
    did_you_mean: DidYouMean = no_guess  # the address that was probably meant in place of one that failed; "": none
    read_mail: Callable[[bytes], Shown] | None = None  # runs in a thread
    send_test: Callable[[], Awaitable[None]] | None = None  # StoreError: it was not taken
    test_address: str = ""
    send_again: Callable[[Sequence[int]], Awaitable[Sequence[int]]] | None = None  # recipients -> new messages
    wake: Callable[[], None] = lambda: None  # has delivery look for what is due
    domains: Callable[[], Awaitable[Sequence[str]]] | None = None  # that we sign for
    check_domain: Callable[[str], Awaitable[Sequence[DnsRecord]]] | None = None
    settings: Sequence[tuple[str, str, str]] = ()  # table, key, value of the configuration; no secrets
    keeps_contents: float = 0.0  # seconds that a mail's content is kept after it settled
    url_rules: UrlRules | None = None  # what a webhook's URL may be

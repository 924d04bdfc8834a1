"""
What the server tells about a client, and what it asks of whoever handles the mail.

``Handler`` is met by shape, not by inheritance: ``relay/submission/acceptance.py`` takes mail in,
``bounce/listener.py`` takes reports back.

Pure: no I/O, no clock, no chance.
"""

from dataclasses import dataclass, field
from typing import Protocol

from store.nouns import Reply


class Credential(Protocol):
    """Who a client proved to be; ``store.credentials.Credential`` is one."""

    @property
    def name(self) -> str:
        """The name that all records carry."""

    @property
    def user(self) -> str:
        """What it logs in as."""

    @property
    def from_domains(self) -> tuple[str, ...]:
        """Domains it may send from; none: any."""


@dataclass(slots=True, kw_only=True)
class Session:
    """
    What is known of a client, and of the message that it is handing over.

    ``reverse_path`` is None between messages and "" for the null path. A parameter's name is upper case, its value
    as given, "" where it has none.
    """

    client_address: str  # without brackets or scope, IPv4 as IPv4; "unknown" where a proxy does not name it
    client_name: str = ""  # what it said in HELO or EHLO, in ASCII; "" before
    extended: bool = False  # it said EHLO
    tls: str = ""  # "TLSv1.3 TLS_AES_256_GCM_SHA384", "" in clear text
    credential: Credential | None = None
    reverse_path: str | None = None
    mail_parameters: dict[str, str] = field(default_factory=dict)
    forward_paths: list[tuple[str, dict[str, str]]] = field(default_factory=list)
    smtputf8: bool = False  # this message's MAIL carried SMTPUTF8 (RFC 6531)
    bare_newlines: bool = False  # this message's content has a bare CR or LF
    nul: bool = False  # this message's content has a NUL
    via: str = ""  # the word for Received where it came by no SMTP: "HTTP"

    @property
    def protocol(self) -> str:
        """The word after ``with`` in Received (RFC 3848; RFC 6531 section 4.3)."""
        if self.via:
            return self.via
        if not self.extended:
            return "SMTP"
        base = "UTF8SMTP" if self.smtputf8 else "ESMTP"
        return f"{base}{'S' if self.tls else ''}{'A' if self.credential else ''}"

    def forget_message(self) -> None:
        """End the message, taken or dropped (RFC 5321 section 4.1.1.5)."""
        self.reverse_path = None
        self.mail_parameters = {}
        self.forward_paths = []
        self.smtputf8 = self.bare_newlines = self.nul = False

    def forget_client(self) -> None:
        """Know nothing but the address, as RFC 3207 section 4.2 asks after STARTTLS."""
        self.forget_message()
        self.client_name = ""
        self.extended = False
        self.credential = None


class Handler(Protocol):
    """Who decides about senders, recipients and contents. What it raises is answered 451 4.3.0 and logged in full."""

    async def mail(self, session: Session, reverse_path: str, parameters: dict[str, str]) -> Reply | None:
        """Refuse a sender, or give None: it is then answered 250 2.1.0."""

    async def rcpt(self, session: Session, forward_path: str, parameters: dict[str, str]) -> Reply | None:
        """Refuse a recipient, or give None: it is then kept in the session and answered 250 2.1.5."""

    async def data(self, session: Session, content: bytes) -> Reply:
        """Take the content, its dots unstuffed and its line ends as they came. 2xx: it is yours now."""

    async def auth(self, session: Session, user: str, password: str) -> Credential | None:
        """Say whose password it is, None for nobody's. Asked only where AUTH is offered."""

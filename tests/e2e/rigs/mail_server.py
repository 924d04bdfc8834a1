"""What the three mail servers of the tests have in common."""

from collections.abc import Mapping
from pathlib import Path
from typing import ClassVar

from tests.e2e.rigs.enclosure import Enclosure
from tests.e2e.rigs.loopback import greeting, own_address
from tests.e2e.rigs.until import until

SMTP_PORT = 25


class MailServer:
    """
    A real mail server on port 25 of a loopback address of its own.

    ``address`` is known before start(), so that servers can be told of each other. A server that was stopped can be
    started again; its queue is gone then, its delivered mail is not. ``nameserver`` is the address of a DNS server on
    port 53; without one it knows no names.
    """

    package = ""
    users: ClassVar[Mapping[str, int]] = {}
    command = ""

    def __init__(self, hostname: str, address: str | None = None, *, nameserver: str = "") -> None:
        self.hostname = hostname
        self.nameserver = nameserver
        self.address = address or own_address()
        self.enclosure = Enclosure(self.package, users=self.users)

    def configure(self) -> None:
        """Put the configuration files into the enclosure."""
        raise NotImplementedError

    def start(self) -> None:
        """Start, and return once it greets."""
        self.configure()
        if self.nameserver:
            self.enclosure.put("/etc/resolv.conf", f"nameserver {self.nameserver}\n")
        self.enclosure.start(self.command)
        until(f"{self.package} greets on {self.address}:{SMTP_PORT}\n{self.enclosure.log}", self._greets)

    def _greets(self) -> bool:
        if not self.enclosure.alive:
            raise AssertionError(f"{self.package} ended at once:\n{self.enclosure.log}")
        return bool(greeting(self.address, SMTP_PORT))

    def stop(self) -> None:
        """End it at once, as a power cut would."""
        self.enclosure.stop()

    def remove(self) -> None:
        """Stop it and forget its mail."""
        self.enclosure.remove()

    @property
    def log(self) -> str:
        """What it has said so far."""
        return self.enclosure.log

    @property
    def mail_home(self) -> Path:
        """The folder with a Maildir for each address."""
        return self.enclosure.mail

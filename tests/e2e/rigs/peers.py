"""Mail servers that misbehave in one way each; what real ones do only by accident."""

import socket
import threading
from collections.abc import Callable
from typing import Self

from tests.e2e.rigs.loopback import own_address
from tests.e2e.rigs.mail_server import SMTP_PORT


class Peer:
    """A server on a loopback address of its own that meets each connection in a thread; a context manager."""

    def __init__(self) -> None:
        self.address = own_address()
        self.connections: list[socket.socket] = []
        self._listening = socket.create_server((self.address, SMTP_PORT))
        threading.Thread(target=self._accept, daemon=True).start()

    def meet(self, connection: socket.socket) -> None:
        """Talk on one connection."""
        raise NotImplementedError

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Stop listening and drop every connection."""
        self._listening.close()
        for connection in self.connections:
            connection.close()

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._listening.accept()
            except OSError:  # closed
                return
            self.connections.append(connection)
            threading.Thread(target=self._guarded, args=(connection,), daemon=True).start()

    def _guarded(self, connection: socket.socket) -> None:
        try:
            self.meet(connection)
        except OSError:
            return  # the other side left, or close()


class Silent(Peer):
    """Takes the connection and never greets."""

    def meet(self, connection: socket.socket) -> None:
        """Wait until the other side leaves."""
        while connection.recv(4096):
            pass


class HoldsTheDot(Peer):
    """Takes a mail, and says 250 behind the final dot only when it is let: ``may_answer.set()``."""

    def __init__(self) -> None:
        self.has_mail = threading.Event()
        self.may_answer = threading.Event()
        super().__init__()

    def meet(self, connection: socket.socket) -> None:
        """Speak just enough SMTP for one mail after another."""
        lines = connection.makefile("rb")
        say: Callable[[str], None] = lambda text: connection.sendall(text.encode() + b"\r\n")  # noqa: E731  beside its socket
        say("220 holds.test ESMTP")
        in_data = False
        for line in lines:
            if in_data:
                if line == b".\r\n":
                    in_data = False
                    self.has_mail.set()
                    self.may_answer.wait(60)
                    say("250 2.0.0 taken")
                continue
            verb = line[:4].upper()
            if verb == b"DATA":
                in_data = True
                say("354 go on")
            elif verb == b"QUIT":
                say("221 bye")
                return
            else:
                say("250 ok")

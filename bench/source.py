"""
Hands letters over as fast as they are taken, or at a pace: ``python -m bench.source < job.json > answer.json``.

One process, one epoll loop, plain sockets: a sender on the same machine must leave the processor to who is measured. It
pipelines where the server offers it (RFC 2920), and waits for 354 before it sends content. A letter's time begins with
MAIL, or, at a pace, when it was due, so that waiting for a free connection counts.
"""

import json
import resource
import select
import socket
import sys
import time
from collections import deque
from dataclasses import asdict, dataclass
from typing import Any

from bench.letters import DOMAIN, SENDER, bodies, head, recipients

_READ = 65_536


@dataclass(frozen=True, slots=True)
class Job:
    """What is to be sent."""

    host: str
    port: int
    letters: int
    connections: int = 20
    first: int = 0  # number of the first letter
    recipients: int = 1  # of each letter
    domains: tuple[str, ...] = (DOMAIN,)
    pdf: bool = False
    pace: float = 0.0  # letters a second; 0: as fast as they are taken
    per_connection: int = 0  # letters, then QUIT and a new one; 0: no end

    def to_json(self) -> str:
        """Write it for the process."""
        return json.dumps(asdict(self))


class RefusedError(Exception):
    """The server said something that a letter cannot go on from."""


class _Connection:
    """One client's side of a session."""

    def __init__(self, source: "_Source") -> None:
        self._source = source
        self._buffer = b""
        self._out: deque[memoryview] = deque()
        self._commands: list[bytes] = []  # not sent yet
        self._stage = "greeting"
        self._pipelining = False
        self._sent = 0
        self._letter = (0, 0.0)  # number and when its time began
        self.socket = socket.create_connection((source.job.host, source.job.port))
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.socket.setblocking(False)
        source.poll.register(self.socket, select.EPOLLIN)

    def begin(self, number: int, due: float) -> None:
        """Send a letter."""
        job = self._source.job
        self._letter = (number, due)
        to = recipients(number, job.recipients, job.domains)
        lines = [f"MAIL FROM:<{SENDER}>", *(f"RCPT TO:<{address}>" for address in to), "DATA"]
        self._stage = "envelope"
        self._sent += 1
        if self._pipelining:
            self._send("\r\n".join((*lines, "")).encode())
        else:
            self._commands = [f"{line}\r\n".encode() for line in reversed(lines)]
            self._send(self._commands.pop())

    def read(self) -> None:
        """Take what has come, and go on."""
        try:
            data = self.socket.recv(_READ)
        except BlockingIOError:
            return
        if not data:
            raise RefusedError(f"the server closed the connection: {self._buffer!r}")
        *lines, self._buffer = (self._buffer + data).split(b"\r\n")
        for line in lines:
            if self._stage == "ehlo" and line[4:].upper() == b"PIPELINING":
                self._pipelining = True
            if line[3:4] != b"-":
                self._reply(line)

    def _reply(self, line: bytes) -> None:
        stage, code = self._stage, int(line[:3])
        if stage == "content":
            self._source.answered(*self._letter, code)
            self._next()
        elif stage == "envelope" and code == 354:
            self._content()
        elif code >= 300:
            raise RefusedError(f"{stage}: {line.decode('utf-8', 'replace')}")
        elif stage == "greeting":
            self._stage = "ehlo"
            self._send(b"EHLO source.test\r\n")
        elif stage == "ehlo":
            self._source.free(self)
        elif self._commands:
            self._send(self._commands.pop())

    def _content(self) -> None:
        number, _ = self._letter
        self._stage = "content"
        body = self._source.bodies[number % len(self._source.bodies)]
        top = head(number, f"r{number}-0@{DOMAIN}")
        self._send(top, body, b".\r\n")

    def _next(self) -> None:
        if self._source.job.per_connection and self._sent >= self._source.job.per_connection:
            self.close()
            self._source.connect()
        else:
            self._source.free(self)

    def close(self) -> None:
        """Say good-bye without waiting for the answer."""
        self._source.poll.unregister(self.socket)
        self._source.connections.pop(self.socket.fileno())
        self.socket.send(b"QUIT\r\n")
        self.socket.close()

    def _send(self, *pieces: bytes) -> None:
        if self._out:
            self._out.extend(map(memoryview, pieces))
            return
        try:
            sent = self.socket.sendmsg(pieces)
        except BlockingIOError:
            sent = 0
        self._keep(pieces, sent)
        if self._out:
            self._source.poll.modify(self.socket, select.EPOLLIN | select.EPOLLOUT)

    def _keep(self, pieces: tuple[bytes, ...], sent: int) -> None:
        for piece in pieces:
            if sent < len(piece):
                self._out.append(memoryview(piece)[sent:])
            sent = max(0, sent - len(piece))

    def flush(self) -> None:
        """Send what did not fit."""
        try:
            while self._out:
                sent = self.socket.send(self._out[0])
                if sent == len(self._out[0]):
                    self._out.popleft()
                else:
                    self._out[0] = self._out[0][sent:]
        except BlockingIOError:
            return
        self._source.poll.modify(self.socket, select.EPOLLIN)


class _Source:
    """All connections, and what was answered."""

    def __init__(self, job: Job) -> None:
        self.job = job
        self.bodies = bodies(pdf=job.pdf)
        self.poll = select.epoll()
        self.connections: dict[int, _Connection] = {}
        self.answers: list[tuple[int, float, float, int]] = []  # number, began, answered, code
        self._idle: deque[_Connection] = deque()
        self._left = iter(range(job.first, job.first + job.letters))
        self._started = 0.0

    def connect(self) -> None:
        """Open one more connection."""
        connection = _Connection(self)
        self.connections[connection.socket.fileno()] = connection

    def free(self, connection: _Connection) -> None:
        """Give the connection its next letter, where one is due."""
        if self.job.pace or not self._started:
            self._idle.append(connection)
        elif (number := next(self._left, None)) is not None:
            connection.begin(number, time.monotonic())

    def answered(self, number: int, began: float, code: int) -> None:
        """Note the reply to a content."""
        self.answers.append((number, began, time.monotonic(), code))

    def open(self) -> None:
        """Open all connections, and wait until each is greeted."""
        for _ in range(self.job.connections):
            self.connect()
            self._turn(0.0)
        while len(self._idle) < self.job.connections:
            self._turn(1.0)

    def send(self) -> None:
        """Send all letters, and wait for the answers."""
        self._started = time.monotonic()
        if self.job.pace:
            self._send_paced()
        else:
            for connection in list(self._idle):
                self.free(connection)
        while len(self.answers) < self.job.letters:
            self._turn(1.0)

    def _send_paced(self) -> None:
        for serial, number in enumerate(self._left):
            due = self._started + serial / self.job.pace
            while (wait := due - time.monotonic()) > 0 or not self._idle:
                self._turn(max(wait, 0.0) if self._idle else 1.0)
            self._idle.popleft().begin(number, due)

    def _turn(self, seconds: float) -> None:
        for handle, event in self.poll.poll(seconds):
            connection = self.connections.get(handle)
            if connection is None:
                continue
            if event & select.EPOLLOUT:
                connection.flush()
            if event & ~select.EPOLLOUT:
                connection.read()


def cpu() -> float:
    """Processor seconds of this process so far."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def run(job: Job) -> dict[str, Any]:
    """Send, and tell when each letter began and was answered, on the clock that all processes share."""
    source = _Source(job)
    source.open()
    before = cpu()
    source.send()
    used = cpu() - before
    for connection in list(source.connections.values()):
        connection.close()
    return {"answers": source.answers, "cpu": used}


if __name__ == "__main__":
    asked = json.load(sys.stdin)
    json.dump(run(Job(**{**asked, "domains": tuple(asked["domains"])})), sys.stdout)

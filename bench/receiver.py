"""
The sink. It takes mail and keeps an exact account of it.

    python -m bench.receiver ADDRESS... [--delay SECONDS] [--samples FOLDER]

One process, one epoll loop, plain sockets, as lean as the sender. Orders come a line at a time on standard input:
``wait COUNT SECONDS`` answers once so many copies have come or the time is over, with the number of copies;
``take`` answers with the account since the last ``take`` and begins anew. Both answers are one line of JSON.
"""

import argparse
import contextlib
import json
import os
import re
import select
import socket
import sys
import time
from collections import deque
from pathlib import Path

from bench.source import cpu

_READ = 262_144
_EHLO = b"250-sink.test\r\n250-PIPELINING\r\n250-8BITMIME\r\n250 SIZE 100000000\r\n"
_NUMBER = re.compile(rb"\r\nX-Number: (\d+)\r\n")
_RECIPIENT = re.compile(rb"<r(\d+)-(\d+)@", re.IGNORECASE)
_END = b"\r\n.\r\n"
_EVERY = 50  # one mail of so many is kept as a sample
_MOST = 40


class _Session:
    """One client."""

    def __init__(self, sink: "Sink", connection: socket.socket) -> None:
        self._sink = sink
        self.socket = connection
        self._buffer = b""
        self._content: list[bytes] | None = None  # None: commands are expected
        self._tail = b""  # the last octets of the content
        self._to: list[tuple[int, int]] = []

    def take(self, data: bytes) -> None:
        """Go on with what has come."""
        while data:
            data = self._commands(data) if self._content is None else self._body(data)

    def _commands(self, data: bytes) -> bytes:
        """Answer commands; give what is behind DATA."""
        data = self._buffer + data
        replies, at = [], 0
        while (end := data.find(b"\r\n", at)) >= 0:
            line, at = data[at:end], end + 2
            verb = line[:4].upper()
            if verb == b"RCPT":
                self._recipient(line)
                replies.append(b"250 2.1.5 ok\r\n")
            elif verb == b"DATA":
                replies.append(b"354 go on\r\n")
                self._content, self._tail = [], b"\r\n"
                break
            elif verb == b"EHLO":
                replies.append(_EHLO)
            elif verb == b"QUIT":
                replies.append(b"221 2.0.0 bye\r\n")
            else:
                replies.append(b"250 2.0.0 ok\r\n")
        self.say(b"".join(replies))
        if self._content is None:
            self._buffer = data[at:]
            return b""
        self._buffer = b""
        return data[at:]

    def _recipient(self, line: bytes) -> None:
        found = _RECIPIENT.search(line)
        self._to.append((int(found[1]), int(found[2])) if found else (-1, -1))

    def _body(self, data: bytes) -> bytes:
        """Collect the content; give what is behind its final dot."""
        assert self._content is not None
        seam = (self._tail + data[:4]).find(_END)
        end = seam - len(self._tail) if seam >= 0 else data.find(_END)
        if seam < 0 and end < 0:
            self._content.append(data)
            self._tail = data[-4:] if len(data) >= 4 else (self._tail + data)[-4:]
            return b""
        end += len(_END)
        self._content.append(data[:end])
        self._sink.took(self, self._to, self._content)
        self._content, self._to = None, []
        return data[end:]

    def say(self, reply: bytes) -> None:
        """Send a reply; it is short and fits."""
        if reply:
            self.socket.send(reply)


class Sink:
    """All sessions, and the account."""

    def __init__(self, delay: float, samples: Path | None) -> None:
        self._poll = select.epoll()
        self._delay = delay
        self._samples = samples
        self._listening: dict[int, socket.socket] = {}
        self._sessions: dict[int, _Session] = {}
        self._late: deque[tuple[float, _Session]] = deque()  # replies that are held back
        self._orders = b""
        self._waiting: tuple[int, float] | None = None
        self._most = 0  # sessions at once
        self._begin()

    def _begin(self) -> None:
        self._copies: list[tuple[int, int, float]] = []  # letter, recipient, when its final dot came
        self._transactions = 0
        self._spoilt: list[int] = []
        self._kept = 0
        self._cpu = cpu()
        self._most = len(self._sessions)

    def listen(self, address: str) -> None:
        """Listen on ``host:port``."""
        host, _, port = address.rpartition(":")
        listening = socket.create_server((host, int(port)), backlog=1024)
        listening.setblocking(False)
        self._listening[listening.fileno()] = listening
        self._poll.register(listening, select.EPOLLIN)

    def took(self, session: _Session, to: list[tuple[int, int]], content: list[bytes]) -> None:
        """Account for one transaction, and answer it."""
        now = time.monotonic()
        self._transactions += 1
        self._copies += [(letter, serial, now) for letter, serial in to]
        found = _NUMBER.search(content[0]) or _NUMBER.search(b"".join(content))
        whole = b"".join(piece[-8:] for piece in content[-8:]).endswith(b"--" + _END)
        if not whole or found is None or any(letter != int(found[1]) for letter, _ in to):
            self._spoilt.append(to[0][0] if to else -1)
        if self._samples is not None and self._transactions % _EVERY == 1 and self._kept < _MOST:
            self._kept += 1
            name = f"{to[0][0]}-{to[0][1]}.eml"
            (self._samples / name).write_bytes(b"".join(content).removesuffix(b".\r\n"))
        if self._delay:
            self._late.append((now + self._delay, session))
        else:
            session.say(b"250 2.0.0 taken\r\n")

    def serve(self) -> None:
        """Serve until standard input ends."""
        orders = sys.stdin.fileno()
        self._poll.register(orders, select.EPOLLIN)
        while True:
            for handle, _ in self._poll.poll(self._patience()):
                if handle == orders:
                    if not self._read_orders():
                        return
                elif handle in self._listening:
                    self._accept(self._listening[handle])
                else:
                    self._read(handle)
            self._answer_late()
            self._answer_wait()

    def _patience(self) -> float:
        ends = [self._late[0][0]] if self._late else []
        if self._waiting is not None:
            ends.append(self._waiting[1])
        return max(0.0, min(ends) - time.monotonic()) if ends else 10.0

    def _accept(self, listening: socket.socket) -> None:
        connection, _ = listening.accept()
        connection.setblocking(False)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        session = _Session(self, connection)
        self._sessions[connection.fileno()] = session
        self._most = max(self._most, len(self._sessions))
        self._poll.register(connection, select.EPOLLIN)
        session.say(b"220 sink.test ESMTP\r\n")

    def _read(self, handle: int) -> None:
        session = self._sessions[handle]
        try:
            data = session.socket.recv(_READ)
            session.take(data)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if not data:
            del self._sessions[handle]
            session.socket.close()  # epoll forgets it

    def _answer_late(self) -> None:
        now = time.monotonic()
        while self._late and self._late[0][0] <= now:
            session = self._late.popleft()[1]
            with contextlib.suppress(OSError):  # it left
                session.say(b"250 2.0.0 taken\r\n")

    def _read_orders(self) -> bool:
        data = os.read(sys.stdin.fileno(), 4096)
        *lines, self._orders = (self._orders + data).split(b"\n")
        for line in lines:
            words = line.split()
            if words[0] == b"wait":
                self._waiting = (int(words[1]), time.monotonic() + float(words[2]))
            else:
                self._tell()
        return bool(data)

    def _answer_wait(self) -> None:
        if self._waiting is None:
            return
        count, until = self._waiting
        if len(self._copies) >= count or time.monotonic() >= until:
            self._waiting = None
            sys.stdout.write(f"{len(self._copies)}\n")
            sys.stdout.flush()

    def _tell(self) -> None:
        account = {
            "copies": self._copies,
            "transactions": self._transactions,
            "spoilt": self._spoilt,
            "cpu": cpu() - self._cpu,
            "connections": self._most,
        }
        sys.stdout.write(json.dumps(account) + "\n")
        sys.stdout.flush()
        self._begin()


def main() -> None:
    """Listen, say so, and serve."""
    parser = argparse.ArgumentParser()
    parser.add_argument("addresses", nargs="+")
    parser.add_argument("--delay", type=float, default=0.0)
    parser.add_argument("--samples", type=Path)
    chosen = parser.parse_args()
    sink = Sink(chosen.delay, chosen.samples)
    for address in chosen.addresses:
        sink.listen(address)
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    sink.serve()


if __name__ == "__main__":
    main()

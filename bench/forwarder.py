"""
Stock aiosmtpd with a plain forward: ``python -m bench.forwarder HOST:PORT HOST:PORT FOLDER CONNECTIONS``.

What an application's developer writes who wants a relay: aiosmtpd as it comes, each mail committed to SQLite (WAL,
synced) before 250, and threads that send it on with smtplib over connections that stay open. No rewriting, no tracking.
"""

import asyncio
import queue
import smtplib
import sqlite3
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session

Item = tuple[int, str, list[str], bytes]


class Queue:
    """The queue on the disk, written by one thread."""

    def __init__(self, folder: Path) -> None:
        self._thread = ThreadPoolExecutor(1)
        self._file = folder / "queue.db"
        self._thread.submit(self._open).result()

    def _open(self) -> None:
        self._db = sqlite3.connect(self._file, isolation_level=None)
        self._db.execute("PRAGMA journal_mode = WAL")
        self._db.execute("PRAGMA synchronous = FULL")
        self._db.execute("CREATE TABLE mail (id INTEGER PRIMARY KEY, sender TEXT, recipients TEXT, content BLOB)")

    def _add(self, sender: str, recipients: list[str], content: bytes) -> int:
        row = (sender, "\n".join(recipients), content)
        return self._db.execute("INSERT INTO mail (sender, recipients, content) VALUES (?, ?, ?)", row).lastrowid or 0

    async def add(self, sender: str, recipients: list[str], content: bytes) -> int:
        """Keep a mail; give its number."""
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._thread, self._add, sender, recipients, content)

    def remove(self, number: int) -> None:
        """Cross a mail off."""
        self._thread.submit(self._remove, number)

    def _remove(self, number: int) -> None:
        self._db.execute("DELETE FROM mail WHERE id = ?", (number,))


class Handler:
    """aiosmtpd's handler."""

    def __init__(self, kept: Queue, onward: "queue.SimpleQueue[Item]") -> None:
        self._kept = kept
        self._onward = onward

    async def handle_DATA(self, _server: SMTP, _session: Session, envelope: Envelope) -> str:  # noqa: N802  aiosmtpd's name
        """Keep, then say so."""
        content = envelope.content
        assert isinstance(content, bytes)
        number = await self._kept.add(envelope.mail_from or "", envelope.rcpt_tos, content)
        self._onward.put((number, envelope.mail_from or "", envelope.rcpt_tos, content))
        return f"250 queued as {number}"


def forward(onward: "queue.SimpleQueue[Item]", kept: Queue, host: str, port: int) -> None:
    """Send one mail after another over one connection."""
    client = smtplib.SMTP(host, port)
    while True:
        number, sender, recipients, content = onward.get()
        client.sendmail(sender, recipients, content)
        kept.remove(number)


def main() -> None:
    """Listen and forward until the process is ended."""
    here, there, folder, connections = sys.argv[1:]
    kept = Queue(Path(folder))
    onward: queue.SimpleQueue[Item] = queue.SimpleQueue()
    host, _, port = there.rpartition(":")
    for _ in range(int(connections)):
        threading.Thread(target=forward, args=(onward, kept, host, int(port)), daemon=True).start()
    own_host, _, own_port = here.rpartition(":")
    controller = Controller(Handler(kept, onward), hostname=own_host, port=int(own_port), data_size_limit=100_000_000)
    controller.start()
    threading.Event().wait()


if __name__ == "__main__":
    main()

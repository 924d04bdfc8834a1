"""Many mails at once, and an exact account of which of them got their 250."""

import smtplib
import threading
from concurrent.futures import Future, ThreadPoolExecutor

from tests.e2e.rigs.clients import SENDER
from tests.e2e.rigs.homing import Homing, Login
from tests.e2e.rigs.until import until

MAIL = """\
From: {sender}\r
To: {recipient}\r
Subject: Mail {number}\r
Date: Mon, 23 Nov 2026 09:00:00 +0000\r
Message-ID: <load-{number}@club.test>\r
X-Number: {number}\r
MIME-Version: 1.0\r
Content-Type: text/html; charset=us-ascii\r
\r
<html><body><p>Mail {number}</p></body></html>\r
"""


def number_of(mail: bytes) -> int:
    """Which mail of the load a received one is."""
    return int(mail.partition(b"\r\nX-Number: ")[2].partition(b"\r\n")[0])


class Load:
    """
    An application that hands over ``count`` mails on several connections until each has its 250.

    Where a connection breaks it connects again and sends the mail that had no answer once more, as applications do.
    ``acknowledged`` holds the numbers that got a 250, with the message id in it.
    """

    def __init__(self, homing: Homing, login: Login, recipient: str, *, count: int, connections: int) -> None:
        self.acknowledged: dict[int, str] = {}
        self._homing = homing
        self._login = login
        self._recipient = recipient
        self._numbers = iter(range(count))
        self._lock = threading.Lock()
        self._pool = ThreadPoolExecutor(connections)
        self._work: list[Future[None]] = [self._pool.submit(self._hand_over_all) for _ in range(connections)]

    def finish(self, seconds: float) -> None:
        """Wait until every mail has its 250; raises what any connection raised."""
        try:
            for work in self._work:
                work.result(seconds)
        finally:
            self._pool.shutdown(cancel_futures=True)

    def _next(self) -> int | None:
        with self._lock:
            return next(self._numbers, None)

    def _hand_over_all(self) -> None:
        client = until("the submission port is open", self._connected)
        while (number := self._next()) is not None:
            content = MAIL.format(sender=SENDER, recipient=self._recipient, number=number).encode()
            while number not in self.acknowledged:
                try:
                    client.mail(SENDER)
                    client.rcpt(self._recipient)
                    code, text = client.data(content)
                except (OSError, smtplib.SMTPException):
                    client.close()
                    client = until("the submission port is open again", self._connected)
                else:
                    assert code == 250, text
                    self.acknowledged[number] = text.decode().rpartition(" queued as ")[2]
        client.quit()

    def _connected(self) -> smtplib.SMTP:
        try:
            client = smtplib.SMTP(*self._homing.submission, timeout=30)
            client.login(self._login.user, self._login.password)
        except smtplib.SMTPException as error:  # it died in the middle of the greeting
            raise ConnectionError from error
        return client

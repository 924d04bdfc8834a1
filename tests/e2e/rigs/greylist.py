"""Greylisting, as a policy service that Postfix asks (SMTPD_POLICY_README)."""

import asyncio
from types import TracebackType
from typing import Self

from tests.e2e.rigs.loopback import own_address

GREYLISTED = "action=defer_if_permit Greylisted, please come back in a moment\n\n"
PORT = 10023


class Greylist:
    """
    Refuses the first attempts of each triple of client, sender and recipient; an async context manager.

    ``asked`` has the triples in the order in which they came.
    """

    def __init__(self, *, refusals: int) -> None:
        self.address = own_address()
        self.asked: list[tuple[str, str, str]] = []
        self._refusals = refusals
        self._server: asyncio.Server | None = None

    @property
    def restriction(self) -> str:
        """What goes into main.cf."""
        service = f"check_policy_service inet:{self.address}:{PORT}"
        return f"smtpd_recipient_restrictions = reject_unauth_destination, {service}, permit\n"

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._serve, self.address, PORT)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._server is not None
        self._server.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        question: dict[str, str] = {}
        while line := (await reader.readline()).decode("utf-8", "replace").rstrip("\n"):
            name, _, value = line.partition("=")
            question[name] = value
        if question:  # one question a connection: Postfix connects again for the next
            writer.write(self._answer(question).encode())
            await writer.drain()
        writer.close()

    def _answer(self, question: dict[str, str]) -> str:
        triple = (question["client_address"], question["sender"], question["recipient"])
        self.asked.append(triple)
        return GREYLISTED if self.asked.count(triple) <= self._refusals else "action=dunno\n\n"

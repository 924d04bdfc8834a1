"""
DNS for made-up domains, on loopback, by UDP: for ``homing demo``, which must not ask anybody outside.

A name that is not in the table does not exist; a name without records of the asked type has none.
"""

import asyncio
import logging
from collections.abc import Mapping, Sequence

import dns.exception
import dns.flags
import dns.message
import dns.rcode
import dns.rdatatype
import dns.rrset

TTL = 300  # seconds

Table = Mapping[str, Mapping[str, Sequence[str]]]  # name -> type -> records in zone file form


class NameServer(asyncio.DatagramProtocol):
    """Answers from a table. ``address`` is ``127.0.0.1:PORT`` once it runs."""

    def __init__(self, table: Table, *, log: logging.Logger) -> None:
        self._table = {name.lower().rstrip("."): records for name, records in table.items()}
        self._log = log
        self._transport: asyncio.DatagramTransport | None = None

    @property
    def address(self) -> str:
        """What ``[relay.dns] nameservers`` takes."""
        assert self._transport is not None
        host, port = self._transport.get_extra_info("sockname")[:2]
        return f"{host}:{port}"

    async def start(self) -> None:
        """Listen at a free port of loopback."""
        loop = asyncio.get_running_loop()
        self._transport, _ = await loop.create_datagram_endpoint(lambda: self, local_addr=("127.0.0.1", 0))

    def stop(self) -> None:
        """Stop listening."""
        if self._transport is not None:
            self._transport.close()

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        """Answer one question; what is no DNS message gets no answer."""
        assert self._transport is not None
        try:
            self._transport.sendto(answer(self._table, data), addr)
        except (dns.exception.DNSException, ValueError) as error:
            self._log.debug("a packet was no question: %s", error)


def answer(table: Table, data: bytes) -> bytes:
    """Answer a question in wire form. DNSException or ValueError when it is none."""
    query = dns.message.from_wire(data)
    if len(query.question) != 1:
        raise ValueError("not one question")
    question = query.question[0]
    reply = dns.message.make_response(query)
    reply.flags |= dns.flags.AA | dns.flags.RA
    records = table.get(question.name.to_text(omit_final_dot=True).lower())
    if records is None:
        reply.set_rcode(dns.rcode.NXDOMAIN)
    elif found := records.get(dns.rdatatype.to_text(question.rdtype)):
        reply.answer.append(dns.rrset.from_text(question.name, TTL, "IN", question.rdtype, *found))
    return reply.to_wire()

"""A DNS server that knows no name: every answer is NXDOMAIN (RFC 1035 section 4.1.1), but for mail exchangers."""

import socket
import threading
from collections.abc import Mapping
from typing import Self

import dns.message
import dns.rcode
import dns.rdatatype
import dns.rrset

from tests.e2e.rigs.loopback import own_address


class NoNames:
    """
    It listens on port 53 of a loopback address of its own, by UDP; a context manager.

    Args:
        exchangers: Domain to the name of its mail exchanger, that has no address.
    """

    def __init__(self, exchangers: Mapping[str, str] | None = None) -> None:
        self._exchangers = dict(exchangers or {})
        self.address = own_address()
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind((self.address, 53))
        self._thread = threading.Thread(target=self._serve, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._socket.close()

    def _serve(self) -> None:
        while True:
            try:
                asked, peer = self._socket.recvfrom(4096)
                self._socket.sendto(self._answer(dns.message.from_wire(asked)).to_wire(), peer)
            except OSError:  # closed
                return

    def _answer(self, query: dns.message.Message) -> dns.message.Message:
        answer = dns.message.make_response(query)
        question = query.question[0]
        host = self._exchangers.get(question.name.to_text(omit_final_dot=True))
        if host is None:
            answer.set_rcode(dns.rcode.NXDOMAIN)
        elif question.rdtype == dns.rdatatype.MX:
            answer.answer.append(dns.rrset.from_text(question.name, 60, "IN", "MX", f"10 {host}."))
        return answer

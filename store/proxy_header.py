"""
The header by which a proxy names the client it speaks for (the PROXY protocol of HAProxy, versions 1 and 2).

Asked for octet by octet where its end is not known before, so that nothing of what follows is taken: a TLS handshake
may be next. Who else than a listed proxy sends one writes its own address: nothing here decides about that.

Pure: no I/O, no clock, no chance.
"""

import ipaddress
import re

UNKNOWN = "unknown"  # the address of a client that the proxy does not name; in no network, and never this machine's

_SIGNATURE = b"\r\n\r\n\0\r\nQUIT\n"  # of version 2; 12 octets, fewer than any header of version 1 has
_LONGEST_LINE = 107  # octets of a header of version 1 with its CR LF
_LONGEST_BLOCK = 4_096  # octets of a header of version 2 behind its first 16; addresses need 216, the rest is extras
#   "PROXY" SP ("TCP4" / "TCP6") SP source SP destination SP source-port SP destination-port CRLF
#   "PROXY" SP "UNKNOWN" *any CRLF
_LINE = re.compile(rb"PROXY (TCP[46]) ([!-~]+) ([!-~]+) ([0-9]{1,5}) ([0-9]{1,5})\r\n")
_LINE_UNKNOWN = re.compile(rb"PROXY UNKNOWN(?: [^\r\n]*)?\r\n")
_LOCAL, _PROXY = 0x20, 0x21  # version and command: for itself (a health check), or for a client
_TCP4, _TCP6 = 0x11, 0x21  # family and transport
_NAMELESS = frozenset((0x00, 0x31, 0x32))  # unspecified, Unix stream, Unix datagram
_ADDRESSES = {_TCP4: 12, _TCP6: 36}  # octets of both addresses and ports


class BadHeaderError(Exception):
    """This is no header of the PROXY protocol, or one over the limits."""


class ProxyHeader:
    """
    Reads one header.

    While ``wants`` is not 0, read up to that many octets and ``feed`` them; then ``client`` is the client's address, or
    ``UNKNOWN`` where the proxy speaks for itself or does not say.
    """

    def __init__(self) -> None:
        self.wants = len(_SIGNATURE)
        self.client = UNKNOWN
        self._read = b""
        self._whole = len(_SIGNATURE)  # octets up to which the header is to be read before the next look

    def feed(self, octets: bytes) -> None:
        """
        Take the next octets, no more than ``wants``; none: there come no more.

        Raises:
            BadHeaderError: Close the connection, there is nothing to be said to whoever this is.
        """
        if not octets:
            raise BadHeaderError
        self._read += octets
        if len(self._read) == self._whole:
            self._whole = self._next() if self._read.startswith(_SIGNATURE) else self._next_of_line()
        self.wants = self._whole - len(self._read)

    def _next_of_line(self) -> int:
        """Look at a header of version 1 so far: how many octets there must be for the next look, or all there are."""
        line = self._read
        if not line.startswith(b"PROXY "):
            raise BadHeaderError
        if not line.endswith(b"\n"):
            if len(line) >= _LONGEST_LINE:
                raise BadHeaderError
            return len(line) + 1
        if not _LINE_UNKNOWN.fullmatch(line):
            self.client = _client_of_line(line)
        return len(line)

    def _next(self) -> int:
        """The same for a header of version 2."""
        begin = len(_SIGNATURE) + 4
        if len(self._read) < begin:
            return begin
        command, family = self._read[12], self._read[13]
        length = int.from_bytes(self._read[14:16], "big")
        if command not in (_LOCAL, _PROXY) or length > _LONGEST_BLOCK:
            raise BadHeaderError
        if len(self._read) < begin + length:
            return begin + length
        if command == _PROXY and family not in _NAMELESS:
            self.client = _client_of_block(family, self._read[begin:])
        return begin + length


def plain_address(address: str) -> str:
    """Give an address without its scope, and IPv4 out of IPv6's ``::ffff:`` form; text that is none as it is."""
    text = address.partition("%")[0]
    try:
        parsed = ipaddress.ip_address(text)
    except ValueError:
        return text
    mapped = parsed.ipv4_mapped if isinstance(parsed, ipaddress.IPv6Address) else None
    return str(mapped or parsed)


def _client_of_line(line: bytes) -> str:
    match = _LINE.fullmatch(line)
    if match is None:
        raise BadHeaderError
    try:
        family = ipaddress.IPv4Address if match[1] == b"TCP4" else ipaddress.IPv6Address
        source = family(match[2].decode("ascii"))
        family(match[3].decode("ascii"))
    except ValueError:
        raise BadHeaderError from None
    if any(int(port) > 65_535 or (port.startswith(b"0") and port != b"0") for port in match.groups()[3:]):
        raise BadHeaderError
    return plain_address(str(source))


def _client_of_block(family: int, block: bytes) -> str:
    if family not in _ADDRESSES or len(block) < _ADDRESSES[family]:
        raise BadHeaderError
    return plain_address(str(ipaddress.ip_address(block[:4] if family == _TCP4 else block[:16])))

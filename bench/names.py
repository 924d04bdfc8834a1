"""
A name server for the benchmarks: ``python -m bench.names ADDRESS DOMAINS``.

It knows ``dN.bench.test``, each with an MX, and the mail hosts with their addresses. UDP only, port 53. Answers are
made once and kept.
"""

import socket
import sys

import dns.flags
import dns.message
import dns.name
import dns.rcode
import dns.rdatatype
import dns.rrset

HOSTS = 20  # mail hosts, each with an address of its own
NETWORK = "127.78.0"


def domain(number: int) -> str:
    """Name a domain."""
    return f"d{number}.bench.test"


def mail_host(number: int) -> str:
    """Name the mail host of a domain: in another organisation for each, as hosts of different providers are."""
    return f"mx.host{number % HOSTS}.test"


def address(number: int) -> str:
    """Give the address of a mail host."""
    return f"{NETWORK}.{number % HOSTS + 1}"


def records(domains: int) -> dict[tuple[str, str], str]:
    """Make the zone: (name, type) to record."""
    zone = {(domain(number), "MX"): f"10 {mail_host(number)}." for number in range(domains)}
    return zone | {(mail_host(number), "A"): address(number) for number in range(HOSTS)}


def answer(question: dns.message.Message, zone: dict[tuple[str, str], str]) -> dns.message.Message:
    """Answer one question; a name that has another type is there without records."""
    reply = dns.message.make_response(question, recursion_available=True)
    asked = question.question[0]
    name, kind = asked.name.to_text(omit_final_dot=True).lower(), dns.rdatatype.to_text(asked.rdtype)
    if (name, kind) in zone:
        reply.answer.append(dns.rrset.from_text(asked.name, 3600, "IN", kind, zone[name, kind]))
    elif not any(known == name for known, _ in zone):
        reply.set_rcode(dns.rcode.NXDOMAIN)
    return reply


def main() -> None:
    """Answer until the process is ended."""
    zone = records(int(sys.argv[2]))
    kept: dict[bytes, bytes] = {}
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as listening:
        listening.bind((sys.argv[1], 53))
        sys.stdout.write("ready\n")
        sys.stdout.flush()
        while True:
            packet, client = listening.recvfrom(4096)
            if packet[2:] not in kept:
                kept[packet[2:]] = answer(dns.message.from_wire(packet), zone).to_wire()[2:]
            listening.sendto(packet[:2] + kept[packet[2:]], client)


if __name__ == "__main__":
    main()

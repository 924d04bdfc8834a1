"""
Addresses of the loopback network, one for each server that a test starts.

Each server has an address of its own, so it listens on its usual port: no free port to look for, none to lose to
another test.
"""

import itertools
import os
import socket

_SERIAL = itertools.count(1)


def own_address() -> str:
    """Give an address of 127.0.0.0/8 that no other test of any process has: 127.PROCESS.PROCESS.SERIAL."""
    process = os.getpid() % 65_000 + 256  # never 127.0.x.y, where the machine's own services listen
    return f"127.{process >> 8}.{process & 0xFF}.{next(_SERIAL) % 250 + 1}"


def greeting(address: str, port: int) -> str:
    """Read the banner of the SMTP server there; "" when it says nothing of the kind. Raises ConnectionError."""
    with socket.create_connection((address, port), timeout=30) as connection:
        line = connection.recv(1024).decode("utf-8", "replace")
        connection.sendall(b"QUIT\r\n")
        connection.recv(1024)
        return line if line.startswith("220") else ""

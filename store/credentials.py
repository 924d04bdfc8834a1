"""
Credentials: what applications log in with.

The password is made by us and has 160 random bits, so one SHA-256 keeps it as safe as a slow hash would: there is no
dictionary of it. What is looked up is kept in memory for some seconds.
"""

import base64
import hashlib
import hmac
import ipaddress
import json
import secrets
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, bindparam, func, insert, select, update
from sqlalchemy.exc import IntegrityError

from store.audit import Note, submit
from store.engine import Reader
from store.ids import first_at
from store.schema import credential, message
from store.writer import Kind, Transaction, Writer

Network = ipaddress.IPv4Network | ipaddress.IPv6Network

_FRESH_SECONDS = 5.0  # a revoked credential works no longer than that
_NOBODY = hashlib.sha256(b"nobody").digest()  # compared with when the user is not known: it takes as long

_ADD = insert(credential)
_ALL = select(credential).order_by(credential.c.name)
_LIVE = select(credential).where(credential.c.revoked_at.is_(None))
# Served by the primary key: ids are ordered by time.
_TAKEN_SINCE = (
    select(func.count())
    .select_from(message)
    .where(message.c.id >= bindparam("since"), message.c.credential == bindparam("b_name"))
)
_REVOKE = (
    update(credential)
    .where(credential.c.name == bindparam("b_name"), credential.c.revoked_at.is_(None))
    .values(revoked_at=bindparam("now"))
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Credential:
    """Who a client proved to be."""

    name: str
    user: str
    from_domains: tuple[str, ...] = ()  # may send from these domains; none: from any
    networks: tuple[str, ...] = ()  # may log in from these; none: from anywhere
    rate: int = 0  # messages per hour; 0: any number
    network_login: bool = False  # a client of its networks needs no password
    created_at: float = 0.0
    revoked_at: float | None = None


def _add(transaction: Transaction, wishes: Sequence[dict[str, Any]]) -> list[None]:
    transaction.connection.execute(_ADD, list(wishes))
    return [None] * len(wishes)


def _revoke(transaction: Transaction, wishes: Sequence[tuple[str, float]]) -> list[bool]:
    return [transaction.connection.execute(_REVOKE, {"b_name": name, "now": now}).rowcount > 0 for name, now in wishes]


_ADDS = Kind("add credentials", _add)
_REVOKES = Kind("revoke credentials", _revoke)


class Credentials:
    """Makes, checks and revokes credentials."""

    def __init__(self, reader: Reader, writer: Writer, clock: Callable[[], float]) -> None:
        self._reader = reader
        self._writer = writer
        self._clock = clock
        self._known: dict[str, tuple[bytes, Credential]] = {}  # by user; those in force
        self._welcome: list[tuple[Network, Credential]] = []  # networks that need no password, the narrowest first
        self._known_at = float("-inf")

    async def create(
        self,
        name: str,
        *,
        from_domains: Sequence[str] = (),
        networks: Sequence[str] = (),
        rate: int = 0,
        network_login: bool = False,
        noted: Note | None = None,
    ) -> tuple[str, str]:
        """
        Make a credential and give user and password; the password is never to be had again.

        Raises:
            ValueError: The name is taken, a network is not one or is too much, or the rate is below 0; in a plain
                sentence.
        """
        _check_login(networks, network_login=network_login)
        if not 0 <= rate < 2**31:
            raise ValueError(f"a rate of {rate} messages per hour makes no sense; 0 is any number")
        user = "app-" + base64.b32encode(secrets.token_bytes(5)).decode("ascii").lower()
        password = base64.b32encode(secrets.token_bytes(20)).decode("ascii").lower()
        row = {
            "name": name,
            "user_name": user,
            "secret_hash": _hash(password),
            "from_domains": json.dumps([domain.lower() for domain in from_domains]),
            "networks": json.dumps(list(networks)),
            "rate": rate,
            "network_login": network_login,
            "created_at": self._clock(),
        }
        try:
            await submit(self._writer, _ADDS, row, noted)
        except IntegrityError as error:
            raise ValueError(f"there is a credential named {name} already, maybe a revoked one") from error
        self._known_at = float("-inf")
        return user, password

    async def check(self, user: str, password: str, client: str) -> Credential | None:
        """Give the credential that user and password prove; None otherwise, in the same time. ``client`` is an IP."""
        await self._refresh()
        expected, found = self._known.get(user, (_NOBODY, None))
        matches = hmac.compare_digest(expected, _hash(password))
        if found is None or not matches:
            return None
        return found if not found.networks or _within(client, found.networks) else None

    async def current(self, user: str) -> Credential | None:
        """Give the credential of a user that proved itself before; None: it is no longer in force."""
        await self._refresh()
        known = self._known.get(user)
        return known[1] if known is not None else None

    async def of_network(self, client: str) -> Credential | None:
        """Give the credential whose network stands in for its password at this address; the narrowest network's."""
        await self._refresh()
        if not self._welcome:
            return None
        return next((found for network, found in self._welcome if _within(client, (network,))), None)

    async def taken_since(self, name: str, since: float) -> int:
        """Count the messages taken by a credential from a time on."""
        values = {"since": first_at(since), "b_name": name}
        return await self._reader.run(lambda connection: connection.execute(_TAKEN_SINCE, values).scalar_one())

    async def _refresh(self) -> None:
        """Read again what is in force, when what is known is some seconds old."""
        now = self._clock()
        if self._known_at <= now < self._known_at + _FRESH_SECONDS:
            return
        rows = await self._reader.run(lambda connection: connection.execute(_LIVE).all())
        self._known = {row.user_name: (bytes(row.secret_hash), _credential(row)) for row in rows}
        welcome = [
            (ipaddress.ip_network(network), found)
            for _, found in self._known.values()
            if found.network_login
            for network in found.networks
        ]
        self._welcome = sorted(welcome, key=lambda it: (-it[0].prefixlen, it[1].name))
        self._known_at = now

    async def list(self) -> Sequence[Credential]:
        """Give all, in order of name, the revoked ones too."""

        def read(connection: Connection) -> Sequence[Credential]:
            return [_credential(row) for row in connection.execute(_ALL)]

        return await self._reader.run(read)

    async def revoke(self, name: str, *, noted: Note | None = None) -> bool:
        """End a credential, within seconds for running processes. False: there is none of that name in force."""
        revoked = await submit(self._writer, _REVOKES, (name, self._clock()), noted, happened=bool)
        self._known_at = float("-inf")
        return revoked


def _hash(password: str) -> bytes:
    return hashlib.sha256(password.encode("utf-8", "surrogateescape")).digest()


def _check_login(networks: Sequence[str], *, network_login: bool) -> None:
    parsed = [ipaddress.ip_network(network) for network in networks]
    if network_login and not parsed:
        raise ValueError("without a password there must be a network that stands in for it")
    if network_login and any(network.prefixlen == 0 for network in parsed):
        raise ValueError("a network of everybody cannot stand in for a password: this would be an open relay")


def _within(client: str, networks: Iterable[str | Network]) -> bool:
    try:
        address = ipaddress.ip_address(client.partition("%")[0])
    except ValueError:
        return False
    mapped = getattr(address, "ipv4_mapped", None)
    return any((mapped or address) in ipaddress.ip_network(network) for network in networks)


def _credential(row: Any) -> Credential:
    return Credential(
        name=row.name,
        user=row.user_name,
        from_domains=tuple(json.loads(row.from_domains)),
        networks=tuple(json.loads(row.networks)),
        rate=row.rate,
        network_login=row.network_login,
        created_at=row.created_at,
        revoked_at=row.revoked_at,
    )

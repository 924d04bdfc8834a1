"""
Signs what leaves: the keys by the domain in From, and a few threads that sign.

A signature takes longer than all else that is done for a mail, but other threads run meanwhile. Beside a busy loop a
thread waits up to a millisecond each time that it wants Python's lock, so what is Python is done in the loop, and a
thread does little more than the key's own work. What the keys' folder holds is looked at again every few seconds, so a
key is made, activated and retired while the relay runs.
"""

import logging
import threading
from collections.abc import Callable, Sequence
from functools import lru_cache, partial
from pathlib import Path

from relay.delivery.envelope import Finding
from relay.dkim_keys import DomainKeys, list_domains, read_domain, stamp
from relay.message.dkim import SignedHeader, Unsigned, read_header, unsigned
from relay.message.dkim_key import SigningKey
from relay.settings import DkimSettings
from store.nouns import Reason
from store.threads import Threads

LOOK_AGAIN = 2.0  # seconds
_HEADERS_KEPT = 64
_DOMAINS_KEPT = 256
_HEADER_KEPT = 16 * 1024  # octets, up to which a header is kept
_LARGE = (
    64 * 1024
)  # octets of a copy whose body is hashed in a thread: 40 microseconds, which the loop does not wait for


class KeyRing:
    """
    The keys of all domains, as fresh as ``LOOK_AGAIN``. Threads may share it.

    Args:
        folder: See ``relay.dkim_keys``.
        clock: Unix seconds, UTC.
        log: Told once of each key that should sign and cannot.
    """

    def __init__(self, folder: Path, *, clock: Callable[[], float], log: logging.Logger) -> None:
        self._folder = folder
        self._clock = clock
        self._log = log
        self._lock = threading.Lock()
        self._domains: frozenset[str] = frozenset()
        self._trouble = ""  # why the folder cannot be listed
        self._listed_at: float | None = None
        self._known: dict[str, tuple[float, object, DomainKeys]] = {}  # looked at when, its stamp, its keys
        self._recent: dict[str, tuple[float, list[DomainKeys]]] = {}  # looked at when, the candidates

    @property
    def empty(self) -> bool:
        """Whether there is no domain with keys at all."""
        with self._lock:
            self._list()
            return not self._domains and not self._trouble

    def candidates(self, domain: str) -> list[DomainKeys]:
        """Give the keys of a domain (A-labels, lower case), then those of the domains above it."""
        looked_at, keys = self._recent.get(domain, (None, []))
        if _fresh(looked_at, self._clock()):
            return keys
        keys = self._look_for(domain)
        with self._lock:
            if len(self._recent) >= _DOMAINS_KEPT:
                self._recent.clear()
            seen = [self._known[one.domain][0] for one in keys if one.domain in self._known]
            self._recent[domain] = min([self._listed_at or 0.0, *seen]), keys  # no fresher than the oldest look
        return keys

    def _look_for(self, domain: str) -> list[DomainKeys]:
        with self._lock:
            self._list()
            if self._trouble:
                return [DomainKeys(domain, trouble=self._trouble)]
            if not self._domains:
                return []
            labels = domain.split(".")
            names = [".".join(labels[depth:]) for depth in range(len(labels))]
            return [self._keys(name) for name in names if name in self._domains]

    def _list(self) -> None:
        now = self._clock()
        if _fresh(self._listed_at, now):
            return
        self._listed_at = now
        trouble = ""
        try:
            self._domains = frozenset(list_domains(self._folder))
        except OSError as error:
            trouble = f"{self._folder}: {error.strerror}"
        if trouble and trouble != self._trouble:
            self._log.error("DKIM keys cannot be read: %s", trouble)
        self._trouble = trouble
        for gone in self._known.keys() - self._domains:
            del self._known[gone]

    def _keys(self, domain: str) -> DomainKeys:
        now = self._clock()
        looked_at, stamped, keys = self._known.get(domain, (None, None, DomainKeys(domain)))
        if _fresh(looked_at, now):
            return keys
        try:
            current: object = stamp(self._folder, domain)
        except OSError as error:
            current = error.errno
        if looked_at is None or current != stamped:
            keys = read_domain(self._folder, domain)
            for trouble in keys.troubles():
                self._log.error("mail from %s cannot be signed as it should be: %s", domain, trouble)
        self._known[domain] = (now, current, keys)
        return keys


def _fresh(looked_at: float | None, now: float) -> bool:
    """Whether a look is recent; a clock that jumped back makes it old."""
    return looked_at is not None and 0 <= now - looked_at < LOOK_AGAIN


class Signing:
    """Signs copies."""

    def __init__(self, settings: DkimSettings, *, clock: Callable[[], float], log: logging.Logger) -> None:
        self._settings = settings
        self._ring = KeyRing(settings.keys, clock=clock, log=log)
        self._threads = Threads(settings.threads, "dkim")
        self._header = lru_cache(_HEADERS_KEPT)(read_header)

    def close(self) -> None:
        """End the threads, when those that sign are done."""
        self._threads.close()

    def has_key(self, domain: str) -> bool:
        """Whether mail from this domain (A-labels, lower case) is signed, by its own key or one of a domain above."""
        return any(keys.in_use for keys in self._ring.candidates(domain))

    async def sign(self, copy: bytes, at: float) -> bytes | Finding:
        """
        Sign a copy, as the last thing done to it.

        Args:
            copy: The bytes that would leave, with CRLF line ends.
            at: When the message was accepted, Unix seconds: it chooses the keys and stands in the signature, so that a
                retry has the same bytes.

        Returns:
            The copy with its signatures on top; as it is, when its domain has no key; or why it must wait.
        """
        if self._ring.empty:
            return copy
        header = self._read_header(copy)
        if header.why:
            return copy
        keys, trouble = self._choose(header.from_domain, at)
        if trouble and self._settings.unsigned == "defer":
            why = f"the DKIM key of {header.from_domain} cannot be read; the log says why"
            return Finding(Reason.SYSTEM_ERROR, permanent=False, status="4.3.5", why=why)
        if not keys:
            return copy
        canonicalization = self._settings.body_canonicalization
        write = partial(unsigned, copy, keys, at=at, canonicalization=canonicalization, header=header)
        if len(copy) < _LARGE:
            signatures = await self._threads.run(partial(_sign, write()))
        else:
            signatures = await self._threads.run(lambda: _sign(write()))
        return b"".join((copy[: header.top], signatures, memoryview(copy)[header.top :]))

    def _choose(self, domain: str, at: float) -> tuple[tuple[SigningKey, ...], bool]:
        """Give the keys, and whether there should be some but none can be had."""
        for candidate in self._ring.candidates(domain):
            if keys := candidate.at(at):
                return keys, False
            if candidate.in_use:
                return (), True
        return (), False

    def _read_header(self, copy: bytes) -> SignedHeader:
        """Read the header once for all copies that have the same."""
        end = copy.find(b"\r\n\r\n", 0, _HEADER_KEPT)
        return self._header(copy[: end + 4]) if end >= 0 else read_header(copy)


def _sign(fields: Sequence[Unsigned]) -> bytes:
    """Have the keys work: nothing else is done in a thread for a copy of usual size."""
    return b"".join(field.signed(field.key.sign(field.text)) for field in fields)

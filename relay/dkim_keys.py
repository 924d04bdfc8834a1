"""
The folder of DKIM keys: one folder a domain, one file a key, and when each signed.

``DOMAIN/SELECTOR.pem`` is a private key. ``DOMAIN/keys.json`` says from when to when each was in use. So activating
one key and retiring another is one step, and a mail that is tried again is signed by the key of its first attempt. A
key that is not in it is new.
"""

import os
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, TypeAdapter, ValidationError

from relay.keys import write_private
from relay.message.dkim_key import SigningKey, UnusableKey, good_selector, read_pem

STATES = "keys.json"


class Times(BaseModel):
    """When a key was made, began to sign and ended; Unix seconds, UTC. None: not yet, or not known."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    made_at: float | None = None
    activated_at: float | None = None
    retired_at: float | None = None


def _selector(written: str) -> str:
    if not good_selector(written):
        raise ValueError("is not a selector")
    return written


_TIMES = TypeAdapter(dict[Annotated[str, AfterValidator(_selector)], Times])


class DkimKeyError(Exception):
    """What was asked of the keys cannot be done; one plain sentence."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredKey:
    """One key of a domain, as it lies in the folder."""

    domain: str
    selector: str
    path: Path
    times: Times
    key: SigningKey | None = None
    trouble: str = ""  # why there is no key

    @property
    def state(self) -> str:
        """``new``: its record is being published; ``active``: it signs; ``retired``: it signs no new mail."""
        if self.times.activated_at is None:
            return "new"
        return "active" if self.times.retired_at is None else "retired"

    def signed_at(self, at: float) -> bool:
        """Whether it was the one to sign mail accepted at this time."""
        begin, end = self.times.activated_at, self.times.retired_at
        return begin is not None and begin <= at and (end is None or at < end)


@dataclass(frozen=True, slots=True)
class DomainKeys:
    """All keys of one domain."""

    domain: str
    keys: tuple[StoredKey, ...] = ()  # by selector, RSA first: some verifiers look at the first signature only
    trouble: str = ""  # why it cannot be told which are in use

    @property
    def in_use(self) -> bool:
        """Whether mail of this domain is to be signed, also where just now it cannot be."""
        return bool(self.trouble) or any(key.state == "active" for key in self.keys)

    def at(self, at: float) -> tuple[SigningKey, ...]:
        """
        Choose the keys for mail accepted at this time.

        Those that were active then: so a retry has the same signatures. Where none of them can be had, those active
        now.
        """
        then = tuple(stored.key for stored in self.keys if stored.key and stored.signed_at(at))
        return then or tuple(stored.key for stored in self.keys if stored.key and stored.state == "active")

    def troubles(self) -> list[str]:
        """Say why mail of this domain is not signed as it should be."""
        active = [stored.trouble for stored in self.keys if stored.state == "active"]
        return list(filter(None, [self.trouble, *active]))


def list_domains(folder: Path) -> list[str]:
    """List the domains that have a folder, in order. Raises OSError when they cannot be read; none for no folder."""
    try:
        with os.scandir(folder) as entries:
            return sorted(entry.name for entry in entries if entry.is_dir() and not entry.name.startswith("."))
    except FileNotFoundError:
        return []


def stamp(folder: Path, domain: str) -> tuple[tuple[object, ...], ...]:
    """Give what differs when a file of a domain was changed. Raises OSError when the folder cannot be read."""
    with os.scandir(folder / domain) as entries:
        found = [(entry.name, entry.stat()) for entry in entries if entry.name.endswith((".pem", ".json"))]
    return tuple(sorted((name, was.st_mtime_ns, was.st_size, was.st_ino, was.st_mode) for name, was in found))


def read_domain(folder: Path, domain: str) -> DomainKeys:
    """Read the keys of a domain. What cannot be read is said in ``trouble``; nothing is raised."""
    try:
        times = _read_times(folder / domain / STATES)
        files = {path.stem for path in (folder / domain).iterdir() if path.suffix == ".pem"}
    except OSError as error:
        return DomainKeys(domain, trouble=f"{error.filename}: {error.strerror}")
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"])) or "all of it"
        return DomainKeys(domain, trouble=f"{folder / domain / STATES} is damaged: {where}: {first['msg']}")
    selectors = sorted(times.keys() | set(filter(good_selector, files)))
    keys = [_read_key(folder, domain, selector, times.get(selector, Times())) for selector in selectors]
    return DomainKeys(domain, tuple(sorted(keys, key=lambda one: one.key is None or one.key.algorithm != "rsa-sha256")))


def _read_key(folder: Path, domain: str, selector: str, times: Times) -> StoredKey:
    path = folder / domain / f"{selector}.pem"
    stored = StoredKey(domain=domain, selector=selector, path=path, times=times)
    try:
        with path.open("rb") as file:
            if os.fstat(file.fileno()).st_mode & 0o077:
                return replace(stored, trouble=f"{path} can be read by others: chmod 600 it")
            return replace(stored, key=read_pem(file.read(), domain=domain, selector=selector))
    except OSError as error:
        return replace(stored, trouble=f"{path}: {error.strerror}")
    except UnusableKey as error:
        return replace(stored, trouble=f"{path} {error}")


def _read_times(path: Path) -> dict[str, Times]:
    """Read ``keys.json``; {} where there is none. Raises ValidationError or OSError."""
    try:
        return _TIMES.validate_json(path.read_bytes())
    except FileNotFoundError:
        return {}


def add_key(folder: Path, domain: str, selector: str, pem: bytes, *, now: float) -> StoredKey:
    """Put a new key down; it does not sign yet. Raises DkimKeyError where there is one of this name."""
    keys = _readable(folder, domain) if (folder / domain).exists() else DomainKeys(domain)
    path = folder / domain / f"{selector}.pem"
    if path.exists() or any(key.selector == selector for key in keys.keys):
        raise DkimKeyError(f"{domain} has a key {selector} already; a selector is never used again")
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    write_private(path, pem)
    new = _read_key(folder, domain, selector, Times(made_at=now))
    _write_times(folder, domain, (*keys.keys, new))
    return new


def activate(folder: Path, domain: str, selector: str, *, now: float) -> tuple[StoredKey, tuple[StoredKey, ...]]:
    """
    Sign with a key from now on, in place of the one of the same algorithm, and of one that cannot be read.

    Returns:
        The key, and those that are retired by it.

    Raises:
        DkimKeyError: There is no such key, or it cannot sign.
    """
    keys = _readable(folder, domain)
    chosen = _chosen(keys, selector)
    if chosen.key is None:
        raise DkimKeyError(f"{chosen.trouble}; nothing was changed")
    if chosen.state == "active":
        return chosen, ()
    active = _at(chosen, activated_at=now, retired_at=None)
    retired = tuple(
        _at(stored, retired_at=now)
        for stored in keys.keys
        if stored.state == "active" and (stored.key is None or stored.key.algorithm == chosen.key.algorithm)
    )
    changed = {stored.selector: stored for stored in (active, *retired)}
    _write_times(folder, domain, (changed.get(stored.selector, stored) for stored in keys.keys))
    return active, retired


def retire(folder: Path, domain: str, selector: str, *, now: float) -> tuple[StoredKey, bool]:
    """
    Sign no new mail with a key.

    Returns:
        The key, and whether the domain has another one that signs.

    Raises:
        DkimKeyError: There is no such key.
    """
    keys = _readable(folder, domain)
    chosen = _chosen(keys, selector)
    others = any(key.state == "active" for key in keys.keys if key.selector != selector)
    if chosen.state == "retired":
        return chosen, others
    retired = _at(chosen, activated_at=chosen.times.activated_at or now, retired_at=now)
    _write_times(folder, domain, (retired if key.selector == selector else key for key in keys.keys))
    return retired, others


def _readable(folder: Path, domain: str) -> DomainKeys:
    if not (folder / domain).is_dir():
        raise DkimKeyError(f"{domain} has no keys; homing dkim new {domain} makes one")
    keys = read_domain(folder, domain)
    if keys.trouble:
        raise DkimKeyError(f"{keys.trouble}; nothing was changed")
    return keys


def _chosen(keys: DomainKeys, selector: str) -> StoredKey:
    for key in keys.keys:
        if key.selector == selector:
            return key
    known = ", ".join(key.selector for key in keys.keys) or "none"
    raise DkimKeyError(f"{keys.domain} has no key {selector}; there is: {known}")


def _at(stored: StoredKey, **times: float | None) -> StoredKey:
    return replace(stored, times=stored.times.model_copy(update=times))


def _write_times(folder: Path, domain: str, keys: Iterable[StoredKey]) -> None:
    times = {stored.selector: stored.times for stored in keys}
    write_private(folder / domain / STATES, _TIMES.dump_json(times, indent=2) + b"\n")

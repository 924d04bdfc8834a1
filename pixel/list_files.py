"""
The lists of addresses on disk and on the network: a folder of snapshots, and how they are brought up to date.

A list is fetched only when the operator asks for it (``homing lists update``) or allows it (``pixel.lists.update``).
The server is asked with the ETag of the last answer, so that what did not change is not sent again.
"""

import asyncio
import os
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import aiohttp

from pixel.lists import About, AddressList, ListDamaged, from_snapshot, read_published, to_snapshot

MAX_OCTETS = 64 * 1024 * 1024  # of a published file; Apple's has 12 MB
TIMEOUT = aiohttp.ClientTimeout(total=300.0, sock_connect=30.0, sock_read=60.0)
_READ_AT_ONCE = 65_536
_AGENT = "Homing (address lists)"


class ListTrouble(Exception):
    """A list could not be brought up to date; one plain sentence."""


class ListFolder:
    """The folder of the snapshots. Its methods block: call them in a thread."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def path(self, name: str) -> Path:
        """Say where the snapshot of a list is."""
        return self._folder / f"{name}.list"

    def changed_at(self, name: str) -> float | None:
        """Say when the snapshot was last written, or found to be up to date; None: there is none."""
        try:
            return self.path(name).stat().st_mtime
        except OSError:
            return None

    def load(self, name: str) -> AddressList | None:
        """Read a snapshot; None: there is none. Raises ListDamaged, and OSError where it cannot be read."""
        try:
            return from_snapshot(self.path(name).read_bytes())
        except FileNotFoundError:
            return None

    def save(self, made: AddressList) -> None:
        """Write a snapshot in one step: who reads at the same time sees the old one or the new one."""
        path = self.path(made.about.name)
        path.parent.mkdir(parents=True, exist_ok=True)
        partial = path.with_suffix(f".{os.getpid()}.new")
        with partial.open("wb") as file:
            file.write(to_snapshot(made))
            file.flush()
            os.fsync(file.fileno())
        partial.replace(path)
        self._stamp(path, made.about.loaded_at)

    def note_unchanged(self, name: str, now: float) -> None:
        """Note that a list is still up to date."""
        self._stamp(self.path(name), now)

    @staticmethod
    def _stamp(path: Path, at: float) -> None:
        os.utime(path, (at, at))


@dataclass(frozen=True, slots=True)
class Updated:
    """What an update found."""

    about: About
    changed: bool


async def update(folder: ListFolder, name: str, url: str, *, clock: Callable[[], float]) -> Updated:
    """
    Fetch a published list and keep its snapshot. The last good one stays where that does not work.

    Raises:
        ListTrouble: The server cannot be reached, says something else than a list, or the folder cannot be written.
    """
    try:
        old = await asyncio.to_thread(folder.load, name)
    except (ListDamaged, OSError):
        old = None
    etag = old.about.etag if old and old.about.source == url else ""
    try:
        fetched = await _fetch(url, etag)
        if fetched is None and old is not None:
            await asyncio.to_thread(folder.note_unchanged, name, clock())
            return Updated(old.about, changed=False)
        if fetched is None:
            raise ListTrouble(f"{url}: says that nothing changed, although there was nothing")
        body, new_etag = fetched
        about = About(name=name, source=url, etag=new_etag, loaded_at=clock(), prefixes=0)
        return Updated(await asyncio.to_thread(_keep, folder, about, body), changed=True)
    except ListDamaged as error:
        raise ListTrouble(f"{url}: {error}") from error
    except TimeoutError as error:
        raise ListTrouble(f"{url}: did not answer in time") from error
    except (aiohttp.ClientError, OSError) as error:
        raise ListTrouble(f"{url}: {error}") from error


def _keep(folder: ListFolder, about: About, body: bytes) -> About:
    networks, count = read_published(body.decode("utf-8", "replace").splitlines())
    about = replace(about, prefixes=count)
    folder.save(AddressList(about, networks))
    return about


async def _fetch(url: str, etag: str) -> tuple[bytes, str] | None:
    """Give what is published and its ETag; None: it is what it was at ``etag``."""
    headers = {"User-Agent": _AGENT, **({"If-None-Match": etag} if etag else {})}
    async with (
        aiohttp.ClientSession(timeout=TIMEOUT, trust_env=True) as session,
        session.get(url, headers=headers, max_redirects=3) as answer,
    ):
        if answer.status == 304 and etag:
            return None
        if answer.status != 200:
            raise ListTrouble(f"{url}: answered {answer.status}")
        body = bytearray()
        async for piece in answer.content.iter_chunked(_READ_AT_ONCE):
            body += piece
            if len(body) > MAX_OCTETS:
                raise ListTrouble(f"{url}: sends more than {MAX_OCTETS // 1024**2} MiB")
        return bytes(body), answer.headers.get("ETag", "")[:200]

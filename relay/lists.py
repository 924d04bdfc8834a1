"""
The lists of addresses beside a running relay: taken up when their files change, fetched daily where that is allowed.

A list that is missing or damaged stops nothing: verdicts then say that it was missing.
"""

import asyncio
from collections.abc import Callable
from logging import Logger

from pixel.list_files import ListFolder, ListTrouble, update
from pixel.lists import ListDamaged
from pixel.networks import Prefixes
from pixel.settings import ListSettings

LOOK_SECONDS = 30.0  # between looks at the files; `homing lists update` is taken up no later
DAY = 86_400.0
RETRY = 3_600.0  # after an update that did not work


class ListKeeper:
    """Keeps the lists of the pixel's server as they are on disk."""

    def __init__(
        self,
        settings: ListSettings,
        use: Callable[[str, Prefixes | None], None],
        *,
        clock: Callable[[], float],
        log: Logger,
    ) -> None:
        """``use`` takes a list's name and networks, and None when it is missing."""
        self._settings = settings
        self._use = use
        self._clock = clock
        self._log = log
        self._folder = ListFolder(settings.folder)
        self._seen: dict[str, float | None] = {}
        self._tried_at: dict[str, float] = {}

    async def run(self) -> None:
        """Look at once, and then again and again, until cancelled."""
        while True:
            await self.look()
            await asyncio.sleep(LOOK_SECONDS)

    async def look(self) -> None:
        """Fetch what is due, and take up what changed."""
        for name, url in self._settings.sources.items():
            if self._settings.update == "daily" and await self._is_due(name):
                await self._fetch(name, url)
            await self._take_up(name)

    async def _is_due(self, name: str) -> bool:
        now = self._clock()
        changed_at = await asyncio.to_thread(self._folder.changed_at, name)
        fresh = changed_at is not None and 0.0 <= now - changed_at < DAY
        return not fresh and now - self._tried_at.get(name, -RETRY) >= RETRY

    async def _fetch(self, name: str, url: str) -> None:
        self._tried_at[name] = self._clock()
        try:
            updated = await update(self._folder, name, url, clock=self._clock)
        except ListTrouble as error:
            self._log.warning("the list %s stays as it is: %s", name, error)
        else:
            self._log.info("the list %s is up to date, %d networks", name, updated.about.prefixes)

    async def _take_up(self, name: str) -> None:
        changed_at = await asyncio.to_thread(self._folder.changed_at, name)
        if name in self._seen and self._seen[name] == changed_at:
            return
        self._seen[name] = changed_at
        try:
            found = await asyncio.to_thread(self._folder.load, name)
        except (ListDamaged, OSError) as error:
            self._log.warning("%s: %s; verdicts say that the list is missing", self._folder.path(name), error)
            found = None
        self._use(name, found.networks if found else None)

"""All queries, on one reader."""

from collections.abc import Callable
from pathlib import Path

from store.engine import Reader
from store.queries.chase import Chase
from store.queries.customers import Customers
from store.queries.events import Events
from store.queries.invoices import Invoices
from store.queries.messages import Messages
from store.queries.overview import Overviews
from store.queries.recipients import Recipients
from store.queries.sizes import SizesOf
from store.queries.stats import Stats
from store.queries.stopped import StoppedAddresses
from store.queries.today import Today


class Queries:
    """What pages, API, embeds and metrics ask. ``Store.queries``."""

    def __init__(self, reader: Reader, *, file: Path | None, clock: Callable[[], float]) -> None:
        """Build it; ``file`` is where a SQLite store lies, None on PostgreSQL."""
        self.customers = Customers(reader)
        self.messages = Messages(reader)
        self.overviews = Overviews(reader)
        self.recipients = Recipients(reader)
        self.invoices = Invoices(reader)
        self.chase = Chase(reader)
        self.today = Today(reader)
        self.events = Events(reader)
        self.stats = Stats(reader)
        self.stopped = StoppedAddresses(reader, clock)
        self.sizes = SizesOf(reader, file)

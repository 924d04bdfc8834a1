"""What ``homing demo`` shows: a live table with the newest events, and the summary at the end."""

from collections.abc import Iterator

from rich.console import Console, Group, RenderableType
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from relay.demo_tally import Line, Row, Tally
from store.nouns import RecipientStatus

_COLOURS = {
    RecipientStatus.SENDING: "bright_black",
    RecipientStatus.DELIVERED: "blue",
    RecipientStatus.OPENED: "green",
    RecipientStatus.BOUNCED: "red",
    RecipientStatus.NOT_DELIVERED: "magenta",
}
_KINDS = {
    "accepted": "bright_black",
    "deferred": "yellow",
    "delivered": "blue",
    "opened": "green",
    "bounced": "red",
    "suppressed": "magenta",
    "expired": "magenta",
    "complained": "red",
    "autoresponded": "cyan",
}
_BAR = 40  # characters of the longest bar
_AROUND = 13  # lines of the screen that are no events
_FEWEST, _MOST = 4, 24  # events shown


class Screen:
    """Draws what a tally holds."""

    def __init__(self, console: Console, tally: Tally, *, pages: str, user: str, password: str) -> None:
        self._console = console
        self._tally = tally
        self._pages = pages
        self._user = user
        self._password = password
        self._told = 0

    def intro(self) -> RenderableType:
        """Say what is going on and where to look."""
        return Text.assemble(
            "A relay, its senders and its recipients, all on this machine. Look at the page while it runs:\n  ",
            (self._pages, "bold underline"),
            "  user ",
            (self._user, "bold"),
            "  password ",
            (self._password, "bold"),
            "\n",
        )

    def __rich__(self) -> RenderableType:
        """Draw the moving picture: counts, and the newest events."""
        room = max(_FEWEST, min(_MOST, self._console.height - _AROUND))
        lines = list(self._tally.lines)[-room:]
        return Group(
            self._counts(), Panel(Group(*map(_event, lines)), title="homing tail", title_align="left", padding=(0, 1))
        )

    def new_lines(self) -> Iterator[Text]:
        """Give the events that were not given before: for output that is no terminal."""
        lines = list(self._tally.lines)
        fresh = min(len(lines), self._tally.events - self._told)
        self._told = self._tally.events
        yield from map(_event, lines[len(lines) - fresh :])

    def summary(self) -> RenderableType:
        """Draw every status and reason that was seen."""
        table = Table(show_edge=False, pad_edge=False)
        table.add_column("Status")
        table.add_column("Mails", justify="right")
        table.add_column("Why", overflow="fold")
        for row in self._tally.summary():
            table.add_row(_word(row), str(row.count), row.why)
        table.add_section()
        table.add_row("All", str(self._tally.total), "")
        return Group(Text("\nWhat became of the mails\n", "bold"), table)

    def _counts(self) -> RenderableType:
        counts = self._tally.counts()
        most = max(counts.values(), default=1)
        table = Table.grid(padding=(0, 2))
        for status in RecipientStatus:
            count = counts[status]
            bar = "█" * round(_BAR * count / most) if count else ""
            table.add_row(
                Text(status.word, _COLOURS[status]), Text(str(count), justify="right"), Text(bar, _COLOURS[status])
            )
        return table


def _event(line: Line) -> Text:
    text = Text.assemble((f"{line.kind:<14}", _KINDS.get(line.kind, "")), f"{line.address:<34} ", (line.what, "dim"))
    text.no_wrap, text.overflow = True, "ellipsis"
    return text


def _word(row: Row) -> Text:
    return Text(row.status.word, _COLOURS[row.status])

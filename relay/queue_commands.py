"""
What the commands do that look at the queue, and that say a word about what waits in it.

They work on the store beside a running relay, which sees what they changed within seconds. Each prints to standard
output; what cannot be done is raised as a StoreError or ValueError with a plain sentence.
"""

import json
from collections.abc import Callable
from typing import Any

import click

from relay.shell import who
from relay.tail import printable
from store.addresses import ascii_domain, split_address
from store.event_fields import timestamp
from store.nouns import State
from store.open import Store
from store.reasons import text as reason_text
from store.rows import RecipientRow
from store.settle import Word
from store.waiting import Waiting, Which

CHUNK = 500  # recipients of one transaction: mail that waits behind it waits for milliseconds

_DONE = {
    Word.CANCEL: "Cancelled {}: not delivered, and not tried again.",
    Word.HOLD: "Held {}: nothing is tried until they are released.",
    Word.RELEASE: "Released {}.",
    Word.RETRY: "{} will be tried within seconds, before all others.",
}
_NOTHING = {
    Word.CANCEL: "Nothing waits that fits {}.",
    Word.HOLD: "Nothing waits that fits {}.",
    Word.RELEASE: "Nothing is held that fits {}.",
    Word.RETRY: "Nothing waits for its next attempt that fits {}.",
}


async def which(store: Store, what: str, *, state: State | None = None) -> Which:
    """Read what a person points with: a recipient or message id, an address, or a domain. ValueError: none of them."""
    if what.isascii() and what.isdigit() and len(what) < 20:
        if await store.find.recipient(int(what)):
            return Which(recipient_id=int(what), state=state)
        return Which(message_id=int(what), state=state)
    local, domain = split_address(what)
    if local and domain:
        return Which(address=what, state=state)
    named = ascii_domain(what.removeprefix("@"))
    if not named:
        raise ValueError(f"{printable(what)} is neither an id nor an address nor a domain")
    return Which(domain=named, state=state)


async def show_destinations(store: Store, *, limit: int, as_json: bool, now: float) -> None:
    """Print what waits, by domain, the longest queue first."""
    found = await store.waiting.by_destination(limit=limit)
    for one in found:
        if as_json:
            click.echo(json.dumps(_destination_fields(one), ensure_ascii=False))
        else:
            click.echo("\n".join(_destination_lines(one, now)))
    if not as_json:
        counts = await store.queue.counts()
        waiting = {state.value: counts[state] for state in (State.DUE, State.CLAIMED, State.HELD)}
        shown = f" These are the {limit} longest queues." if len(found) == limit else ""
        click.echo(f"{_counted(waiting)} in all.{shown}" if sum(waiting.values()) else "Nothing waits.")


def _counted(counts: dict[str, int]) -> str:
    """Say ``12 due, 1 being tried``; what is none is left out."""
    words = {"due": "due", "claimed": "being tried", "held": "held"}
    return ", ".join(f"{counts[name]} {word}" for name, word in words.items() if counts[name])


def _destination_lines(one: Waiting, now: float) -> list[str]:
    counts = _counted({"due": one.due, "claimed": one.claimed, "held": one.held})
    lines = [f"{printable(one.domain) or '(no domain)'}: {counts}; the oldest since {timestamp(one.oldest_at)}"]
    if one.next_attempt_at is not None:
        late = one.next_attempt_at <= now
        lines.append(f"  next try {'as soon as there is room' if late else timestamp(one.next_attempt_at)}")
    if one.last_reply:
        lines.append(f"  last: {printable(one.last_reply)}")
    return lines


def _destination_fields(one: Waiting) -> dict[str, Any]:
    return {
        "domain": one.domain,
        "due": one.due,
        "claimed": one.claimed,
        "held": one.held,
        "oldest_at": timestamp(one.oldest_at),
        "next_attempt_at": None if one.next_attempt_at is None else timestamp(one.next_attempt_at),
        "last_reply": one.last_reply or None,
    }


async def list_waiting(store: Store, wanted: Which, *, limit: int, as_json: bool) -> None:
    """Print recipients that wait, the earliest accepted first."""
    for row in await store.waiting.recipients(wanted, limit=limit):
        click.echo(json.dumps(_row_fields(row), ensure_ascii=False) if as_json else _row_line(row))


def _row_line(row: RecipientRow) -> str:
    said = [f"{row.recipient_id} {printable(row.forward_path)}: {_counted(_state_of(row)).removeprefix('1 ')}"]
    said.append(f"since {timestamp(row.accepted_at)}")
    said += [f"{row.attempts} attempt{'s' if row.attempts > 1 else ''}"] if row.attempts else []
    said += [f"next try {timestamp(row.next_attempt_at)}"] if row.next_attempt_at is not None else []
    said += [reason_text(row.reason).sentence] if row.reason else []
    said += [printable(row.last_reply)] if row.last_reply else []
    return "; ".join(said)


def _state_of(row: RecipientRow) -> dict[str, int]:
    return {state.value: int(row.state is state) for state in (State.DUE, State.CLAIMED, State.HELD)}


def _row_fields(row: RecipientRow) -> dict[str, Any]:
    return {
        "recipient": str(row.recipient_id),
        "message": str(row.message_id),
        "address": row.forward_path,
        "subject": row.subject,
        "state": row.state.value,
        "attempts": row.attempts,
        "accepted_at": timestamp(row.accepted_at),
        "next_attempt_at": None if row.next_attempt_at is None else timestamp(row.next_attempt_at),
        "reason": row.reason.value if row.reason else None,
        "last_reply": row.last_reply or None,
        "remote_host": row.remote_host or None,
    }


async def say(store: Store, word: Word, what: str, note: str, *, agreed: Callable[[int], bool]) -> int:
    """
    Carry a word out on all that ``what`` points at, in small transactions; give for how many it did something.

    ``agreed`` is asked with their number before anything is done, where they are more than one.
    """
    wanted = await which(store, what, state={Word.RELEASE: State.HELD, Word.RETRY: State.DUE}.get(word))
    ids = await store.waiting.ids(wanted)
    if len(ids) > 1 and not agreed(len(ids)):
        return 0
    done = 0
    for start in range(0, len(ids), CHUNK):
        noted = await store.audit.prepare(
            f"queue.{word.value}", what, who=who(), after={"note": note}, tell=lambda count: {"recipients": count}
        )
        done += await store.queue.say(word, ids[start : start + CHUNK], note=note, noted=noted)
    counted = f"{done} {'recipient' if done == 1 else 'recipients'}"
    click.echo(_DONE[word].format(counted) if done else _NOTHING[word].format(printable(what)), err=not done)
    return done

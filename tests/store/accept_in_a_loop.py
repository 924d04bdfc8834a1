"""A process that accepts messages until it is killed, and writes the id of each one that it may say 250 for."""

import asyncio
import itertools
import json
import sys
import time
from pathlib import Path

from store.nouns import NewMessage, NewRecipient
from store.open import open_store
from store.settings import StoreSettings


async def main() -> None:
    given = json.loads(sys.argv[1])
    settings = StoreSettings(url=given["url"], contents=Path(given["contents"]), segment_size=200_000, reserve=0)
    store = await open_store(settings, clock=time.time, node_name="victim", serving=True)
    numbers = itertools.count()

    async def client() -> None:
        while True:
            now, number = time.time(), next(numbers)
            message = NewMessage(
                id=store.ids.next(), accepted_at=now, expires_at=now + 1000, credential="app", reverse_path=""
            )
            address = f"m{number}@example.org"
            recipient = NewRecipient(
                id=store.ids.next(), forward_path=address, address_key=address, domain="example.org"
            )
            content = f"{message.id}:".encode() * (1 + number % 700)
            await store.queue.accept(message, content, [recipient], hold=number % 2 == 0)
            sys.stdout.write(f"{message.id} {recipient.id} {number}\n")
            sys.stdout.flush()

    await asyncio.gather(*(client() for _ in range(20)))


asyncio.run(main())

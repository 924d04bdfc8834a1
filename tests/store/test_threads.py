"""store/threads.py: what the event loop has threads do."""

import asyncio
import threading

import pytest

from store.threads import Threads


async def test_what_is_made_of_a_call_comes_back() -> None:
    """The result, or what was raised; other calls go on."""
    threads = Threads(2, "work")

    def fail() -> None:
        raise ValueError("no")

    answers = await asyncio.gather(
        threads.run(lambda: 1), threads.run(fail), threads.run(lambda: 2), return_exceptions=True
    )
    assert answers[0] == 1
    assert isinstance(answers[1], ValueError)
    assert answers[2] == 2
    threads.close()


async def test_one_thread_keeps_the_order_and_is_begun_when_there_is_work() -> None:
    """Twenty calls at once: one after the other, all in one thread, under its name."""
    threads = Threads(1, "work")
    assert not any(thread.name.startswith("work") for thread in threading.enumerate())
    seen: list[tuple[int, str]] = []
    await asyncio.gather(
        *(threads.run(lambda n=n: seen.append((n, threading.current_thread().name))) for n in range(20))
    )
    assert seen == [(n, "work_0") for n in range(20)]
    threads.close()
    assert not any(thread.name.startswith("work") for thread in threading.enumerate())


async def test_several_work_at_once_and_no_more_than_are_allowed() -> None:
    """Two calls that wait for each other come to an end; a third begins when one is done."""
    threads = Threads(2, "work")
    together = threading.Barrier(2)
    names: set[str] = set()

    def meet() -> None:
        together.wait(30)
        names.add(threading.current_thread().name)

    await asyncio.gather(*(threads.run(meet) for _ in range(6)))
    assert names <= {"work_0", "work_1"}
    threads.close()


async def test_a_call_is_carried_out_although_nobody_waits() -> None:
    """Who is cancelled cancels nothing; close waits for it."""
    threads = Threads(1, "work")
    go_on, done = threading.Event(), threading.Event()
    held = threads.run(lambda: go_on.wait(30))
    last = threads.run(done.set)
    last.cancel()
    go_on.set()
    threads.close()
    assert done.is_set()
    assert await held
    with pytest.raises(asyncio.CancelledError):
        await last


async def test_results_that_are_ready_together_wake_the_loop_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """A wake-up is a write to a pipe; hundreds of results share one."""
    threads = Threads(1, "work")
    await threads.run(lambda: None)
    loop = asyncio.get_running_loop()
    woken = 0
    wake = loop.call_soon_threadsafe

    def counted(*args: object) -> object:
        nonlocal woken
        woken += 1
        return wake(*args)  # type: ignore[arg-type]

    monkeypatch.setattr(loop, "call_soon_threadsafe", counted)
    calls = [threads.run(lambda n=n: n) for n in range(200)]
    threads.close()  # the loop stands still until all are carried out
    assert await asyncio.gather(*calls) == list(range(200))
    assert woken == 1

"""How bench/syncs.py reads what strace noted."""

from bench.syncs import Watched, read

LOG, PART = "/var/homing.db-wal", "/var/contents/00000001.segment"
ANSWER = '41 write(19<socket:[7]>, "250 2.0.0 Ok: queued as 12\\r\\n", 28) = 28'


def wrote(path: str) -> str:
    return f'42 pwrite64(12<{path}>, "..."..., 4096, 32) = 4096'


def synced(path: str) -> str:
    return f"43 fdatasync(12<{path}>) = 0"


def test_an_answer_behind_all_syncs_is_in_order() -> None:
    """Contents, then the log, then 250; what is said to others is no answer."""
    lines = [wrote(PART), synced(PART), wrote(LOG), synced(LOG), '41 write(2<pipe:[9]>, "queued", 6) = 6', ANSWER]
    assert read(lines) == Watched(answers=1, syncs=2)


def test_an_answer_before_a_sync_is_found() -> None:
    """Whichever of the files it is; what is written later is another mail's."""
    assert read([wrote(PART), wrote(LOG), synced(PART), ANSWER, synced(LOG)]).early == [LOG]
    assert read([wrote(LOG), synced(LOG), wrote(PART), ANSWER]).early == [PART]
    assert read([wrote(LOG), synced(LOG), ANSWER, wrote(LOG)]).early == []


def test_a_call_that_was_interrupted() -> None:
    """A write counts when it begins, a sync when it ends; what strace says beside calls is passed over."""
    write = [f'42 pwrite64(12<{LOG}>, "..."..., 4096, 32 <unfinished ...>', "42 <... pwrite64 resumed>) = 4096"]
    assert read([*write, "43 +++ exited with 0 +++", ANSWER]).early == [LOG]
    begun, ended = f"43 fdatasync(12<{LOG}> <unfinished ...>", "43 <... fdatasync resumed>) = 0"
    assert read([*write, begun, ANSWER, ended]).early == [LOG]
    assert read([*write, begun, ended, ANSWER]).early == []

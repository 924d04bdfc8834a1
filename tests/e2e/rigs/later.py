"""A program that is told another time: Debian's libfaketime."""

from pathlib import Path


def minutes_later(minutes: int) -> dict[str, str]:
    """Give the environment in which a program's clock is so far ahead. Its timers run as always."""
    found = [str(file) for file in Path("/usr/lib").glob("*/faketime/libfaketimeMT.so.1")]
    assert found, "libfaketime is missing: run scripts/provision"
    return {"LD_PRELOAD": found[0], "FAKETIME": f"+{minutes}m", "FAKETIME_DONT_FAKE_MONOTONIC": "1"}

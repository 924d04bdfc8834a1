"""relay/memory.py: freed memory is kept for the next mails. In processes of their own, since it is set for good."""

import os
import subprocess
import sys

# How many pages the kernel had to clear for mails that come and go, 4 MB at a time, when all else is settled.
FAULTS = """
import resource, sys
from relay.memory import keep_freed_memory
print(keep_freed_memory() if "keep" in sys.argv else None)
def mails():
    held = [bytes([n]) * 220_000 for n in range(20)]
    held.clear()
for _ in range(20):
    mails()
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
for _ in range(50):
    mails()
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


def run(*words: str, **environment: str) -> tuple[str, int]:
    """Whether it was set, and how many pages were cleared."""
    program = [sys.executable, "-c", FAULTS, *words]
    said = subprocess.run(program, env={**os.environ, **environment}, check=True, capture_output=True, text=True)
    was_set, faults = said.stdout.split()
    return was_set, int(faults)


def test_mails_that_come_and_go_are_written_into_the_same_pages() -> None:
    """Fifty times 4 MB are 53,000 pages; hardly one is asked for again."""
    was_set, faults = run("keep")
    assert was_set == "True"
    assert faults < 2_000
    assert faults < run()[1]


def test_what_the_environment_says_is_left_as_it_is() -> None:
    """An operator who sets it knows better."""
    assert run("keep", MALLOC_TRIM_THRESHOLD_="131072")[0] == "False"

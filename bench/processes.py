"""Sender, sink and name server as processes of their own, which is how their costs are told from the relay's."""

import contextlib
import json
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from tempfile import TemporaryFile
from typing import IO, Any, Self

from bench import names
from bench.source import Job

NAME_SERVER = "127.78.1.1"
SINK = "127.77.0.1:2500"


class SinkProcess:
    """A running sink (bench/receiver.py); a context manager."""

    def __init__(self, addresses: Sequence[str], delay: float, samples: Path | None) -> None:
        self._folder = samples
        words = [*addresses, "--delay", str(delay)]
        if samples is not None:
            words += ["--samples", str(samples)]
        self._process = subprocess.Popen(
            (sys.executable, "-m", "bench.receiver", *words), stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        self._read()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.communicate()

    def _read(self) -> str:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise RuntimeError("the sink has ended")
        return line

    def _order(self, words: str) -> Any:
        assert self._process.stdin is not None
        self._process.stdin.write(f"{words}\n")
        self._process.stdin.flush()
        return json.loads(self._read())

    @property
    def pid(self) -> int:
        """Of the process."""
        return self._process.pid

    def wait(self, copies: int, seconds: float) -> int:
        """Wait until so many copies have come since the last account, or the time is over; give how many did."""
        return int(self._order(f"wait {copies} {seconds}"))

    def take(self) -> dict[str, Any]:
        """Give the account since the last one, and begin anew."""
        for file in self._files():
            file.unlink()
        return dict(self._order("take"))

    def samples(self) -> list[bytes]:
        """Give the mails that were kept since the account began."""
        return [file.read_bytes() for file in self._files()]

    def _files(self) -> list[Path]:
        return sorted(self._folder.iterdir()) if self._folder is not None else []


class SourceProcess:
    """A sender that has begun (bench/source.py); a context manager."""

    def __init__(self, job: Job) -> None:
        self._answer: IO[str] = TemporaryFile("w+")  # noqa: SIM115  closed by __exit__
        self._process = subprocess.Popen(
            (sys.executable, "-m", "bench.source"), stdin=subprocess.PIPE, stdout=self._answer, text=True
        )
        assert self._process.stdin is not None
        self._process.stdin.write(job.to_json())
        self._process.stdin.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.wait()
        self._answer.close()

    def ended(self, seconds: float) -> bool:
        """Wait so long at most; say whether it has sent all."""
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(seconds)
        return self._process.poll() is not None

    def result(self) -> dict[str, Any]:
        """Give what was answered, once it has ended."""
        if self._process.wait() != 0:
            raise RuntimeError("the sender failed; it says above why")
        self._answer.seek(0)
        return dict(json.load(self._answer))


@contextlib.contextmanager
def name_server(domains: int) -> Iterator[None]:
    """Run the name server."""
    words = (sys.executable, "-m", "bench.names", NAME_SERVER, str(domains))
    with subprocess.Popen(words, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.readline()
        try:
            yield
        finally:
            process.kill()


def sink_addresses(domains: int) -> list[str]:
    """Say where the sink listens: on one address, or on port 25 of each mail host of many domains."""
    return [SINK] if domains == 1 else [f"{names.address(number)}:25" for number in range(names.HOSTS)]

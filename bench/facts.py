"""What a measurement was taken on: facts of the machine and versions, without names or paths."""

import contextlib
import importlib.metadata
import os
import platform
import statistics
import subprocess
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

_RIGS = Path(__file__).parents[1] / ".cache" / "rigs"
_SYNCS = 100


def machine(folder: Path) -> dict[str, Any]:
    """Describe the machine; ``folder`` is on the disk that queues and stores lie on."""
    return {
        "when": f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC",
        "commit": _commit(),
        "processor": _first("/proc/cpuinfo", "model name"),
        "cores": len(os.sched_getaffinity(0)),
        "memory_gib": round(int(_first("/proc/meminfo", "MemTotal").split()[0]) / 1024**2, 1),
        "kernel": platform.release(),
        "debian": Path("/etc/debian_version").read_text().strip() if Path("/etc/debian_version").exists() else "",
        "python": platform.python_version(),
        "sync_ms": round(sync_time(folder) * 1000, 2),
        "load_before": round(os.getloadavg()[0], 2),
        "versions": _versions(),
    }


def _first(file: str, key: str) -> str:
    lines = Path(file).read_text().splitlines()
    return next((line.partition(":")[2].strip() for line in lines if line.startswith(key)), "")


def _commit() -> str:
    done = subprocess.run(("git", "describe", "--always", "--dirty"), capture_output=True, text=True, check=False)
    return done.stdout.strip()


def sync_time(folder: Path) -> float:
    """Measure the median of appending 4 KiB and syncing, in seconds."""
    file = folder / "sync"
    handle = os.open(file, os.O_CREAT | os.O_WRONLY)
    times = []
    for _ in range(_SYNCS):
        begin = time.perf_counter()
        os.write(handle, b"x" * 4096)
        os.fdatasync(handle)
        times.append(time.perf_counter() - begin)
    os.close(handle)
    file.unlink()
    return statistics.median(times)


def _versions() -> dict[str, str]:
    versions = {name: importlib.metadata.version(name) for name in ("aiosmtpd", "cryptography", "SQLAlchemy")}
    with contextlib.suppress(importlib.metadata.PackageNotFoundError):
        versions["uvloop"] = importlib.metadata.version("uvloop")
    for package in ("postfix", "exim4-daemon-light", "opensmtpd", "opendkim"):
        versions[package] = _debian_version(package)
    for postgres in sorted(Path("/usr/lib/postgresql").glob("*")):
        versions["postgresql"] = postgres.name
    return versions


def _debian_version(package: str) -> str:
    """Read an unpacked package's version from its changelog."""
    docs = sorted((_RIGS / package).glob("usr/share/doc/*/changelog.Debian.gz"))
    if not docs:
        return ""
    done = subprocess.run(("gzip", "-dc", str(docs[0])), capture_output=True, text=True, errors="replace", check=False)
    return done.stdout.partition("(")[2].partition(")")[0]

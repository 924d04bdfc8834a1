"""
Durations, sizes and numbers as people write them in a configuration file: ``"5m"``, ``"25MiB"``, ``20``.

Pure: no I/O, no clock, no chance.
"""

import re
from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator, Field

_SECONDS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
_OCTETS = {"B": 1, "KiB": 1024, "MiB": 1024**2, "GiB": 1024**3}
_WRITTEN = re.compile(r"([0-9]+(?:\.[0-9]+)?)\s*([A-Za-z]+)")


def parse_duration(value: Any) -> float:
    """Read ``"90s"``, ``"5m"``, ``"3d"`` as seconds. ValueError says what would be right."""
    match = _WRITTEN.fullmatch(value) if isinstance(value, str) else None
    if match is None or match[2] not in _SECONDS:
        raise ValueError('should be a duration in quotes, like "30s", "5m", "4h" or "3d"')
    return float(match[1]) * _SECONDS[match[2]]


def parse_size(value: Any) -> int:
    """Read ``"64KiB"``, ``"25MiB"`` as octets. ValueError says what would be right."""
    match = _WRITTEN.fullmatch(value) if isinstance(value, str) else None
    if match is None or match[2] not in _OCTETS:
        raise ValueError('should be a size in quotes, like "512B", "64KiB" or "25MiB"')
    return int(float(match[1]) * _OCTETS[match[2]])


def _some(value: tuple[float, ...]) -> tuple[float, ...]:
    if not value:
        raise ValueError("should not be empty")
    return value


# Both take numbers too, so that code and tests may write them; a file has quotes, which parse_* asks for.
Duration = Annotated[float, BeforeValidator(lambda v: v if isinstance(v, float) else parse_duration(v))]
Size = Annotated[int, BeforeValidator(lambda v: v if isinstance(v, int) else parse_size(v))]

# What must not be nothing: a lease of 0 s would take every claim away, a limit of 0 connections would stop the mail.
Lasting = Annotated[Duration, Field(gt=0)]
SomeOctets = Annotated[Size, Field(ge=1)]
Steps = Annotated[tuple[Lasting, ...], AfterValidator(_some)]
Count = Annotated[int, Field(ge=1)]
Port = Annotated[int, Field(ge=1, le=65_535)]

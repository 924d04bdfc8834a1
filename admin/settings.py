"""
The table ``[admin]`` of the configuration.

Pure: no I/O, no clock, no chance.
"""

from pydantic import BaseModel, ConfigDict


class AdminSettings(BaseModel):
    """``[admin]``."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    listen: tuple[str, ...] = ("127.0.0.1:8026",)

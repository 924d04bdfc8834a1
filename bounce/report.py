"""
Read a mail that came back: bounce, delay, automatic reply, complaint, or none of these.

The way of a mail: ``mime.py`` finds its parts, ``material.py`` sorts them, then the reader for what it brings:
``arf.py`` a complaint, ``dsn.py`` a delivery status, ``autoreply.py`` machines that answer, ``freeform.py`` the words
of systems that send no status. ``classify.py`` names the reason.

Whatever the bytes: a Report, and no exception.

Pure: no I/O, no clock, no chance.
"""

from bounce.dsn import read_dsn
from bounce.material import collect
from bounce.reported import Report, ReportedRecipient

__all__ = ["Report", "ReportedRecipient", "read"]


def read(raw: bytes) -> Report:
    """Say what a mail that came back is, and what it says of each recipient."""
    material = collect(raw)
    recipients = tuple(read_dsn(material))
    actions = {recipient.action for recipient in recipients}
    if "failed" in actions:
        return Report("bounce", recipients)
    if "delayed" in actions:
        return Report("delayed", recipients)
    return Report("not-a-bounce", recipients)

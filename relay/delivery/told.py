"""What went wrong with a connection, in words for people."""

import os
import ssl

from relay.delivery.dialogue import Outcome
from store.nouns import Phase, Reason


def told(error: BaseException) -> str:
    """Say an error in words for people: ``connection refused``."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return error.verify_message
    if isinstance(error, ssl.SSLError):
        return (getattr(error, "reason", None) or "handshake failed").replace("_", " ").lower()
    if isinstance(error, OSError) and error.errno:
        return os.strerror(error.errno).lower()
    return str(error) or type(error).__name__


def unconnected(phase: Phase, why: str) -> Outcome:
    """Tell that no session came about, for now."""
    return Outcome(phase, None, why, Reason.CONNECTION_FAILED, permanent=False)

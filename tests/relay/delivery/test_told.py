"""Errors of connections in words."""

import errno
import ssl

import pytest

from relay.delivery.told import told, unconnected
from store.nouns import Phase, Reason


def certificate_error() -> ssl.SSLCertVerificationError:
    error = ssl.SSLCertVerificationError(1, "[SSL: CERTIFICATE_VERIFY_FAILED] (_ssl.c:1)")
    error.verify_message = "certificate has expired"
    return error


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (ConnectionRefusedError(errno.ECONNREFUSED, "x"), "connection refused"),
        (OSError(errno.EHOSTUNREACH, "x"), "no route to host"),
        (certificate_error(), "certificate has expired"),
        (ssl.SSLError(1, "x"), "handshake failed"),
        (OSError("odd"), "odd"),
        (TimeoutError(), "TimeoutError"),
    ],
    ids=repr,
)
def test_words(error: BaseException, words: str) -> None:
    """Lower case, without numbers and without the insides of libraries."""
    assert told(error) == words


def test_no_session_is_for_now() -> None:
    """Never a bounce."""
    outcome = unconnected(Phase.CONNECT, "no answer")
    assert (outcome.reply, outcome.why, outcome.permanent) == (None, "no answer", False)
    assert outcome.reason is Reason.CONNECTION_FAILED

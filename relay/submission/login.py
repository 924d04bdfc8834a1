"""The questions and answers of one AUTH exchange (RFC 4954 section 4)."""

from relay.submission import auth, replies
from relay.submission.auth import Garbled, Login
from relay.submission.connection import Connection


async def ask_login(connection: Connection, mechanism: str, initial: bytes | None) -> Login | Garbled:
    """
    Get user and password by PLAIN or LOGIN; ``initial`` is what the command brought along, None for nothing.

    An answer that is too long or does not end in CR LF is garbled like any other, so the session stays in step.
    """
    if mechanism == "PLAIN":
        message = await _first(connection, "", initial)
        return auth.read_plain(message) if isinstance(message, bytes) else message
    user = await _first(connection, auth.LOGIN_USER, initial)
    if not isinstance(user, bytes):
        return user
    password = await _answer(connection, auth.LOGIN_PASSWORD)
    return auth.read_login(user, password) if isinstance(password, bytes) else password


async def _first(connection: Connection, question: str, initial: bytes | None) -> bytes | Garbled:
    return await _answer(connection, question) if initial is None else auth.decode_answer(initial)


async def _answer(connection: Connection, question: str) -> bytes | Garbled:
    connection.say(replies.challenge(question))
    line = await connection.read_line(connection.limits.max_auth, connection.limits.idle)
    return auth.decode_answer(line[:-2]) if line.endswith(b"\r\n") else Garbled.SYNTAX

"""How the sandbox mails something back: one letter in one SMTP session, to a loopback address."""

import asyncio

from relay.sandbox.letters import Letter

TIMEOUT = 30.0  # seconds for the whole session


class NotTaken(Exception):
    """The other side did not take the letter; the text is its reply."""


async def send(letter: Letter, host: str, port: int, helo: str) -> str:
    """
    Send one letter.

    Returns:
        The reply to its final dot.

    Raises:
        NotTaken: The other side refused, in its words.
        OSError: It could not be reached, or hung up.
    """
    async with asyncio.timeout(TIMEOUT):
        reader, writer = await asyncio.open_connection(host, port)
        try:
            return await _talk(letter, reader, writer, helo)
        finally:
            writer.close()


async def _talk(letter: Letter, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, helo: str) -> str:
    await _reply(reader, 220)
    utf8 = "" if letter.content.isascii() and letter.forward_path.isascii() else " BODY=8BITMIME SMTPUTF8"
    for command, expected in (
        (f"EHLO {helo}", 250),
        (f"MAIL FROM:<{letter.reverse_path}>{utf8}", 250),
        (f"RCPT TO:<{letter.forward_path}>", 250),
        ("DATA", 354),
    ):
        writer.write(f"{command}\r\n".encode())
        await _reply(reader, expected)
    writer.write(stuffed(letter.content))
    said = await _reply(reader, 250)
    writer.write(b"QUIT\r\n")
    await writer.drain()
    return said


async def _reply(reader: asyncio.StreamReader, expected: int) -> str:
    """Read a whole reply (RFC 5321 section 4.2.1); NotTaken unless it has the expected code."""
    lines: list[str] = []
    while True:
        line = await reader.readline()
        if not line.endswith(b"\n"):
            raise ConnectionResetError("the other side hung up")
        lines.append(line.decode("utf-8", "replace").rstrip("\r\n"))
        if line[3:4] != b"-":
            break
    said = " ".join(lines)
    if not said.startswith(str(expected)):
        raise NotTaken(said)
    return said


def stuffed(content: bytes) -> bytes:
    """Give a content as it goes behind DATA: dots doubled (RFC 5321 section 4.5.2), ended by the final dot."""
    body = content if content.endswith(b"\r\n") else content + b"\r\n"
    if body.startswith(b"."):
        body = b"." + body
    return body.replace(b"\r\n.", b"\r\n..") + b".\r\n"

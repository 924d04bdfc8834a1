"""Is the received mail the sent one? Down to the byte."""

import quopri
import re
from dataclasses import dataclass

# <img src="https://HOST/o/TOKEN.gif" width="1" height="1" alt="" style="border:0">, ../design.md section 7
_ELEMENT = re.compile(
    rb'<img src="(https?://[^"/]+/o/([A-Za-z0-9_-]{22})\.gif)" width="1" height="1" alt="" style="border:0">'
)
_FIELD = re.compile(rb"[!-9;-~]+:[^\r]*\r\n(?:[ \t][^\r]*\r\n)*")


@dataclass(frozen=True, slots=True)
class Received:
    """What differs between a mail as it was sent and as Postfix put it into the Maildir."""

    return_path: str  # where bounces of this copy go
    hops: tuple[str, ...]  # the Received fields, the last hop's first, unfolded
    pixel_url: str


def compare(sent: bytes, received: bytes) -> Received:
    """
    Hold the received mail to be the sent one but for fields on top and one image element.

    Both with CRLF. Raises AssertionError where anything else differs.
    """
    top, body = _split_top(received, first_field=sent[: sent.index(b":") + 1])
    fields = [_unfolded(field) for field in _FIELD.findall(top)]
    names = [field.partition(":")[0] for field in fields]
    # Postfix's own four, then ours.
    assert names == ["Return-Path", "X-Original-To", "Delivered-To", "Received", "Received"], names
    return Received(
        return_path=fields[0].partition(":")[2].strip().strip("<>"),
        hops=(fields[3], fields[4]),
        pixel_url=_one_element_more(sent, body),
    )


def _split_top(received: bytes, *, first_field: bytes) -> tuple[bytes, bytes]:
    """Split where the sent mail's first header field begins."""
    at = received.index(b"\r\n" + first_field) + 2
    return received[:at], received[at:]


def _unfolded(field: bytes) -> str:
    return re.sub(r"\r\n[ \t]+", " ", field.decode("ascii").removesuffix("\r\n"))


def _one_element_more(sent: bytes, received: bytes) -> str:
    """Give the URL of the one element that was put in; AssertionError when more, less or anything else differs."""
    longer = len(received) - len(sent)
    assert longer > 0, "nothing was put in"
    same = next((n for n in range(len(sent)) if sent[n] != received[n]), len(sent))
    # "<" and the like may stand on both sides of the spot: it is then found a little too late.
    for at in range(same, max(same - 200, -1), -1):
        if sent[at:] != received[at + longer :]:
            break
        put_in = received[at : at + longer]
        for text in (put_in, quopri.decodestring(put_in)):
            if match := _ELEMENT.fullmatch(text.strip()):
                return match[1].decode("ascii")
    around = received[max(same - 80, 0) : same + longer + 80]
    raise AssertionError(
        f"not one element more, but: ...{around!r}... where there was ...{sent[same - 80 : same + 80]!r}"
    )

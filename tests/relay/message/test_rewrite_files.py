"""Tests of relay/message/rewrite_files.py: the engine of ``homing rewrite``."""

import email
import email.policy
import os
from pathlib import Path

from selectolax.lexbor import LexborHTMLParser

from pixel.element import element
from relay.message import header as headers
from relay.message.control import is_control
from relay.message.line_ends import has_bare, long_line, normalise
from relay.message.rewrite_files import rewrite, rewrite_files

ELEMENT = element("https://track.example.org", "A" * 22)
HTML = b"From: a@example.org\nBcc: b\nContent-Type: text/html\n\n<p>x</p>\n"


def test_each_file_is_written_and_told(tmp_path: Path) -> None:
    """One result a file, in order, with the contract's keys; the written mail is what would leave."""
    one, two = tmp_path / "one.eml", tmp_path / "two"
    one.write_bytes(HTML)
    two.write_bytes(b"just text")
    out = tmp_path / "out" / "deep"
    assert list(rewrite_files([str(one), str(two)], out, element=ELEMENT)) == [
        {"file": str(one), "injected": True, "why": "", "part": "1"},
        {"file": str(two), "injected": False, "why": "plain text only", "part": ""},
    ]
    assert (out / "one.eml").read_bytes() == (
        b"From: a@example.org\r\nContent-Type: text/html\r\n\r\n<p>x</p>" + ELEMENT + b"\r\n"
    )
    assert (out / "two").read_bytes() == b"just text"


def test_no_file_stops_the_others(tmp_path: Path) -> None:
    """What is missing, a directory, a pipe or unreadable has a reason, and the next file is done."""
    good = tmp_path / "good"
    good.write_bytes(HTML)
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    paths = [str(tmp_path / "missing"), str(tmp_path), str(pipe), "with\0nul", "", str(good)]
    found = list(rewrite_files(paths, tmp_path / "out", element=ELEMENT))
    assert [result["file"] for result in found] == paths
    assert [result["injected"] for result in found] == [False] * 5 + [True]
    assert all(result["why"] for result in found[:-1])


def test_nothing_is_lost_by_equal_names(tmp_path: Path) -> None:
    """A second file of the same name gets a number, and no file is written over itself."""
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "mail").write_bytes(name.encode())
    paths = [str(tmp_path / name / "mail") for name in ("a", "b")]
    list(rewrite_files(paths, tmp_path / "out", element=ELEMENT))
    assert [(tmp_path / "out" / name).read_bytes() for name in ("mail", "mail.2")] == [b"a", b"b"]
    (same,) = rewrite_files(paths[:1], tmp_path / "a", element=ELEMENT)
    assert same["why"] == "the result would take the place of the file itself"
    assert (tmp_path / "a" / "mail").read_bytes() == b"a"


def test_a_mail_that_wants_no_tracking_gets_no_pixel() -> None:
    """Control headers count here too, and are removed."""
    assert rewrite(b"X-AMP: skip\r\nContent-Type: text/html\r\n\r\n<p>", element=ELEMENT) == (
        b"Content-Type: text/html\r\n\r\n<p>",
        "tracking off",
        "",
    )


def _cut(raw: bytes) -> bytes:
    """Cut the documented fields, by splitting into lines."""
    header = headers.scan(raw)
    gone = [f for f in header.fields if f.name in ("bcc", "resent-bcc", "return-path") or is_control(f.name)]
    for field in reversed(gone):
        raw = raw[: field.start] + raw[field.end :]
    return raw


def test_real_mails_change_in_the_documented_spots_only(shared: Path, tmp_path: Path) -> None:
    """Of each real mail all but the documented changes leaves as it came; html has exactly one image more."""
    paths = sorted(str(path) for path in (shared / "bounces" / "dev").iterdir() if path.is_file())
    assert len(paths) > 500
    for result in rewrite_files(paths, tmp_path, element=ELEMENT):
        came = _cut(normalise(Path(result["file"]).read_bytes()))
        left = (tmp_path / Path(result["file"]).name).read_bytes()
        assert not has_bare(left)
        if not result["injected"]:
            assert result["why"]
            assert left == came or (long_line(came) >= 0 and _contents(left) == _contents(came))
            continue
        old, new = _html(came, result["part"]), _html(left, result["part"])
        assert len(LexborHTMLParser(new).css("img")) == len(LexborHTMLParser(old).css("img")) + 1
        assert new.replace(ELEMENT.decode(), "") == old
        assert [str(p) for p in _others(came, result["part"])] == [str(p) for p in _others(left, result["part"])]


def _numbered(raw: bytes) -> list[tuple[str, email.message.Message]]:
    found = []
    waiting = [("", email.message_from_bytes(raw, policy=email.policy.compat32))]
    while waiting:
        number, part = waiting.pop()
        if part.get_content_maintype() == "multipart" and part.is_multipart():
            children = part.get_payload()
            assert isinstance(children, list)
            waiting += [(f"{number}.{n}".lstrip("."), child) for n, child in enumerate(children, 1)]
        else:
            found.append((number or "1", part))
    return found


def _contents(raw: bytes) -> list[bytes]:
    """Decoded contents of all parts, for a mail with a part that had to be re-encoded."""
    return [part.get_payload(decode=True) or bytes(part) for _, part in _numbered(raw)]


def _html(raw: bytes, part: str) -> str:
    payload = dict(_numbered(raw))[part].get_payload(decode=True)
    assert isinstance(payload, bytes)
    return payload.decode("latin-1")


def _others(raw: bytes, part: str) -> list[email.message.Message]:
    return [found for number, found in _numbered(raw) if number != part]

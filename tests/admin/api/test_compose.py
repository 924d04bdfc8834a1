"""Mails made of JSON: what a client of any kind reads in them is what was said."""

import base64
import email
import json
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import default
from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from admin.api.compose import compose, envelope
from admin.api.models.send import SendIn
from relay.config import Config
from relay.message.intake import examine

PLAIN = {"from": {"address": "office@club.example"}, "to": [{"address": "ann@example.org"}]}
LINE = st.text(st.characters(exclude_categories=["Cc", "Cs", "Zl", "Zp"]), max_size=200)


def mail(**more: Any) -> SendIn:
    """Read it as a request would be."""
    return SendIn.model_validate_json(json.dumps({**PLAIN, **more}), strict=True)


def read(raw: bytes) -> EmailMessage:
    return cast("EmailMessage", email.message_from_bytes(raw, policy=default))


def test_everything_at_once() -> None:
    """Names, other letters, text beside HTML with an image in it, files; Bcc is nowhere."""
    made = mail(
        **{"from": {"address": "office@club.example", "name": "The club's öffice"}},
        to=[{"address": "ann@example.org", "name": 'Ann "A", B.'}, {"address": "bob@example.org"}],
        bcc=[{"address": "secret@example.org"}], reply_to=[{"address": "help@club.example"}],
        subject="Your Növember fees " * 20, text="Hällo\n.\nFrom me", html="<p>hé</p><img src='cid:logo'>",
        attachments=[
            {"filename": "ü.pdf", "content": base64.b64encode(b"%PDF").decode(), "content_type": "application/pdf"},
            {"filename": "l.png", "content": "iVBORw==", "content_type": "image/png", "content_id": "logo"},
        ],
        headers={"References": " ".join(["<a@b>"] * 60)},
    )  # fmt: skip
    raw = compose(made)
    assert raw.isascii()
    assert all(len(line) <= 998 for line in raw.split(b"\r\n"))
    assert b"secret" not in raw
    it = read(raw)
    assert it["from"].addresses == (Address("The club's öffice", addr_spec="office@club.example"),)
    assert [who.addr_spec for who in it["to"].addresses] == ["ann@example.org", "bob@example.org"]
    assert it["to"].addresses[0].display_name == 'Ann "A", B.'
    assert it["subject"] == ("Your Növember fees " * 20).strip()
    assert it["references"].split() == ["<a@b>"] * 60
    assert [part.get_content_type() for part in it.walk()] == [
        "multipart/mixed", "multipart/alternative", "text/plain", "multipart/related", "text/html", "image/png",
        "application/pdf",
    ]  # fmt: skip
    files = {part.get_filename(): part.get_payload(decode=True) for part in it.walk() if part.get_filename()}
    assert files == {"ü.pdf": b"%PDF", "l.png": b"\x89PNG"}
    body = it.get_body(("plain",))
    assert body is not None
    assert body.get_content().splitlines() == ["Hällo", ".", "From me"]
    assert envelope(made) == ["ann@example.org", "bob@example.org", "secret@example.org"]
    assert compose(made) == raw


@pytest.mark.parametrize(
    ("more", "kinds"),
    [
        ({}, ["text/plain"]),
        ({"text": "a"}, ["text/plain"]),
        ({"html": "a"}, ["text/html"]),
        ({"text": "a", "html": "b"}, ["multipart/alternative", "text/plain", "text/html"]),
        ({"html": "b", "attachments": [{"filename": "f", "content": "YQ=="}]},
         ["multipart/mixed", "text/html", "application/octet-stream"]),
        ({"html": "b", "attachments": [{"filename": "f", "content": "YQ==", "content_id": "x"}]},
         ["multipart/related", "text/html", "application/octet-stream"]),
        ({"text": "b", "attachments": [{"filename": "f", "content": "YQ==", "content_id": "x"}]},
         ["multipart/mixed", "text/plain", "application/octet-stream"]),
    ],
)  # fmt: skip
def test_parts(more: dict[str, Any], kinds: list[str]) -> None:
    """As few parts as it takes."""
    assert [part.get_content_type() for part in read(compose(mail(**more))).walk()] == kinds


@given(subject=LINE, name=LINE, customer=LINE, tag=LINE, value=LINE)
def test_whatever_is_said_comes_back(subject: str, name: str, customer: str, tag: str, value: str) -> None:
    """Acceptance reads from the mail what was said, and no value makes a field of its own (W10)."""
    person = {"address": "office@club.example", "name": name}
    made = mail(
        **{"from": person}, subject=subject, customer=customer[:100], tags=[tag[:100]], metadata={"k": value}, text="x"
    )
    raw = compose(made, idempotency_key="key")
    header = raw.partition(b"\r\n\r\n")[0]
    names = {line.partition(b":")[0].lower() for line in header.split(b"\r\n") if not line.startswith((b" ", b"\t"))}
    assert names <= {
        b"from", b"to", b"subject", b"x-homing-customer", b"x-homing-tag", b"x-homing-metadata-k",
        b"x-homing-idempotency-key", b"mime-version", b"content-type", b"content-transfer-encoding",
    }  # fmt: skip
    intake = examine(raw, now=0.0, make_id="1", hostname="mail.example", metadata=Config().relay.metadata)
    assert intake.header_from == "office@club.example"
    assert intake.from_count == 1
    assert intake.controls.idempotency_key == "key"
    assert squeezed(intake.subject) == squeezed(subject)
    assert squeezed(intake.controls.customer) == squeezed(customer[:100])
    assert squeezed(intake.controls.metadata.get("k", "")) == squeezed(value)


def squeezed(text: str) -> str:
    """White space may be folded."""
    return "".join(text.split())


@pytest.mark.parametrize(
    "more",
    [
        {"subject": "a\r\nBcc: x@example.org"},
        {"subject": "a\nb"},
        {"subject": "a\u2028b"},
        {"to": [{"address": "ann@example.org\r\nBcc: x@example.org"}]},
        {"to": [{"address": "ann@example.org", "name": "a\nb"}]},
        {"to": [{"address": "ann@example.org, bob@example.org"}]},
        {"to": [{"address": "ann"}]},
        {"to": []},
        {"headers": {"Bcc": "x@example.org"}},
        {"headers": {"DKIM-Signature": "x"}},
        {"headers": {"Received": "x"}},
        {"headers": {"Return-Path": "x"}},
        {"headers": {"From": "x"}},
        {"headers": {"X-A": "a\r\nBcc: x@example.org"}},
        {"headers": {"X-A: b\r\nBcc": "x"}},
        {"tags": ["a\nb"]},
        {"metadata": {"a b": "c"}},
        {"metadata": {"a": "b\nc"}},
        {"customer": "a\rb"},
        {"text": "a\0b"},
        {"attachments": [{"filename": "a\nb", "content": ""}]},
        {"attachments": [{"filename": "a", "content": "?"}]},
        {"attachments": [{"filename": "a", "content": "", "content_type": "message/rfc822"}]},
        {"attachments": [{"filename": "a", "content": "", "content_type": "text/plain\r\nX: y"}]},
        {"priority": 1},
    ],
)
def test_what_would_bring_a_header_is_refused(more: dict[str, Any]) -> None:
    """No value with a line end, no field that is ours or the envelope's, no name that is not known (W10)."""
    with pytest.raises(ValidationError):
        mail(**more)

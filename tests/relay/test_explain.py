"""relay/explain.py: what a reply or a report says, for people and for programs."""

import json
import os
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from relay.explain import explain_as_json, explain_as_text, inspect_as_json, inspect_as_text
from tests.bounce.mails import block, multipart, status, words

REPLY = "550 5.1.1 User unknown"


def bounce_in(folder: Path) -> Path:
    path = folder / "bounce.eml"
    path.write_bytes(multipart(words("x"), status(block("ann@customer.example", diagnostic=REPLY))))
    return path


def test_a_reply_is_told_in_three_lines() -> None:
    """Reason and how lasting it is, what to do, and the rule, so that one can argue with it."""
    assert list(explain_as_text([REPLY])) == [
        "no_such_user (for good): This email address does not exist.",
        "  What to do: Check the address for typing errors, or ask them for another one.",
        "  Rule: user-unknown",
    ]


def test_a_reply_that_no_rule_knows_is_said_to_be_such() -> None:
    """No line ends in nothing."""
    assert list(explain_as_text(["hello"]))[-1] == "  Rule: none fits"


def test_each_reply_gets_one_object() -> None:
    """In the order given, letters of all languages as they are."""
    told = [json.loads(line) for line in explain_as_json([REPLY, "452 4.2.2 mailbox full"])]
    assert [one["reason"] for one in told] == ["no_such_user", "mailbox_full"]
    assert set(told[0]) == {"reason", "permanent", "status", "rule"}


def test_a_report_is_told_with_its_recipients(tmp_path: Path) -> None:
    """What the file is; for each recipient action, reason, sentence, the server's words and the rule."""
    path = bounce_in(tmp_path)
    assert list(inspect_as_text([path])) == [
        f"{path}: bounce",
        "  ann@customer.example: failed, no_such_user. This email address does not exist.",
        f"    It said: {REPLY}",
        "    Rule: user-unknown",
    ]


def test_a_file_that_cannot_be_read_is_told_in_its_place(tmp_path: Path) -> None:
    """It is not called "not-a-bounce" to people: nobody read it."""
    missing = tmp_path / "missing.eml"
    assert list(inspect_as_text([missing, bounce_in(tmp_path)]))[:2] == [
        f"{missing}: No such file or directory",
        f"{tmp_path / 'bounce.eml'}: bounce",
    ]


def test_files_as_objects(tmp_path: Path) -> None:
    """One line of JSON for each, also where one cannot be read."""
    lines = list(inspect_as_json([bounce_in(tmp_path), tmp_path / "missing.eml"]))
    assert [json.loads(line)["kind"] for line in lines] == ["bounce", "not-a-bounce"]


def test_a_name_cannot_steer_the_terminal(tmp_path: Path) -> None:
    """Names of files come from strangers too."""
    path = tmp_path / "a\x1b[2J.eml"
    path.write_bytes(b"Subject: hello\r\n\r\nhello\r\n")
    assert "\x1b" not in "".join(inspect_as_text([path]))


@given(st.text(max_size=200))
def test_whatever_a_reply_says_it_is_explained(reply: str) -> None:
    """No exception, no line that holds two."""
    for line in [*explain_as_text([reply]), *explain_as_json([reply])]:
        assert line
        assert "\n" not in line


def test_a_file_name_that_is_no_text_comes_back_exactly(tmp_path: Path) -> None:
    """Its octets can be had from the JSON: os.fsencode gives them."""
    name = os.fsdecode(os.fsencode(tmp_path) + b"/r\xe9ponse.eml")
    (line,) = inspect_as_json([Path(name)])
    assert line.isascii()
    assert json.loads(line)["file"] == name

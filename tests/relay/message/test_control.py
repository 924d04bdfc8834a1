"""Tests of relay/message/control.py and control_values.py."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from relay.message import header as headers
from relay.message.control import Controls, is_control, read_controls
from relay.settings import MetadataSettings
from store.nouns import TrackingMode

OFF = TrackingMode.OFF


def read(raw: bytes, settings: MetadataSettings | None = None) -> Controls:
    return read_controls(raw, headers.scan(raw), settings or MetadataSettings())


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        (b"From: a\r\n\r\nX-Homing-Customer: 1\r\n", Controls()),
        (b"X-Homing-Customer: 4711\r\nx-homing-invoice: R-1\r\n", Controls(customer="4711", invoice="R-1")),
        (b"X-HOMING-CUSTOMER:\r\n  =?utf-8?q?M=C3=BCller?=\r\n", Controls(customer="Müller")),
        (b"X-Homing-Tag: a\r\nX-Homing-Tag: b\r\nX-Homing-Tag: a\r\n", Controls(tags=("a", "b"))),
        (b"X-Homing-Metadata-Color: red\r\n", Controls(metadata={"color": "red"})),
        (
            b"X-Homing-Metadata-Customer: 7\r\nX-Homing-Metadata-Invoice-ID: 8\r\n",
            Controls(customer="7", invoice="8", metadata={"customer": "7", "invoice-id": "8"}),
        ),
        (
            b"X-Homing-Metadata-Customer: 7\r\nX-Homing-Customer: 9\r\n",
            Controls(customer="9", metadata={"customer": "7"}),
        ),
        (b"X-Homing-Track: no\r\n", Controls(track=OFF)),
        (b"X-Homing-Track: Count\r\n", Controls(track=TrackingMode.COUNT)),
        (b"X-Homing-Track: full\r\nX-Homing-Track: verdict\r\n", Controls(track=TrackingMode.VERDICT)),
        (b"X-Homing-Idempotency-Key: abc\r\n", Controls(idempotency_key="abc")),
        (b"X-Homing-Ignore-Suppression: yes\r\n", Controls(ignore_suppression=True)),
        (b"X-Homing-Ignore-Suppression: no\r\n", Controls()),
        # Postmark
        (
            b"X-PM-Tag: welcome\r\nX-PM-Metadata-customer_id: 5\r\nX-PM-TrackOpens: false\r\nX-PM-TrackLinks: None\r\n",
            Controls(customer="5", tags=("welcome",), metadata={"customer_id": "5"}, track=OFF),
        ),
        (b"X-PM-TrackOpens: true\r\nX-PM-Message-Stream: outbound\r\n", Controls()),
        # Mailgun
        (
            (
                b'X-Mailgun-Tag: a\r\nX-Mailgun-Tag: b\r\nX-Mailgun-Variables: {"invoice": 12,\r\n "x": "y"}\r\n'
                b'X-Mailgun-Variables: {"z": 10.50}\r\nX-Mailgun-Track: yes\r\nX-Mailgun-Track-Opens: no\r\n'
            ),
            Controls(invoice="12", tags=("a", "b"), metadata={"invoice": "12", "x": "y", "z": "10.50"}, track=OFF),
        ),
        (b"X-Mailgun-Track: htmlonly\r\nX-Mailgun-Track-Clicks: no\r\n", Controls()),
        # SendGrid
        (
            (
                b'X-SMTPAPI: {"category": ["a", "b"], "unique_args": {"customer": "7", "t": true, "n": null},\r\n'
                b' "filters": {"opentrack": {"settings": {"enable": 0}}}}\r\n'
            ),
            Controls(customer="7", tags=("a", "b"), metadata={"customer": "7", "t": "true"}, track=OFF),
        ),
        (b'X-SMTPAPI: {"category": "one"}\r\n', Controls(tags=("one",))),
        (b'X-SMTPAPI: {"filters": {"opentrack": {"settings": {"enable": 1}}}}\r\n', Controls()),
        # SES
        (
            b"X-SES-MESSAGE-TAGS: invoice=3, b=d\r\nX-SES-CONFIGURATION-SET: x\r\n",
            Controls(invoice="3", metadata={"invoice": "3", "b": "d"}),
        ),
        # SparkPost
        (
            (
                b'X-MSYS-API: {"campaign_id": "c", "tags": ["t"], "metadata": {"k": {"a": [1]}},\r\n'
                b' "options": {"open_tracking": false}}\r\n'
            ),
            Controls(tags=("c", "t"), metadata={"k": '{"a":[1]}'}, track=OFF),
        ),
        # Mailtrap
        (
            b'X-MT-Category: news\r\nX-MT-Custom-Variables: {"a": "b"}\r\n',
            Controls(tags=("news",), metadata={"a": "b"}),
        ),
        # Mandrill
        (
            b'X-MC-Tags: a, b\r\nX-MC-Metadata: {"customer": "1"}\r\nX-MC-Track: clicks\r\n',
            Controls(customer="1", tags=("a", "b"), metadata={"customer": "1"}, track=OFF),
        ),
        (b"X-MC-Track: opens,clicks_all\r\n", Controls()),
        (b"X-MC-Track: none\r\n", Controls(track=OFF)),
        # Postal
        (b"X-Postal-Tag: p\r\nX-AMP: skip\r\n", Controls(tags=("p",), track=OFF)),
        # all at once: tags add up, the strictest tracking wins
        (
            b"X-PM-Tag: a\r\nX-Homing-Tag: b\r\nX-Homing-Track: full\r\nX-AMP: skip\r\n",
            Controls(tags=("a", "b"), track=OFF),
        ),
    ],
)
def test_what_headers_say(raw: bytes, expected: Controls) -> None:
    """Each family's headers are read in any case, unfolded and decoded, and add up."""
    assert read(raw) == expected


@pytest.mark.parametrize(
    ("raw", "warning"),
    [
        (b"X-Homing-Track: maybe\r\n", "X-Homing-Track takes no, off, count, verdict or full"),
        (b"x-homing-track:\r\n", "x-homing-track takes no, off, count, verdict or full"),
        (b"X-Homing-Customer:\r\n", "X-Homing-Customer was not taken: it has 1 to 255 characters"),
        (b"X-Homing-Invoice: " + b"1" * 256, "X-Homing-Invoice was not taken: it has 1 to 255 characters"),
        (b"X-Homing-Tag: \r\n", "X-Homing-Tag was not taken: a tag has 1 to 255 characters"),
        (b"X-Homing-Metadata-: x\r\n",
         "X-Homing-Metadata- was not taken: a key has 1 to 128 characters, a value up to 2000"),
        (b"X-Homing-Ignore-Suppression: sure\r\n", "X-Homing-Ignore-Suppression takes yes or no"),
        (b"X-Homing-Custmer: 1\r\n", "X-Homing-Custmer is not a header that Homing knows"),
        (b"X-PM-TrackOpens: perhaps\r\n", "X-PM-TrackOpens takes yes or no"),
        (b"X-Mailgun-Variables: {broken\r\n", "X-Mailgun-Variables is not a JSON object"),
        (b"X-Mailgun-Variables: [1]\r\n", "X-Mailgun-Variables is not a JSON object"),
        (b"X-Mailgun-Variables: " + b'{"a":' * 20_000 + b"\r\n", "X-Mailgun-Variables is not a JSON object"),
        (b'X-Mailgun-Variables: {"a": NaN}\r\n', "X-Mailgun-Variables is not a JSON object"),
        (b'X-Mailgun-Variables: {"a": ' + b"9" * 5000 + b"}\r\n", "X-Mailgun-Variables is not a JSON object"),
        (b"X-Mailgun-Drop-Message: yes\r\n", "X-Mailgun-Drop-Message has no effect here: the mail is sent"),
        (b"X-SMTPAPI: \r\n", "X-SMTPAPI is not a JSON object"),
        (b'X-SMTPAPI: {"to": ["a@b"]}\r\n', 'X-SMTPAPI has "to", which has no effect here'),
        (b'X-SMTPAPI: {"unique_args": [1]}\r\n',
         "X-SMTPAPI holds something else than a JSON object where names and values belong"),
        (b'X-SMTPAPI: {"filters": {"opentrack": {"settings": {"enable": 7}}}}\r\n', "X-SMTPAPI takes yes or no"),
        (b"X-SES-MESSAGE-TAGS: a\r\n", "X-SES-MESSAGE-TAGS takes name=value pairs with commas between"),
        (b'X-MC-Metadata: {"_rcpt": "a@b", "x": 1}\r\n',
         "X-MC-Metadata was not taken: it is for one recipient, and metadata here belongs to the message"),
        (b"X-MC-Track: everything\r\n", "X-MC-Track takes opens, clicks_all, clicks_htmlonly, clicks_textonly or none"),
        (b"X-AMP: on\r\n", "X-AMP takes skip"),
    ],
)  # fmt: skip
def test_wrong_values_become_warnings(raw: bytes, warning: str) -> None:
    """A wrong value has no effect but a warning in plain words that names the header as it was written."""
    found = read(raw)
    assert found.warnings == (warning,)
    assert found == Controls(warnings=found.warnings)


def test_the_first_of_two_counts() -> None:
    """Where two contradict each other the first one counts, and a warning says so."""
    found = read(b'X-Homing-Customer: 1\r\nX-Homing-Customer: 2\r\nX-SMTPAPI: {"category": "a"}\r\nX-SMTPAPI: {}\r\n')
    assert (found.customer, found.tags) == ("1", ("a",))
    assert found.warnings == (
        "X-Homing-Customer stands more than once with different values: the first one counts",
        "X-SMTPAPI stands more than once: the first one counts",
    )


def test_settings_say_what_the_keys_mean() -> None:
    """Configuration names the metadata keys of customer and invoice; the first of its names that is there counts."""
    settings = MetadataSettings(customer=("club", "member"), invoice=("Bill",))
    found = read(b'X-MT-Custom-Variables: {"member": "m", "club": "c", "BILL": "b"}\r\n', settings)
    assert (found.customer, found.invoice) == ("c", "b")


@pytest.mark.parametrize("count", [100, 101])
def test_metadata_at_the_limit_and_one_past_it(count: int) -> None:
    """A mail has up to a hundred metadata values and a hundred tags."""
    raw = b"".join(b"X-Homing-Metadata-%d: x\r\nX-Homing-Tag: %d\r\n" % (n, n) for n in range(count))
    found = read(raw)
    assert (len(found.metadata), len(found.tags)) == (100, 100)
    assert len(found.warnings) == (0 if count == 100 else 2)


def test_values_hide_no_control_characters() -> None:
    """Line ends that hide in encoded words and JSON escapes become blanks, lone surrogates a replacement."""
    found = read(b'X-Homing-Customer: =?utf-8?q?a=0D=0Ab?=\r\nX-MT-Custom-Variables: {"k\\n": "\\ud800\\u0000x"}\r\n')
    assert found.customer == "a  b"
    assert found.metadata == {"k": "\ufffd x"}


@pytest.mark.parametrize(
    ("name", "control"),
    [("x-homing-anything", True), ("x-pm-x", True), ("x-smtpapi", True), ("x-amp", True), ("x-smtpapi2", False),
     ("x-ample", False), ("x-mailer", False), ("subject", False), ("x-postal", False)],
)  # fmt: skip
def test_what_is_a_control_header(name: str, control: bool) -> None:  # noqa: FBT001 - a table
    """Our prefix and the eight families are control headers, and nothing that only looks alike."""
    assert is_control(name) is control


NAMES = st.sampled_from(
    [b"X-Homing-Customer", b"X-Homing-Track", b"X-Homing-Metadata-a", b"X-SMTPAPI", b"X-MSYS-API", b"X-MC-Metadata",
     b"X-MC-Track", b"X-Mailgun-Variables", b"X-SES-MESSAGE-TAGS", b"X-MT-Custom-Variables", b"X-AMP"]
)  # fmt: skip
VALUES = st.one_of(
    st.binary(max_size=60),
    st.recursive(
        st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=5)),
        lambda inner: st.one_of(
            st.lists(inner, max_size=3),
            st.dictionaries(
                st.sampled_from(
                    ["filters", "opentrack", "settings", "enable", "options", "metadata", "unique_args", "tags"]
                ),
                inner,
                max_size=4,
            ),
        ),
        max_leaves=8,
    ).map(lambda value: json.dumps(value).encode()),
)


@given(st.lists(st.tuples(NAMES, VALUES), max_size=5))
def test_any_values(said: list[tuple[bytes, bytes]]) -> None:
    """Whatever the values: no exception, and text that a store can keep."""
    raw = b"".join(name + b": " + value.translate(None, b"\r\n") + b"\r\n" for name, value in said)
    found = read(raw)
    for text in (found.customer, *found.tags, *found.metadata, *found.metadata.values(), *found.warnings):
        assert text.encode("utf-8").isascii() or text
        assert "\n" not in text
        assert "\0" not in text

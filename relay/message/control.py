"""
Control headers: what the application says about a mail, in our fields and in those of eight other services.

All are applied and then removed from the copies. A wrong value never refuses a mail; it becomes a warning in plain
words that names the header.

Pure: no I/O, no clock, no chance.
"""

from collections.abc import Callable
from dataclasses import field

from relay.message import header as headers
from relay.message.control_values import (
    comma_list,
    json_object,
    metadata_values,
    name_value_pairs,
    strings,
    switch,
)
from relay.message.header import Header
from relay.settings import MetadataSettings
from store.nouns import TrackingMode
from store.plain import dataclass

MAX_ID = 255  # characters of a customer, an invoice, a tag, an idempotency key
MAX_KEY = 128
MAX_VALUE = 2_000
MAX_TAGS = 100
MAX_METADATA = 100
_MAX_WARNINGS = 50

_FAMILIES = ("x-homing-", "x-pm-", "x-mailgun-", "x-ses-", "x-mt-", "x-mc-", "x-postal-")
_SINGLE = frozenset({"x-smtpapi", "x-msys-api", "x-amp"})

# Fields of other services that ask for something Homing does not do: worth a word, because the sender expects it.
_NOT_DONE = {
    "x-mailgun-drop-message": "the mail is sent",
    "x-mailgun-deliver-by": "the mail is sent now",
    "x-mailgun-recipient-variables": "nothing is filled in",
    "x-mailgun-template-variables": "nothing is filled in",
    "x-mailgun-template-name": "no template is used",
    "x-mc-sendat": "the mail is sent now",
    "x-mc-template": "no template is used",
    "x-mc-mergevars": "nothing is filled in",
}
_STRICTNESS = tuple(TrackingMode)  # from strictest to loosest, as store.nouns says


@dataclass(frozen=True, slots=True, kw_only=True)
class Controls:
    """What the control headers of one mail say."""

    customer: str = ""
    invoice: str = ""
    tags: tuple[str, ...] = ()
    metadata: dict[str, str] = field(default_factory=dict)
    track: TrackingMode | None = None  # the strictest that was asked for; None: nothing was said
    idempotency_key: str = ""
    ignore_suppression: bool = False
    warnings: tuple[str, ...] = ()


def is_control(name: str) -> bool:
    """Whether a field of this (lower case) name is a control header, and so is removed from the copies."""
    return name[:2] == "x-" and (name.startswith(_FAMILIES) or name in _SINGLE)


def read_controls(raw: bytes, header: Header, settings: MetadataSettings) -> Controls:
    """Read all control headers of a mail's top header. Never raises, whatever their values."""
    controls = [entry for entry in header.fields if is_control(entry[0])]
    if not controls:
        return Controls()
    reading = _Reading(settings)
    for entry in controls:
        reading.take(entry.name, _shown_name(raw, entry), headers.text(raw, entry))
    return reading.result()


def _shown_name(raw: bytes, entry: headers.Field) -> str:
    name = raw[entry.start : entry.value_start].rstrip(b": \t")
    return name.decode("ascii", "replace")[:80]


class _Reading:
    """What has been read so far. The methods in ``_TAKE`` take one field each."""

    def __init__(self, settings: MetadataSettings) -> None:
        self._settings = settings
        self._seen: set[str] = set()
        self._single: dict[str, str] = {}  # customer, invoice, idempotency key: the first one said counts
        self._tags: dict[str, None] = {}
        self._metadata: dict[str, str] = {}
        self._track: TrackingMode | None = None
        self._ignore_suppression = False
        self._warnings: list[str] = []
        self._shown = ""

    def result(self) -> Controls:
        keyed = {key.lower(): value for key, value in reversed(self._metadata.items())}
        return Controls(
            customer=self._single.get("customer") or self._id_among(keyed, self._settings.customer),
            invoice=self._single.get("invoice") or self._id_among(keyed, self._settings.invoice),
            tags=tuple(self._tags),
            metadata=self._metadata,
            track=self._track,
            idempotency_key=self._single.get("key", ""),
            ignore_suppression=self._ignore_suppression,
            warnings=tuple(self._warnings[:_MAX_WARNINGS]),
        )

    def take(self, name: str, shown: str, value: str) -> None:
        """Apply one field; ``name`` is in lower case, ``shown`` as the sender wrote it."""
        self._shown = shown
        if name in _NOT_DONE:
            self.warn(f"has no effect here: {_NOT_DONE[name]}")
        for prefix, length in _METADATA_PREFIXES.items():
            if name.startswith(prefix):
                self.add_metadata({name[length:]: value})
        taker = _TAKE.get(name)
        if taker is not None:
            taker(self, value)
        elif name.startswith("x-homing-") and not name.startswith("x-homing-metadata-"):
            self.warn("is not a header that Homing knows")
        self._seen.add(name)

    def warn(self, what: str) -> None:
        self._warnings.append(f"{self._shown} {what}")

    def add_metadata(self, pairs: dict[str, str]) -> None:
        for key, value in pairs.items():
            if not key or len(key) > MAX_KEY or len(value) > MAX_VALUE:
                self.warn(f"was not taken: a key has 1 to {MAX_KEY} characters, a value up to {MAX_VALUE}")
            elif len(self._metadata) >= MAX_METADATA and key not in self._metadata:
                self.warn(f"was not taken: there are more than {MAX_METADATA} values")
            else:
                self._metadata[key] = value

    def add_tags(self, tags: list[str]) -> None:
        for tag in tags:
            if not tag or len(tag) > MAX_ID:
                self.warn(f"was not taken: a tag has 1 to {MAX_ID} characters")
            elif len(self._tags) >= MAX_TAGS and tag not in self._tags:
                self.warn(f"was not taken: there are more than {MAX_TAGS} tags")
            else:
                self._tags[tag] = None

    def track(self, mode: TrackingMode) -> None:
        """The strictest wins."""
        self._track = min(self._track or mode, mode, key=_STRICTNESS.index)

    def no_tracking(self, *, unless: bool | None) -> None:
        """Take a switch: None is a value that says neither yes nor no."""
        if unless is None:
            self.warn("takes yes or no")
        elif not unless:
            self.track(TrackingMode.OFF)

    def single(self, what: str, value: str) -> None:
        if not value or len(value) > MAX_ID:
            self.warn(f"was not taken: it has 1 to {MAX_ID} characters")
        elif self._single.setdefault(what, value) != value:
            self.warn("stands more than once with different values: the first one counts")

    def first_only(self, name: str) -> bool:
        """Whether this is the first field of a name that may stand once."""
        if name in self._seen:
            self.warn("stands more than once: the first one counts")
        return name not in self._seen

    def json(self, value: str) -> dict[str, object]:
        """Read a JSON object; {} with a warning when it is none."""
        found = json_object(value)
        if found is None:
            self.warn("is not a JSON object")
        return found or {}

    def json_metadata(self, value: object) -> None:
        """Take the members of a JSON object as metadata."""
        if isinstance(value, dict):
            self.add_metadata(metadata_values(value))
        elif value is not None:
            self.warn("holds something else than a JSON object where names and values belong")

    def ignore_suppression(self, value: str) -> None:
        wanted = switch(value)
        if wanted is None:
            self.warn("takes yes or no")
        self._ignore_suppression |= bool(wanted)

    def _id_among(self, keyed: dict[str, str], names: tuple[str, ...]) -> str:
        value = next((keyed[name.lower()] for name in names if keyed.get(name.lower())), "")
        return value if len(value) <= MAX_ID else ""


def _homing_track(reading: _Reading, value: str) -> None:
    word = value.strip().lower()
    mode = TrackingMode.OFF if word == "no" else next((m for m in TrackingMode if m.value == word), None)
    if mode is None:
        reading.warn("takes no, off, count, verdict or full")
    else:
        reading.track(mode)


def _smtpapi(reading: _Reading, value: str) -> None:
    """SendGrid's; only the first field counts there too."""
    if not reading.first_only("x-smtpapi"):
        return
    said = reading.json(value)
    reading.add_tags(strings(said.get("category")))
    reading.json_metadata(said.get("unique_args"))
    enabled = said
    for key in ("filters", "opentrack", "settings"):
        inner = enabled.get(key)
        enabled = inner if isinstance(inner, dict) else {}
    if "enable" in enabled:
        reading.no_tracking(unless=switch(enabled["enable"]))
    for key in ("to", "sub", "section", "send_at", "send_each_at"):
        if said.get(key):
            reading.warn(f'has "{key}", which has no effect here')


def _msys(reading: _Reading, value: str) -> None:
    """SparkPost's."""
    said = reading.json(value)
    reading.add_tags(strings(said.get("campaign_id")) + strings(said.get("tags")))
    reading.json_metadata(said.get("metadata"))
    options = said.get("options")
    options = options if isinstance(options, dict) else {}
    if "open_tracking" in options:
        reading.no_tracking(unless=switch(options["open_tracking"]))
    for key in ("sandbox", "skip_suppression", "start_time"):
        if options.get(key):
            reading.warn(f'has "{key}", which has no effect here')


def _ses_tags(reading: _Reading, value: str) -> None:
    pairs = name_value_pairs(value)
    if pairs is None:
        reading.warn("takes name=value pairs with commas between")
    reading.add_metadata(pairs or {})


def _mandrill_metadata(reading: _Reading, value: str) -> None:
    said = reading.json(value)
    if "_rcpt" in said:
        reading.warn("was not taken: it is for one recipient, and metadata here belongs to the message")
    else:
        reading.json_metadata(said)


def _mandrill_track(reading: _Reading, value: str) -> None:
    known = {"opens", "clicks", "clicks_all", "clicks_htmlonly", "clicks_textonly", "none", "no", "false", ""}
    words = {word.lower() for word in comma_list(value)} or {""}
    if words <= known:
        reading.no_tracking(unless="opens" in words)
    else:
        reading.warn("takes opens, clicks_all, clicks_htmlonly, clicks_textonly or none")


def _mailgun_track(reading: _Reading, value: str) -> None:
    reading.no_tracking(unless=True if value.strip().lower() == "htmlonly" else switch(value))


def _amp(reading: _Reading, value: str) -> None:
    """Postal's."""
    if "skip" in [word.lower() for word in comma_list(value)]:
        reading.track(TrackingMode.OFF)
    else:
        reading.warn("takes skip")


_METADATA_PREFIXES = {prefix: len(prefix) for prefix in ("x-homing-metadata-", "x-pm-metadata-")}

_TAKE: dict[str, Callable[[_Reading, str], None]] = {
    "x-homing-customer": lambda reading, value: reading.single("customer", value),
    "x-homing-invoice": lambda reading, value: reading.single("invoice", value),
    "x-homing-tag": lambda reading, value: reading.add_tags([value]),
    "x-homing-track": _homing_track,
    "x-homing-idempotency-key": lambda reading, value: reading.single("key", value),
    "x-homing-ignore-suppression": lambda reading, value: reading.ignore_suppression(value),
    "x-pm-tag": lambda reading, value: reading.add_tags([value]),
    "x-pm-trackopens": lambda reading, value: reading.no_tracking(unless=switch(value)),
    "x-mailgun-tag": lambda reading, value: reading.add_tags([value]),
    "x-mailgun-variables": lambda reading, value: reading.json_metadata(reading.json(value)),
    "x-mailgun-track": _mailgun_track,
    "x-mailgun-track-opens": _mailgun_track,
    "x-smtpapi": _smtpapi,
    "x-ses-message-tags": _ses_tags,
    "x-msys-api": _msys,
    "x-mt-category": lambda reading, value: reading.add_tags([value]),
    "x-mt-custom-variables": lambda reading, value: reading.json_metadata(reading.json(value)),
    "x-mc-tags": lambda reading, value: reading.add_tags(comma_list(value)),
    "x-mc-metadata": _mandrill_metadata,
    "x-mc-track": _mandrill_track,
    "x-postal-tag": lambda reading, value: reading.add_tags([value]),
    "x-amp": _amp,
}

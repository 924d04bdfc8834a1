"""
Read delivery status notifications (RFC 3464; RFC 6533 for internationalised ones).

Misspelt and folded field names, blank lines in the midst of a block, values outside the grammar are taken for what
they mean. Who a report is about is not decided here, see ``bounce/consequence.py``.

Pure: no I/O, no clock, no chance.
"""

import re
from dataclasses import dataclass, field

from bounce import addresses_in
from bounce.classify import Finding, classify_texts
from bounce.material import Material, without_fields
from bounce.mime import decode_words
from bounce.reported import MAX_RECIPIENTS, ReportedRecipient
from store.nouns import Reason, Status

_NAME = re.compile(r"[ \t>|]{0,8}([A-Za-z][A-Za-z0-9 -]{1,40}?)[ \t]{0,8}:")
# A name that was folded like a value: "Final-", and "Recipient: ..." on the next line.
_FOLDED_NAME = re.compile(
    r"^([A-Za-z]{3,12}-(?:[A-Za-z]{3,12})?)[ \t]{0,4}\n[ \t]{1,8}(?=[A-Za-z]{0,12}[ \t]{0,4}:)", re.MULTILINE
)
_LETTERS = re.compile(r"[^a-z]")
_STATUS = re.compile(r"([245])\.([0-9]{1,3})\.([0-9]{1,3})")
_RECIPIENT_FIELDS = frozenset(
    {"finalrecipient", "originalrecipient", "xactualrecipient", "finalreceipient", "originalreceipient"}
)
_ONCE = frozenset({"finalrecipient", "originalrecipient", "action"})  # a second one begins another block
_LINES = 5_000
_VALUE = 4_000  # characters of a field
_OPENING = _RECIPIENT_FIELDS | {"action", "status", "diagnosticcode"}
# How an Action field may begin, and which action of RFC 3464 section 2.3.3 it means.
_ACTIONS = {
    **dict.fromkeys(("fail", "error", "expire", "bounce", "reject", "undeliver", "permanent"), "failed"),
    **dict.fromkeys(("delay", "defer", "warn", "retry", "transient"), "delayed"),
    **dict.fromkeys(("deliver", "success", "complete", "displayed"), "delivered"),
    **dict.fromkeys(("relay", "forward"), "relayed"),
    "expand": "expanded",
}


# Exit codes of a mailer (sysexits.h), as Sendmail writes them behind "X-Unix;".
_EXITS = {
    "65": "data format error",
    "67": "user unknown",
    "68": "host unknown",
    "69": "service unavailable",
    "70": "internal software error",
    "71": "operating system error",
    "72": "critical system file missing",
    "73": "can't create output",
    "74": "input/output error",
    "75": "temporary failure",
    "76": "remote protocol error",
    "77": "permission denied by the mailer program",
    "78": "local configuration error",
    "255": "mailer program failed",
}


@dataclass(slots=True)
class Block:
    """One per-recipient block: names without hyphens and case, each value of a name in order."""

    fields: dict[str, str] = field(default_factory=dict)

    def get(self, *names: str) -> str:
        """Give the first of these fields that is there and not empty."""
        return next((value for name in names if (value := self.fields.get(name, ""))), "")


def read_dsn(material: Material) -> list[ReportedRecipient]:
    """Read all recipients of a report; none when its status parts name none."""
    found: list[ReportedRecipient] = []
    seen: dict[tuple[str, str], int] = {}
    blocks = [block for text in material.statuses for block in recipient_blocks(text)]
    for block in blocks[: MAX_RECIPIENTS * 2]:
        entry = _entry(block, material, only=len(blocks) == 1)
        place = seen.setdefault((addresses_in.key(entry.address), entry.action), len(found))
        if place == len(found) and len(found) < MAX_RECIPIENTS:
            found.append(entry)
    return found


def recipient_blocks(text: str) -> list[Block]:
    """Split the text of a status part into its per-recipient blocks (RFC 3464 section 2.1)."""
    reader = _BlockReader()
    text = _FOLDED_NAME.sub(r"\1", text)
    for line in text.split("\n", _LINES)[:_LINES]:
        reader.take(line)
    return reader.end()


class _BlockReader:
    """Reads the lines of a status part one by one."""

    def __init__(self) -> None:
        self._blocks: list[Block] = []
        self._block = Block()
        self._last = ""  # name of the field that a folded line goes on with

    def take(self, line: str) -> None:
        """Take one line."""
        if not line.strip():
            self._blank()
            return
        match = _NAME.match(line)
        folded = line[:1] in (" ", "\t") and not _known_field(line)
        if self._last and (folded or match is None):  # without its blank it is a fold that lost it on the way
            value = self._block.fields[self._last] + " " + line.strip()[:1_000]
            self._block.fields[self._last] = value.lstrip()[:_VALUE]
        elif match is not None:
            self._field(_LETTERS.sub("", match[1].lower()), line[match.end() :].strip()[:_VALUE])

    def end(self) -> list[Block]:
        """Give the blocks that tell of a recipient."""
        rest = self._block.fields
        if _names_recipient(self._block) or (_OPENING & rest.keys() and not self._blocks):
            self._blocks.append(self._block)
        elif self._blocks:  # Diagnostic-Code behind a blank line
            for name in _OPENING & rest.keys():
                self._blocks[-1].fields.setdefault(name, rest[name])
        return [b for b in self._blocks if _names_recipient(b) or b.get("action", "status", "diagnosticcode")]

    def _blank(self) -> None:
        self._last = ""
        if _names_recipient(self._block):
            self._close()
        elif not _OPENING & self._block.fields.keys():
            self._block = Block()  # the per-message fields

    def _field(self, name: str, value: str) -> None:
        if name in self._block.fields and name in _ONCE and _names_recipient(self._block):
            self._close()  # the blank line between two blocks is missing
        self._last = name
        if not self._block.fields.get(name):
            self._block.fields[name] = value

    def _close(self) -> None:
        self._blocks.append(self._block)
        self._block = Block()


def _known_field(line: str) -> bool:
    match = _NAME.match(line.lstrip())
    return bool(match and _LETTERS.sub("", match[1].lower()) in _OPENING)


def _names_recipient(block: Block) -> bool:
    return bool(_RECIPIENT_FIELDS & block.fields.keys())


def action_of(value: str, status: Status | None) -> str:
    """Read an Action field however it is spelt; without one the class of the status decides."""
    word = value.strip().lower().partition("(")[0].strip()
    for stem, action in _ACTIONS.items():
        if word.startswith(stem):
            return action
    return "delivered" if status is not None and status.category == 2 else "failed"


def _entry(block: Block, material: Material, *, only: bool) -> ReportedRecipient:
    original = addresses_in.xtext(addresses_in.from_field(block.get("originalrecipient", "originalreceipient")))
    final = addresses_in.from_field(block.get("finalrecipient", "finalreceipient", "xactualrecipient"))
    address = original if "@" in original and original.rpartition("@")[2] else final or original
    status_text = block.get("status")
    match = _STATUS.search(status_text)
    status = Status.parse(match[0]) if match else None
    action = action_of(block.get("action"), status)
    diagnostic = diagnostic_of(block)
    if "@" not in address:
        address = _from_text(address, material, only=only) or address
    if action in ("delivered", "relayed", "expanded"):
        return ReportedRecipient(
            address=address,
            action=action,
            status=str(status or ""),
            reason=Reason.DELIVERED,
            permanent=False,
            diagnostic=diagnostic,
            rule="",
        )
    around = near(material.text, {final, original, address})
    comment = status_text.partition("(")[2].rstrip(")") if "(" in status_text else ""
    finding = judge([diagnostic, comment, around], str(status or ""), action, block.get("remotemta"))
    if only and (not finding.rule or finding.reason is Reason.UNDETERMINED or _by_vague_status(finding, status)):
        around = material.words[:3_000]
        finding = judge([diagnostic, comment, around], str(status or ""), action, block.get("remotemta"))
    if block.get("action").strip().lower().startswith("expire") and finding.reason is Reason.UNDETERMINED:
        finding = Finding(Reason.EXPIRED, finding.permanent, finding.status, "action-expired")
    return ReportedRecipient(
        address=address,
        action=action,
        status=finding.status,
        reason=finding.reason,
        permanent=finding.permanent,
        diagnostic=diagnostic or around[:1_000],
        rule=finding.rule,
    )


def _by_vague_status(finding: Finding, status: Status | None) -> bool:
    """Whether only the class of a status spoke: then all the words of the report are worth a look."""
    return finding.by_codes and (status is None or status.detail == 0)


def judge(texts: list[str], status: str, action: str, remote: str = "") -> Finding:
    """Name the reason of one recipient: the quoted reply first, then the words around, then the codes."""
    host = remote.partition(";")[2].strip().partition(" ")[0]
    return classify_texts([text for text in texts if text.strip()], status=status, action=action, remote_host=host)


def diagnostic_of(block: Block) -> str:
    """Give the reply of a Diagnostic-Code field without its ``smtp;`` (RFC 3464 section 2.3.6)."""
    value = block.get(
        "diagnosticcode", "xdiagnosticcode", "diagnostic", "xsupplementaryinfo", "xpowermtabouncecategory"
    )
    kind, semicolon, rest = decode_words(value).partition(";")
    if semicolon and len(kind.strip()) < 30 and " " not in kind.strip():
        value = rest
        if kind.strip().lower() == "x-unix" and rest.strip() in _EXITS:
            value = _EXITS[rest.strip()]
    return " ".join(value.split())[:4_000]


def near(text: str, addresses: set[str]) -> str:
    """Give the words that a report has beside one of these addresses, ``""`` when none stands in it."""
    lines = text.split("\n")[:2_000]
    wanted = [addresses_in.key(a) for a in addresses if "@" in a]
    lowered = text.lower()
    wanted = [address for address in wanted if address in lowered]
    for n, line in enumerate(lines if wanted else ()):
        if any(a in line.lower() for a in wanted):
            taken = [line]
            for follow in lines[n + 1 : n + 12]:
                if not follow.strip() or ("@" in follow and not follow.startswith((" ", "\t"))):
                    break
                taken.append(follow)
            return " ".join(without_fields("\n".join(taken)).split())[:3_000]
    return ""


def _from_text(partial: str, material: Material, *, only: bool) -> str:
    """Find the whole address for a recipient field without a domain, or of another kind (X.400)."""
    found = [a.rstrip(".,") for a in addresses_in.IN_TEXT.findall(material.text[:20_000])]
    found = [a for a in found if addresses_in.plausible(a)]
    named = [a for a in found if partial and a.lower().startswith(partial.lower() + "@")]
    if named or not only or partial:
        return named[0] if named else ""
    ours = {addresses_in.key(addresses_in.clean(material.headers.get(name))) for name in ("to", "from")}
    others = [a for a in found if addresses_in.key(a) not in ours]
    return others[0] if others else ""

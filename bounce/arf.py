"""
Read complaints: abuse reports in ARF (RFC 5965) and the bare ones of Outlook.com.

"Not spam" reports and reports about failed authentication (RFC 6591, DMARC) use the same clothes and are no
complaints: they speak of no unwilling recipient.

Pure: no I/O, no clock, no chance.
"""

import re

from bounce import addresses_in
from bounce.material import Material
from bounce.mime import Headers
from bounce.reported import Report, ReportedRecipient
from store.nouns import Reason

_FIELD = re.compile(r"^[ \t]{0,4}([A-Za-z][A-Za-z-]{1,40})[ \t]{0,4}:[ \t]{0,8}([^\n]{0,500})", re.MULTILINE)
_NO_COMPLAINT = ("not-spam", "auth-failure", "dmarc", "dkim", "spf", "virus-free")
_REDACTED = re.compile(r"redacted|undisclosed|x{4,}|\*{2,}", re.IGNORECASE)
_OUTLOOK_SUBJECT = re.compile(r"\s{0,5}complaint about message from ", re.IGNORECASE)
# Where feedback loops leave the complainer, in the returned mail's header.
_RETURNED_NAMES = ("x-hmxmroriginalrecipient", "x-rcpt-to", "x-original-to", "delivered-to", "to", "cc")


def read_complaint(material: Material) -> Report | None:
    """Read a feedback report; None when this is none."""
    if material.feedbacks:
        return _read_feedback(material)
    returned = material.returned
    if returned is not None and (
        _OUTLOOK_SUBJECT.match(material.headers.decoded("subject"))
        or returned.has("x-hmxmroriginalrecipient")
        or material.report_type == "feedback-report"
    ):
        return Report("complaint", (_complaint(_from_returned(returned), "outlook"),))
    return None


def _read_feedback(material: Material) -> Report:
    fields: dict[str, list[str]] = {}
    for text in material.feedbacks:
        for match in _FIELD.finditer(text):
            fields.setdefault(match[1].lower(), []).append(match[2].strip())
    kind = (fields.get("feedback-type") or [""])[0].lower().strip()
    if (
        kind.startswith(_NO_COMPLAINT)
        or "auth-failure" in fields
        or (fields.get("identity-alignment") and kind != "abuse")
    ):
        return Report("not-a-bounce")
    named = [
        addresses_in.from_field(value)
        for name in ("original-rcpt-to", "removal-recipient", "final-recipient")
        for value in fields.get(name, ())
    ]
    addresses = list(dict.fromkeys(a for a in named if "@" in a and not _REDACTED.search(a)))
    if not addresses:
        addresses = [a for a in (_from_returned(material.returned), *named) if a][:1] or [""]
    return Report("complaint", tuple(_complaint(address, kind) for address in addresses[:100]))


def _from_returned(returned: Headers | None) -> str:
    if returned is None:
        return ""
    for name in _RETURNED_NAMES:
        for value in returned.all(name):
            found = addresses_in.IN_TEXT.findall(value)[:2]
            if found:
                return addresses_in.clean(found[0])
    return ""


def _complaint(address: str, kind: str) -> ReportedRecipient:
    return ReportedRecipient(
        address=address,
        action="",
        status="",
        reason=Reason.COMPLAINT,
        permanent=True,
        diagnostic=kind,
        rule="feedback-" + (re.sub(r"[^a-z-]", "", kind)[:30] or "report"),
    )

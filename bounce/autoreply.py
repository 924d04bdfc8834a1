"""
Name automatic replies: vacations, tickets, challenges (RFC 3834), and read receipts (RFC 8098).

They are recorded, never a bounce. What looks like one and says that the mail was refused (a Sieve "reject" comes as a
receipt, Exim marks its bounces as replied) is left to the readers of bounces.

Pure: no I/O, no clock, no chance.
"""

import re

from bounce import addresses_in
from bounce.dsn import recipient_blocks
from bounce.kinds import Evidence
from bounce.material import Material
from bounce.reported import Report, ReportedRecipient
from store.nouns import Reason

_REFUSED = re.compile(
    r"reject|refus|abgelehnt|rechazad|rifiutat|recusad|geweigerd|odrzucon|отклонен|拒否|拒绝", re.IGNORECASE
)


def automatic(material: Material, reason: Reason = Reason.AUTO_REPLY) -> Report:
    """Give the report of an automatic reply: it is about whoever it comes from."""
    sender = addresses_in.clean(material.headers.decoded("from"))
    return Report(
        "autoreply",
        (
            ReportedRecipient(
                address=sender,
                action="",
                status="",
                reason=reason,
                permanent=False,
                diagnostic=" ".join(material.headers.decoded("subject").split())[:500],
                rule="challenge" if reason is Reason.CHALLENGE_RESPONSE else "automatic-reply",
            ),
        ),
    )


def is_refusal(material: Material) -> bool:
    """Whether a receipt (RFC 8098) carries a refusal: Sieve's reject extension (RFC 5429 section 2.1.1)."""
    return bool(_REFUSED.search(material.headers.decoded("subject")) or _REFUSED.search(material.text[:2_000]))


def refused_address(material: Material) -> str:
    """Give the address whose filter refused, from the receipt's own fields."""
    for text in material.dispositions:
        for block in recipient_blocks(text):
            address = addresses_in.from_field(block.get("originalrecipient", "finalrecipient"))
            if "@" in address:
                return address
    return ""


def challenges(evidence: Evidence) -> bool:
    """Whether the words ask the sender to do something before the mail is let in."""
    return evidence.challenge >= 4

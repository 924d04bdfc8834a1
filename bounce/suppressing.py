"""
When a failure stops further mail to its address: ``reasons.md`` section 2 as code, and the whole of promise 8.

Promise 8: a reply that speaks of the sender (its IP, its reputation, its rate, its content) never suppresses an
address. Three locks hold it. Only reasons that are about the address stand in ``store/reasons.toml`` with a
suppression at all; a reply given before the other side knew the recipient cannot be about it, whatever its words; and
words that name the sender leave the address alone even where the classifier took them otherwise.

Pure: no I/O, no clock, no chance.
"""

import re

from store.changes import NewSuppression, RecipientFacts
from store.nouns import Phase, Reason
from store.reasons import REASONS

DAY = 86_400.0
FULL_MAILS = 3  # mails in a row that a full mailbox refused,
FULL_SECONDS = 14 * DAY  # over at least this time, suppress it

# RCPT TO names the recipient; what is said before it speaks of us, of the sender, or of the server itself.
_BEFORE_RECIPIENT = frozenset({Phase.CONNECT, Phase.TLS, Phase.GREETING, Phase.EHLO, Phase.AUTH, Phase.MAIL})

# "Sender address rejected: User unknown in local recipient table" is about us, and so are X.1.7 and X.1.8 (RFC 3463
# section 3.2). A label, as in "Original Sender: x" of a report's text, says nothing.
_OF_THE_SENDER = re.compile(r"\bsender(?:'s)?\b(?![:-])|\b[45]\.1\.[78]\b", re.IGNORECASE)


def suppression(
    facts: RecipientFacts,
    reason: Reason,
    *,
    permanent: bool,
    at: float,
    said: str = "",
    phase: Phase | None = None,
) -> NewSuppression | None:
    """
    Decide whether this failure suppresses the address, and until when.

    Args:
        facts: The recipient whose mail failed, with the history of its address.
        reason: What the classifier found.
        permanent: What the classifier found.
        at: Unix seconds, UTC: when it failed.
        said: The other side's words, as far as they are kept.
        phase: Where in the session it was said; None for a report.

    Returns:
        None where mail to the address goes on. Whether the evidence can be believed (a report after an open) is for
        the caller to judge.
    """
    if phase in _BEFORE_RECIPIENT or _OF_THE_SENDER.search(said):
        return None
    rule = REASONS[reason]
    if rule.suppress == "at_once" and permanent:
        wanted = True
    elif rule.suppress == "after_several":
        wanted = _full_for_long(facts, at)
    else:
        wanted = False
    if not wanted:
        return None
    return NewSuppression(
        address_key=facts.address_key,
        address=facts.forward_path,
        reason=reason,
        caused_by=facts.recipient_id,
        at=at,
        expires_at=None if rule.lifted_after is None else at + rule.lifted_after,
    )


def _full_for_long(facts: RecipientFacts, at: float) -> bool:
    """Whether this mail makes it FULL_MAILS in a row over FULL_SECONDS; the history holds the ones before it."""
    since = facts.history.full_since
    return since is not None and facts.history.full_mails + 1 >= FULL_MAILS and at - since >= FULL_SECONDS


def mistyped(facts: RecipientFacts, reason: Reason) -> bool | None:
    """
    Tell an address that no longer exists (False) from one that probably never did (True).

    On the wire both are 5.1.1; the difference is whether anything ever reached it. The mail that failed does not
    count as having reached it, though its server may have said 250 first; an open of it does.

    Returns:
        None for a reason that is not about an unknown user.
    """
    if reason is not Reason.NO_SUCH_USER:
        return None
    seen = facts.history.delivered_before or facts.history.opened_before or facts.opened_at is not None
    return not seen

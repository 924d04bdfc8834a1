"""
What becomes of a mail to a sandbox address: the local part says it.

Pure: no I/O, no clock, no chance.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from store.nouns import Reply


class Reaction(StrEnum):
    """What a recipient, or a server behind the first one, does after the mail was taken."""

    OPEN = "open"
    BOUNCE = "bounce"
    AUTO_REPLY = "auto_reply"
    COMPLAIN = "complain"


@dataclass(frozen=True, slots=True, kw_only=True)
class Later:
    """One reaction. ``agent`` is who loads the pixel; ``reply`` is what the server behind said of the mail."""

    reaction: Reaction
    seconds: float  # after the 250
    agent: str = ""
    reply: Reply | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Behaviour:
    """What becomes of a mail to one address."""

    rcpt: Reply | None = None  # refuses at RCPT
    data: Reply | None = None  # refuses behind the final dot
    tries: int | None = None  # so many tries are refused, then it is taken; None: each
    later: tuple[Later, ...] = ()


FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"
IPHONE = "Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Mobile/15E148"
APPLE = "Mozilla/5.0"
GMAIL = "Mozilla/5.0 (Windows NT 5.1; rv:11.0) Gecko Firefox/11.0 (via ggpht.com GoogleImageProxy)"
SCANNER = "Barracuda Sentinel (EE)"

GONE = Reply.make(550, "5.1.1", "Recipient address rejected: User unknown")
FULL = Reply.make(452, "4.2.2", "The mailbox is full, try again later")
FULL_FOR_GOOD = Reply.make(552, "5.2.2", "Mailbox full: the recipient is over quota")
TOO_LARGE = Reply.make(552, "5.3.4", "Message size exceeds the fixed limit of this mailbox")
SUSPENDED = Reply.make(550, "5.2.1", "The email account is disabled and does not take messages")
INVALID = Reply.make(553, "5.1.3", "The recipient address is not a valid RFC 5321 address")
GREYLISTED = Reply.make(451, "4.7.1", "Greylisted, please try again in a moment")
DEFERRED = Reply.make(451, "4.3.2", "The mail system is being maintained, try again later")
SPAM = Reply.make(550, "5.7.1", "Message rejected as spam by content filtering")


def opens(agent: str, seconds: float) -> Behaviour:
    """Somebody, or something, loads the pixel."""
    return Behaviour(later=(Later(reaction=Reaction.OPEN, seconds=seconds, agent=agent),))


PERSON_OPENS = opens(FIREFOX, 2.0)

# local part -> what becomes of it. Anybody else reads the mail after a moment.
BEHAVIOURS: Mapping[str, Behaviour] = {
    "gone": Behaviour(rcpt=GONE),
    "full": Behaviour(rcpt=FULL),
    "full-for-good": Behaviour(rcpt=FULL_FOR_GOOD),
    "toolarge": Behaviour(data=TOO_LARGE),
    "suspended": Behaviour(rcpt=SUSPENDED),
    "invalid": Behaviour(rcpt=INVALID),
    "spam": Behaviour(data=SPAM),
    "slow": Behaviour(rcpt=GREYLISTED, tries=1, later=PERSON_OPENS.later),
    "defer": Behaviour(rcpt=DEFERRED),
    "later-bounce": Behaviour(later=(Later(reaction=Reaction.BOUNCE, seconds=3.0, reply=GONE),)),
    "later-full": Behaviour(later=(Later(reaction=Reaction.BOUNCE, seconds=3.0, reply=FULL_FOR_GOOD),)),
    "apple": opens(APPLE, 1.0),
    "opened-by-apple": opens(APPLE, 1.0),
    "gmail": opens(GMAIL, 12.0),
    "scanned": opens(SCANNER, 1.0),
    "noopen": Behaviour(),
    "auto": Behaviour(later=(Later(reaction=Reaction.AUTO_REPLY, seconds=2.0),)),
    "complain": Behaviour(later=(Later(reaction=Reaction.COMPLAIN, seconds=4.0),)),
    "twice": Behaviour(
        later=(
            Later(reaction=Reaction.OPEN, seconds=2.0, agent=IPHONE),
            Later(reaction=Reaction.OPEN, seconds=35.0, agent=FIREFOX),
        )
    ),
}


def behaviour_of(forward_path: str) -> Behaviour:
    """Choose by the local part without its ``+tag``: ``gone+7@sandbox.test`` is gone as well."""
    local = forward_path.rpartition("@")[0].lower()
    return BEHAVIOURS.get(local.partition("+")[0], PERSON_OPENS)

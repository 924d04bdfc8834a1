"""
Every reply this server says, as a frozen value. No text of any client is ever part of one.

Codes: RFC 5321 section 4.2.3; enhanced codes: RFC 3463 and RFC 5248. The greeting, the answers to HELO and EHLO, 334
and 354 carry no enhanced code (RFC 2034 section 4).

Pure: no I/O, no clock, no chance.
"""

from collections.abc import Sequence

from store.nouns import Reply

# Session (RFC 5321 sections 3.1, 3.8, 4.1.1.10; RFC 3207 section 4)
BYE = Reply.make(221, "2.0.0", "Bye")
READY_FOR_TLS = Reply.make(220, "2.0.0", "Ready to start TLS")
NO_SERVICE = Reply.make(554, "5.5.1", "This port speaks SMTP only")
SPOKE_TOO_EARLY = Reply.make(554, "5.5.1", "You spoke before the greeting")
TOO_MANY_CONNECTIONS = Reply.make(421, "4.7.0", "Too many connections, try again later")
STOPPING = Reply.make(421, "4.3.2", "The service is stopping, connect again soon")
WAITED_TOO_LONG = Reply.make(421, "4.4.2", "Waited too long for you, closing")
TOO_MANY_ERRORS = Reply.make(421, "4.7.0", "Too many bad commands, closing")
TOO_IDLE = Reply.make(421, "4.7.0", "Too many commands without a message, closing")
TOO_MANY_MESSAGES = Reply.make(421, "4.7.0", "Enough messages on this connection, connect again")
TOO_MANY_REFUSED = Reply.make(421, "4.7.0", "Too many refused recipients, closing")
BROKEN_SESSION = Reply.make(421, "4.3.0", "Our fault, connect again later")

# Any command (RFC 5321 sections 4.2.4 and 4.3.2)
OK = Reply.make(250, "2.0.0", "Ok")
HELP = Reply.make(214, "2.0.0", "See RFC 5321")
CANNOT_VERIFY = Reply.make(252, "2.5.2", "Cannot verify, send a message and see")
NOT_IMPLEMENTED = Reply.make(502, "5.5.1", "Command not implemented")
UNKNOWN_COMMAND = Reply.make(500, "5.5.2", "Command not recognised")
LINE_TOO_LONG = Reply.make(500, "5.5.2", "Command line too long")
BARE_LINE_END = Reply.make(500, "5.5.2", "End each line with CR LF")
BAD_ARGUMENT = Reply.make(501, "5.5.4", "Bad argument")
EHLO_FIRST = Reply.make(503, "5.5.1", "Say EHLO first")
MAIL_FIRST = Reply.make(503, "5.5.1", "Say MAIL first")
RCPT_FIRST = Reply.make(503, "5.5.1", "Say RCPT first")
NESTED_MAIL = Reply.make(503, "5.5.1", "A message is already begun, say RSET to drop it")
LOCAL_ERROR = Reply.make(451, "4.3.0", "Our fault, try again later")
STORE_FULL = Reply.make(452, "4.3.1", "No room for now, try again later")

# STARTTLS (RFC 3207 section 4)
TLS_ALREADY = Reply.make(503, "5.5.1", "TLS is already on")
NO_TLS_HERE = Reply.make(502, "5.5.1", "No TLS here")

# AUTH (RFC 4954 sections 4 and 6)
AUTHENTICATED = Reply.make(235, "2.7.0", "Authenticated")
AUTH_FIRST = Reply.make(530, "5.7.0", "Authentication required")
AUTH_FAILED = Reply.make(535, "5.7.8", "User or password is wrong")
AUTH_NEEDS_TLS = Reply.make(538, "5.7.11", "Say STARTTLS first")
AUTH_TWICE = Reply.make(503, "5.5.1", "Already authenticated")
AUTH_IN_MAIL = Reply.make(503, "5.5.1", "Not within a message")
AUTH_MECHANISM = Reply.make(504, "5.5.4", "Only PLAIN and LOGIN")
AUTH_CANCELLED = Reply.make(501, "5.7.0", "Authentication cancelled")
AUTH_GARBLED = Reply.make(501, "5.5.2", "Cannot read that answer")
AUTH_LOCKED = Reply.make(454, "4.7.0", "Too many failures, try again later")
AUTH_REVOKED = Reply.make(535, "5.7.8", "This user can no longer log in")
AUTH_UNAVAILABLE = Reply.make(454, "4.7.0", "Cannot check for now, try again later")
AUTH_SPENT = Reply.make(421, "4.7.0", "Too many failures, closing")

# MAIL and RCPT (RFC 5321 sections 4.1.1.2, 4.1.1.3, 4.1.1.11; RFC 1870, 3461, 6531)
SENDER_OK = Reply.make(250, "2.1.0", "Ok")
RECIPIENT_OK = Reply.make(250, "2.1.5", "Ok")
BAD_MAIL = Reply.make(501, "5.5.4", "Say MAIL FROM:<address>")
BAD_RCPT = Reply.make(501, "5.5.4", "Say RCPT TO:<address>")
BAD_REVERSE_PATH = Reply.make(501, "5.1.7", "Bad sender address")
BAD_FORWARD_PATH = Reply.make(501, "5.1.3", "Bad recipient address")
NEEDS_SMTPUTF8 = Reply.make(553, "5.6.7", "Address needs SMTPUTF8")
BAD_PARAMETER = Reply.make(501, "5.5.4", "Bad parameter")
UNKNOWN_PARAMETER = Reply.make(555, "5.5.4", "Parameter not recognised")
TOO_LARGE = Reply.make(552, "5.3.4", "Message too large")
RATE_SPENT = Reply.make(450, "4.7.1", "Too many messages within an hour, try again later")
TOO_MANY_RECIPIENTS = Reply.make(452, "4.5.3", "Too many recipients")  # section 4.5.3.1.10
SENDER_NOT_ALLOWED = Reply.make(553, "5.7.1", "This sender is not allowed for this user")

# DATA (RFC 5321 sections 4.1.1.4 and 4.5.2) and BDAT (RFC 3030)
START_DATA = Reply.make(354, None, "End data with <CR><LF>.<CR><LF>")
NO_VALID_RECIPIENTS = Reply.make(554, "5.5.1", "No valid recipients")
TEXT_LINE_TOO_LONG = Reply.make(500, "5.5.2", "A line of the message is too long")
FAR_TOO_LARGE = Reply.make(421, "4.3.0", "Message far too large, closing")
CHUNK_OK = Reply.make(250, "2.0.0", "Ok, go on")
CHUNK_LOST = Reply.make(421, "4.5.4", "Cannot tell how long this chunk is, closing")  # its octets are no commands
CONTENT_BEGUN = Reply.make(503, "5.5.1", "The content has begun in chunks, end it with BDAT")
BARE_NEWLINES = Reply.make(550, "5.5.2", "Message has a bare CR or LF")
NUL_IN_MESSAGE = Reply.make(550, "5.6.0", "Message has a NUL octet")
NOT_ONE_FROM = Reply.make(550, "5.6.0", "Message needs exactly one From field with an address")
HEADER_TOO_LARGE = Reply.make(552, "5.3.4", "Message header too large")
LOOP = Reply.make(554, "5.4.6", "Too many hops, this looks like a loop")


def greeting(hostname: str) -> Reply:
    """The banner: who we are and nothing about the program (RFC 5321 section 4.2)."""
    return Reply.make(220, None, f"{hostname} ESMTP")


def helo(hostname: str) -> Reply:
    """Answer HELO (RFC 5321 section 4.1.1.1)."""
    return Reply.make(250, None, hostname)


def ehlo(hostname: str, keywords: Sequence[str]) -> Reply:
    """Answer EHLO with what is offered, a line each (RFC 5321 section 4.1.1.1)."""
    return Reply.make(250, None, hostname, *keywords)


def challenge(text: str) -> Reply:
    """Ask the next question of an AUTH exchange; ``text`` is base64 or empty (RFC 4954 section 4)."""
    return Reply.make(334, None, text)


def queued(message_id: int) -> Reply:
    """Take the message over: it is on disk now (RFC 5321 section 6.1)."""
    return Reply(250, OK.status, (f"Ok: queued as {message_id}",))

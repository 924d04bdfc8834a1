"""
The one schema, for SQLite and PostgreSQL alike. The migrations end at it; a test says so on both.

Times are Unix seconds, UTC. Ids are 64-bit and made by ``store/ids.py``. Lists and maps are JSON texts. Each index
names what it serves. People and programs outside read the views of ``store/views.py``, not these tables.
"""

from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Double,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    SmallInteger,
    Table,
    Text,
    false,
    text,
)

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(column_0_N_label)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)

# Integers bind as 32 bits on PostgreSQL unless the column is a BigInteger. SQLite makes only a column that is spelled
# INTEGER the key of the table itself, and has 64 bits in it anyway.
Id = BigInteger().with_variant(Integer(), "sqlite")


def _text(name: str) -> Column[str]:
    return Column(name, Text, nullable=False, server_default="")


def _flag(name: str) -> Column[bool]:
    return Column(name, Boolean, nullable=False, server_default=false())


def _count(name: str) -> Column[int]:
    return Column(name, Integer, nullable=False, server_default="0")


def _where(condition: str) -> dict[str, Any]:
    """A partial index. A statement uses it only where it says the same condition with the same literal."""
    return {"sqlite_where": text(condition), "postgresql_where": text(condition)}


# What one SMTP transaction handed over.
message = Table(
    "message",
    metadata,
    Column("id", Id, primary_key=True, autoincrement=False),
    Column("accepted_at", Double, nullable=False),
    Column("expires_at", Double, nullable=False),  # when the schedule gives up
    _text("credential"),  # name of what it came by
    _text("reverse_path"),
    _text("header_from"),
    _text("subject"),
    _text("header_message_id"),
    Column("size", BigInteger, nullable=False, server_default="0"),  # octets as stored
    _flag("smtputf8"),
    _flag("eight_bit"),
    _text("envelope_id"),
    _text("ret"),
    _text("customer"),
    _text("invoice"),
    Column("tags", Text, nullable=False, server_default="[]"),
    Column("metadata", Text, nullable=False, server_default="{}"),
    Column("warnings", Text, nullable=False, server_default="[]"),
    _text("no_pixel_why"),
    _text("idempotency_key"),
    Column("prepended", LargeBinary, nullable=False),  # header fields on top of each copy
    _text("client"),
    # Where the content lies: in a segment file on SQLite, in the table content (segment and offset 0) on PostgreSQL.
    Column("content_segment", BigInteger, nullable=False, server_default="0"),
    Column("content_offset", BigInteger, nullable=False, server_default="0"),
    Column("content_length", BigInteger, nullable=False, server_default="0"),
    Column("content_erased_at", Double),  # retention, or a person, took the content away
    # Tracking mode count: views by people and by machines, of all its recipients in that mode together.
    _count("counted_opens"),
    _count("counted_machine_opens"),
    _text("header_to"),  # names and addresses in To, as the mail shows them: people look for a name
    # accept: the same mail again within ten minutes; find: by the application's Message-ID
    Index("message_header_message_id", "header_message_id"),
    # accept: a repeat of an idempotency key
    Index("message_idempotency_key", "idempotency_key", "credential", **_where("idempotency_key <> ''")),
    # views customer_messages and invoice_log, find
    Index("message_customer", "customer", "id", **_where("customer <> ''")),
    Index("message_invoice", "invoice", "id", **_where("invoice <> ''")),
    # retention: segments that are no longer referred to
    Index("message_content_segment", "content_segment", **_where("content_erased_at IS NULL")),
)

# One forward-path of one message. Everything is tracked here.
recipient = Table(
    "recipient",
    metadata,
    Column("id", Id, primary_key=True, autoincrement=False),
    Column("message_id", BigInteger, ForeignKey("message.id"), nullable=False),
    Column("accepted_at", Double, nullable=False),
    Column("forward_path", Text, nullable=False),
    Column("address_key", Text, nullable=False),
    Column("domain", Text, nullable=False),
    Column("tracking", Text, nullable=False),  # TrackingMode, frozen at acceptance
    _text("notify"),
    _text("original_recipient"),
    # The queue. due -> claimed: accept, claim_due. claimed -> due: settle, give_back, release_lapsed.
    # claimed -> settled: settle. due, claimed -> held: hold, release_lapsed. held -> due: release.
    # due, held -> settled: cancel.
    Column("state", Text, nullable=False),
    Column("next_attempt_at", Double),  # set while due; 0: a person asked for it now, so it goes before all others
    Column("claimed_by", BigInteger),  # node.life of the process that works on it, set while claimed
    _count("attempts"),
    _count("crashes"),  # how many processes in a row died while they held it
    Column("dot_sent_at", Double),  # set just before the final dot, empty again when the outcome is known
    _flag("in_doubt"),  # an earlier attempt may have delivered it
    # What became of it.
    Column("status", Text, nullable=False),
    Column("reason", Text),
    _text("rule"),
    Column("permanent", Boolean),
    Column("mistyped", Boolean),
    Column("caused_by", BigInteger),  # suppressed: the recipient whose failure caused it, even if it is gone by now
    _text("last_reply"),
    _text("remote_host"),
    _text("remote_address"),
    _text("tls"),
    Column("settled_at", Double),
    Column("delivered_at", Double),
    Column("bounced_at", Double),
    Column("opened_at", Double),  # first by a person
    Column("last_opened_at", Double),
    _count("opens"),  # views by a person
    _count("machine_opens"),  # views by anything else
    # claim_due, next_due_at; the domain is there so that excluded ones cost no look at the row
    Index("recipient_due", "next_attempt_at", "domain", **_where("state = 'due'")),
    # waiting, ask: what waits for a domain. A mail that is delivered at once is never in it
    Index("recipient_due_domain", "domain", "next_attempt_at", **_where("state = 'due'")),
    # claim_due: those that two processes died with go one at a time
    Index("recipient_suspect", "next_attempt_at", **_where("state = 'due' AND crashes >= 2")),
    # release_lapsed, close
    Index("recipient_claimed", "claimed_by", **_where("state = 'claimed'")),
    # counts
    Index("recipient_held", "id", **_where("state = 'held'")),
    # find, view message_recipients, retention
    Index("recipient_message", "message_id"),
    # histories of addresses, find
    Index("recipient_address", "address_key", "id"),
)

# The journal: appended, never changed but for the time of an open, of which in the end only the day is left
# (store/coarsen.py). Its order of positions is the order of commits.
event = Table(
    "event",
    metadata,
    Column("position", Id, primary_key=True, autoincrement=True),
    Column("message_id", BigInteger, nullable=False),
    Column("recipient_id", BigInteger, nullable=False),
    Column("kind", Text, nullable=False),
    Column("at", Double, nullable=False),
    Column("reason", Text),
    _text("rule"),
    _text("reply"),
    _text("status"),
    _text("remote_host"),
    _text("remote_address"),
    _text("tls"),
    _count("attempt"),
    Column("next_attempt_at", Double),
    Column("caused_by", BigInteger),
    Column("verdict", Text),
    _text("note"),
    # find: the events of a recipient, in order
    Index("event_recipient", "recipient_id", "position"),
    sqlite_autoincrement=True,  # a position is never used twice, even after the newest event was deleted
)

# Contents on PostgreSQL. Empty on SQLite, where they lie in segment files.
content = Table(
    "content",
    metadata,
    Column("message_id", Id, primary_key=True, autoincrement=False),
    Column("checksum", BigInteger, nullable=False),  # CRC-32
    Column("body", LargeBinary, nullable=False),
)

# Addresses that mail is no longer sent to.
suppression = Table(
    "suppression",
    metadata,
    Column("address_key", Text, primary_key=True),
    Column("address", Text, nullable=False),  # as it was written where it failed
    Column("reason", Text, nullable=False),
    Column("caused_by", BigInteger),  # recipient; empty when a person added it
    Column("at", Double, nullable=False),
    Column("expires_at", Double),
    _text("note"),
)

# Raw facts of opens; by the tracking mode of the recipient there are none, or some without address and agent.
open_ = Table(
    "open",
    metadata,
    Column("id", Id, primary_key=True, autoincrement=False),
    Column("recipient_id", BigInteger, nullable=False),
    Column("at", Double, nullable=False),
    Column("verdict", Text, nullable=False),
    _text("rule"),
    _text("address"),
    _text("agent"),
    _text("client"),  # what the agent calls itself, "Thunderbird"
    _text("device"),  # phone, tablet, computer
    _text("country"),  # ISO 3166-1, two letters
    # record: loads within the window of one view; find
    Index("open_recipient", "recipient_id", "at"),
)

# Reports as they came, for people who want to see them.
report = Table(
    "report",
    metadata,
    Column("id", Id, primary_key=True, autoincrement=False),
    Column("recipient_id", BigInteger, nullable=False),
    Column("at", Double, nullable=False),
    Column("kind", Text, nullable=False),
    Column("raw", LargeBinary, nullable=False),
    # count_since, settle (how many came so far)
    Index("report_recipient", "recipient_id", "at"),
)

# What was said in an attempt to deliver, for people who want to see it.
transcript = Table(
    "transcript",
    metadata,
    Column("id", Id, primary_key=True, autoincrement=False),
    Column("recipient_id", BigInteger, nullable=False),
    Column("at", Double, nullable=False),
    Column("dialogue", Text, nullable=False),
    # find; retention of recipients
    Index("transcript_recipient", "recipient_id", "id"),
)

# How TLS to mail hosts went, by day, for the reports that their domains ask for (RFC 8460).
tls_result = Table(
    "tls_result",
    metadata,
    Column("day", Integer, primary_key=True, autoincrement=False),  # since 1970, UTC
    Column("domain", Text, primary_key=True),
    Column("facts", Text, primary_key=True),  # policy and failure, JSON
    Column("sessions", BigInteger, nullable=False),
)

# How far those who do something about each event have come. It moves in the transaction of what they do.
follower = Table(
    "follower",
    metadata,
    Column("name", Text, primary_key=True),
    Column("position", BigInteger, nullable=False),
)

# What an application logs in with.
credential = Table(
    "credential",
    metadata,
    Column("name", Text, primary_key=True),
    Column("user_name", Text, nullable=False, unique=True),
    Column("secret_hash", LargeBinary, nullable=False),  # SHA-256: the secret is 160 random bits
    Column("from_domains", Text, nullable=False, server_default="[]"),
    Column("networks", Text, nullable=False, server_default="[]"),
    Column("created_at", Double, nullable=False),
    Column("revoked_at", Double),
    _count("rate"),  # messages per hour; 0: any number
    _flag("network_login"),  # its networks stand in for the password
)

# What a program proves itself to the API with.
api_token = Table(
    "api_token",
    metadata,
    Column("name", Text, primary_key=True),
    Column("token_hash", LargeBinary, nullable=False, unique=True),  # SHA-256: the token is 256 random bits
    Column("scopes", Text, nullable=False),
    Column("from_domains", Text, nullable=False, server_default="[]"),
    _count("rate"),  # messages per hour; 0: any number
    Column("created_at", Double, nullable=False),
    Column("expires_at", Double),
    Column("last_used_at", Double),
    _text("last_used_from"),
    Column("revoked_at", Double),
)

# Who may see the pages.
person = Table(
    "person",
    metadata,
    Column("name", Text, primary_key=True),
    Column("password_hash", Text, nullable=False),  # argon2id
    Column("created_at", Double, nullable=False),
    Column("role", Text, nullable=False, server_default="admin"),  # before there were roles everybody could do all
    Column("changed_at", Double),  # when the password was set last; empty: when the person was made
    _text("language"),  # of the pages; "": as the browser asks
)

# Who is logged in at the pages.
session = Table(
    "session",
    metadata,
    Column("id", Id, primary_key=True, autoincrement=False),
    Column("token_hash", LargeBinary, nullable=False, unique=True),  # SHA-256: the token is 256 random bits
    Column("person", Text, nullable=False),
    Column("created_at", Double, nullable=False),
    Column("seen_at", Double, nullable=False),  # within a minute
    Column("proved_at", Double, nullable=False),  # when the password was given last
    _text("address"),
    _text("agent"),
    # end_of, list
    Index("session_person", "person"),
)

# What people and programs changed: appended, never changed; retention takes the oldest.
audit = Table(
    "audit",
    metadata,
    Column("id", Id, primary_key=True, autoincrement=False),
    Column("at", Double, nullable=False),
    _text("who"),  # name of a person, "token:NAME", "shell:USER"
    _text("address"),  # where the request came from
    Column("action", Text, nullable=False),  # "suppression.lift"
    _text("subject"),  # what it was done to
    Column("before", Text, nullable=False, server_default="{}"),
    Column("after", Text, nullable=False, server_default="{}"),
)

# Processes that make ids and hold claims, one row for each number; at most 1,024.
node = Table(
    "node",
    metadata,
    Column("number", SmallInteger, primary_key=True, autoincrement=False),
    Column("life", BigInteger, nullable=False),  # one process's stay under this number
    Column("name", Text, nullable=False),
    Column("beat", BigInteger, nullable=False),  # grows while the process lives; others watch it
    Column("seen_at", Double, nullable=False),  # by its own clock
    Column("ended", Boolean, nullable=False),
)

# Recipients who do not want their opens to be noted.
opt_out = Table(
    "opt_out",
    metadata,
    Column("address_key", Text, primary_key=True),
    Column("at", Double, nullable=False),
)

# Who erased what was kept of an address, and when; not which address.
erasure = Table(
    "erasure",
    metadata,
    Column("id", Id, primary_key=True, autoincrement=False),
    Column("at", Double, nullable=False),
    _text("done_by"),
    _count("recipients"),
    _count("messages"),
)

# A few times that must outlive the process, by name.
mark = Table(
    "mark",
    metadata,
    Column("name", Text, primary_key=True),
    Column("at", Double, nullable=False),
)

"""
The views: what people and programs outside read, with stable names and columns in plain words.

Times are UTC, ISO 8601 with a Z. A status is one of Sending, Delivered, Opened, Bounced, Not delivered;
``explanation`` is a sentence. The tables below may change with any version, these may not: a column is only ever
added, at the end.
A change of anything here comes with a migration, which makes the views anew.
"""

from sqlalchemy import Connection

from store.nouns import Reason, RecipientStatus, State, Verdict
from store.reasons import text as reason_text

NAMES = ("customer_messages", "message_recipients", "message_overview", "invoice_log", "events", "suppressions")


def create_views(connection: Connection) -> None:
    """Make all views; there must be none."""
    for name, query in queries(connection.dialect.name).items():
        connection.exec_driver_sql(f"CREATE VIEW {name} AS {query}")


def drop_views(connection: Connection) -> None:
    """Take all views away."""
    for name in NAMES:
        connection.exec_driver_sql(f"DROP VIEW IF EXISTS {name}")


def queries(dialect: str) -> dict[str, str]:
    """Give the SQL of each view, by its name."""
    time = _sqlite_time if dialect == "sqlite" else _postgresql_time
    status = _case("r.status", {status.value: status.word for status in RecipientStatus})
    explanation = _explanation()
    return {
        # The four views of the product. 1: all that one customer was sent.
        "customer_messages": f"""
            SELECT m.customer AS customer, {time("m.accepted_at")} AS sent_at, r.forward_path AS address,
                m.subject AS subject, m.invoice AS invoice, {status} AS status, r.reason AS reason,
                {explanation} AS explanation, {time("r.delivered_at")} AS delivered_at,
                {time("r.opened_at")} AS first_opened_at, {time("r.last_opened_at")} AS last_opened_at,
                r.opens AS opens, {time("r.bounced_at")} AS bounced_at, m.id AS message_id, r.id AS recipient_id
            FROM message m JOIN recipient r ON r.message_id = m.id
        """,
        # 2: who got one message, and what became of it.
        "message_recipients": f"""
            SELECT r.message_id AS message_id, r.id AS recipient_id, r.forward_path AS address, {status} AS status,
                r.reason AS reason, {explanation} AS explanation, r.last_reply AS reply,
                {time("r.accepted_at")} AS accepted_at, {time("r.delivered_at")} AS delivered_at,
                {time("r.opened_at")} AS first_opened_at, {time("r.last_opened_at")} AS last_opened_at,
                r.opens AS opens, r.machine_opens AS automatic_loads, {time("r.bounced_at")} AS bounced_at,
                r.attempts AS attempts, {time("NULLIF(r.next_attempt_at, 0)")} AS next_attempt_at,
                r.remote_host AS remote_host, r.tls AS tls, r.caused_by AS caused_by_recipient_id, m.subject AS subject
            FROM recipient r JOIN message m ON m.id = r.message_id
        """,
        # 3: the numbers of one message. A percentage says of how many: received of all, opened of those received that
        # carried a pixel. What failed and was opened all the same counts as failed, and is in failed_and_opened.
        "message_overview": f"""
            SELECT c.message_id AS message_id, {time("m.accepted_at")} AS sent_at, m.subject AS subject,
                m.header_from AS sender, m.customer AS customer, m.invoice AS invoice, m.size AS octets,
                c.recipients AS recipients, c.sending AS sending, c.received AS received, c.opened AS opened,
                c.bounced AS bounced, c.not_delivered AS not_delivered, c.tracked AS received_and_tracked,
                CASE WHEN c.recipients > 0 THEN ROUND(100.0 * c.received / c.recipients, 1) END AS received_percent,
                CASE WHEN c.tracked > 0 THEN ROUND(100.0 * c.opened_tracked / c.tracked, 1) END AS opened_percent,
                m.no_pixel_why AS not_tracked_because, c.counted AS counted_together,
                m.counted_opens AS opens_counted_together, m.counted_machine_opens AS automatic_loads_counted_together,
                c.unknown AS cannot_be_known, c.failed_and_opened AS failed_and_opened
            FROM message m JOIN (
                SELECT n.id AS message_id, COUNT(*) AS recipients,
                    SUM(CASE WHEN r.status = 'sending' THEN 1 ELSE 0 END) AS sending,
                    SUM(CASE WHEN r.status IN ('delivered', 'opened') THEN 1 ELSE 0 END) AS received,
                    SUM(CASE WHEN r.status = 'opened' THEN 1 ELSE 0 END) AS opened,
                    SUM(CASE WHEN r.status = 'bounced' THEN 1 ELSE 0 END) AS bounced,
                    SUM(CASE WHEN r.status = 'not_delivered' THEN 1 ELSE 0 END) AS not_delivered,
                    SUM(CASE WHEN r.status IN ('delivered', 'opened') AND {_TRACKED} THEN 1 ELSE 0 END) AS tracked,
                    SUM(CASE WHEN r.status = 'opened' AND {_TRACKED} THEN 1 ELSE 0 END) AS opened_tracked,
                    SUM(CASE WHEN r.tracking = 'count' AND n.no_pixel_why = '' THEN 1 ELSE 0 END) AS counted,
                    SUM(CASE WHEN r.status = 'delivered' AND r.machine_opens > 0 THEN 1 ELSE 0 END) AS unknown,
                    SUM(CASE WHEN r.status IN ('bounced', 'not_delivered') AND r.opened_at IS NOT NULL
                        THEN 1 ELSE 0 END) AS failed_and_opened
                FROM recipient r JOIN message n ON n.id = r.message_id GROUP BY n.id
            ) c ON c.message_id = m.id
        """,
        # 4: everything that was mailed about one invoice, as it happened.
        "invoice_log": f"""
            SELECT m.invoice AS invoice, {time("e.at")} AS at, {_event_word()} AS event, r.forward_path AS address,
                m.subject AS subject, {status} AS status, e.reason AS reason, {_event_explanation()} AS explanation,
                m.customer AS customer, m.id AS message_id, r.id AS recipient_id, e.position AS position
            FROM event e JOIN recipient r ON r.id = e.recipient_id JOIN message m ON m.id = r.message_id
            WHERE m.invoice <> ''
        """,
        "events": f"""
            SELECT e.position AS position, {time("e.at")} AS at, {_event_word()} AS event, r.forward_path AS address,
                m.subject AS subject, e.reason AS reason, {_event_explanation()} AS explanation, e.reply AS reply,
                e.status AS status_code, e.remote_host AS remote_host, e.remote_address AS remote_address,
                e.tls AS tls, e.attempt AS attempt, {time("e.next_attempt_at")} AS next_attempt_at,
                e.verdict AS opened_by, e.rule AS rule, e.note AS note, e.caused_by AS caused_by_recipient_id,
                m.customer AS customer, m.invoice AS invoice, e.message_id AS message_id,
                e.recipient_id AS recipient_id
            FROM event e JOIN recipient r ON r.id = e.recipient_id JOIN message m ON m.id = r.message_id
        """,
        "suppressions": f"""
            SELECT s.address AS address, s.reason AS reason, {_reason_case("s.reason")} AS explanation,
                {time("s.at")} AS since, {time("s.expires_at")} AS until, s.note AS note,
                s.caused_by AS caused_by_recipient_id, m.id AS caused_by_message_id, m.subject AS caused_by_subject
            FROM suppression s LEFT JOIN recipient r ON r.id = s.caused_by LEFT JOIN message m ON m.id = r.message_id
        """,
    }


# In mode count it is not known who opened: such recipients are in no percentage.
_TRACKED = "r.tracking NOT IN ('off', 'count') AND n.no_pixel_why = ''"

_EVENT_SENTENCES = {
    "accepted": "We took the email from the application.",
    "deferred": "It could not be delivered yet; we try again.",
    "delivered": "The recipient''s mail system took the email.",
    "bounced": "The email came back.",
    "suppressed": "Not sent: an earlier email to this address came back.",
    "expired": "We kept trying and gave up.",
    "cancelled": "Somebody stopped the email before it was sent.",
    "complained": "The recipient marked the email as spam.",
    "autoresponded": "The recipient sent an automatic reply.",
}
_OPEN_SENTENCES = {
    Verdict.PERSON: "Somebody displayed the email.",
    Verdict.PROXY: "Somebody displayed the email, through their mail provider.",
    Verdict.UNCERTAIN: "The images were loaded, perhaps by a machine.",
    Verdict.PREFETCH: "The images were loaded by the mail provider, read or not.",
    Verdict.SCANNER: "The images were loaded by a security scanner.",
    Verdict.PROBE: "The address of the image was probed.",
    Verdict.OWN: "The email was displayed in your own office; that does not count.",
}


def _sqlite_time(column: str) -> str:
    return f"strftime('%Y-%m-%dT%H:%M:%SZ', {column}, 'unixepoch')"


def _postgresql_time(column: str) -> str:
    return f"""to_char(date_trunc('second', to_timestamp({column})) AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"')"""


def _case(column: str, words: dict[str, str], otherwise: str = "") -> str:
    whens = " ".join(f"WHEN '{value}' THEN '{word}'" for value, word in words.items())
    return f"CASE {column} {whens} {f'ELSE {otherwise} ' if otherwise else ''}END"


def _reason_case(column: str, otherwise: str = "") -> str:
    sentences = {reason.value: reason_text(reason).sentence.replace("'", "''") for reason in Reason}
    return _case(column, sentences, otherwise)


def _explanation() -> str:
    """One sentence about where a recipient stands."""
    mistyped = "This email address was probably mistyped."
    gone = "This email address no longer exists."
    return f"""CASE
        WHEN r.status = 'opened' THEN '{_OPEN_SENTENCES[Verdict.PERSON]}'
        WHEN r.status = 'delivered' AND r.machine_opens > 0
            THEN 'Delivered. The images were loaded by a machine, so whether anybody read it cannot be known.'
        WHEN r.status = 'delivered' THEN '{_EVENT_SENTENCES["delivered"]}'
        WHEN r.state = '{State.HELD}' THEN 'The email is kept back until somebody releases it.'
        WHEN r.reason = 'no_such_user' AND r.mistyped THEN '{mistyped}'
        WHEN r.reason = 'no_such_user' AND NOT r.mistyped THEN '{gone}'
        WHEN r.status = 'not_delivered' AND r.reason IS NULL THEN '{_EVENT_SENTENCES["cancelled"]}'
        WHEN r.status = 'sending' AND r.reason IS NULL THEN 'The email is on its way.'
        ELSE {_reason_case("r.reason", "'It could not be delivered yet; we try again.'")} END"""


def _event_word() -> str:
    return "UPPER(SUBSTR(e.kind, 1, 1)) || SUBSTR(e.kind, 2)"


def _event_explanation() -> str:
    verdicts = _case("e.verdict", {verdict.value: words for verdict, words in _OPEN_SENTENCES.items()})
    plain = _case("e.kind", _EVENT_SENTENCES)
    return f"""CASE WHEN e.kind = 'opened' THEN {verdicts}
        WHEN e.reason IS NOT NULL THEN {_reason_case("e.reason", plain)} ELSE {plain} END"""

"""
All metrics by name: what each says, of which kind it is, and its labels.

``docs/metrics.md`` tells them; a test holds both equal. A label never holds an address, a person's name, or anything
else that a stranger can choose.

Pure: no I/O, no clock, no chance.
"""

from dataclasses import dataclass
from enum import StrEnum


class Kind(StrEnum):
    """The kinds of Prometheus."""

    COUNTER = "counter"
    GAUGE = "gauge"
    HISTOGRAM = "histogram"


@dataclass(frozen=True, slots=True)
class Metric:
    """One metric. A counter's name ends in ``_total``, without which the exposition's header writes it."""

    name: str
    kind: Kind
    help: str
    labels: tuple[str, ...] = ()


EVENTS = Metric("homing_events_total", Kind.COUNTER, "Events that were committed, by kind.", ("event",))
FAILURES = Metric(
    "homing_failures_total",
    Kind.COUNTER,
    "Deferred, bounced, expired and suppressed recipients, by reason.",
    ("event", "reason"),
)
OPENS = Metric("homing_opens_total", Kind.COUNTER, "Opens, by what loaded the pixel.", ("verdict",))
ACCEPT = Metric("homing_accept_seconds", Kind.HISTOGRAM, "From the final dot of a mail to our reply.")
WHOLE_WAY = Metric("homing_delivery_seconds", Kind.HISTOGRAM, "From acceptance to the recipient's server's 250.")
ATTEMPT = Metric("homing_attempt_seconds", Kind.HISTOGRAM, "One attempt to deliver, however it ended.")
COMMIT = Metric("homing_store_commit_seconds", Kind.HISTOGRAM, "One transaction of the store's writer, synced.")
BATCH = Metric("homing_store_batch_wishes", Kind.HISTOGRAM, "Wishes that shared one transaction.")
QUEUE = Metric("homing_queue_recipients", Kind.GAUGE, "Recipients that wait, by state.", ("state",))
SUPPRESSIONS = Metric("homing_suppressions", Kind.GAUGE, "Addresses that mail is not sent to.")
DATABASE = Metric("homing_store_database_bytes", Kind.GAUGE, "Size of the status database, its log included.")
CONTENTS = Metric("homing_store_contents_bytes", Kind.GAUGE, "Size of the kept mails beside SQLite.")
FREE = Metric("homing_store_free_bytes", Kind.GAUGE, "Free space on the disk of the SQLite database.")
WRITABLE = Metric("homing_store_writable", Kind.GAUGE, "1 while the store can be written and has room, else 0.")
CONNECTIONS = Metric("homing_connections", Kind.GAUGE, "Open connections, by part.", ("part",))
IN_HAND = Metric("homing_delivery_in_hand", Kind.GAUGE, "Recipients that this process works on.")
PAUSED = Metric("homing_delivery_paused", Kind.GAUGE, "1 while nothing is delivered since the store is away, else 0.")
PIXEL_WAITING = Metric("homing_pixel_opens_waiting", Kind.GAUGE, "Opens in memory that are to be written.")
PIXEL_DROPPED = Metric("homing_pixel_opens_dropped_total", Kind.COUNTER, "Opens that found no room and are lost.")
WEBHOOKS = Metric("homing_webhook_endpoints", Kind.GAUGE, "Endpoints: on, failing, off.", ("state",))
WEBHOOK_WAITING = Metric("homing_webhook_calls_waiting", Kind.GAUGE, "Calls that are not taken yet.", ("webhook",))
WEBHOOK_LAG = Metric(
    "homing_webhook_lag_seconds", Kind.GAUGE, "Age of the oldest event that an endpoint was not told of.", ("webhook",)
)
STREAM_CLIENTS = Metric("homing_stream_clients", Kind.GAUGE, "Readers of the event stream.")
READY = Metric("homing_ready", Kind.GAUGE, "1 for each part that is up, else 0.", ("part",))
STARTED = Metric("homing_start_time_seconds", Kind.GAUGE, "When this process started, Unix seconds.")
MEMORY = Metric("homing_resident_memory_bytes", Kind.GAUGE, "Memory of this process.")
CPU = Metric("homing_cpu_seconds_total", Kind.COUNTER, "Processor time of this process.")

ALL = (
    EVENTS, FAILURES, OPENS, ACCEPT, WHOLE_WAY, ATTEMPT, COMMIT, BATCH, QUEUE, SUPPRESSIONS, DATABASE, CONTENTS, FREE,
    WRITABLE, CONNECTIONS, IN_HAND, PAUSED, PIXEL_WAITING, PIXEL_DROPPED, WEBHOOKS, WEBHOOK_WAITING, WEBHOOK_LAG,
    STREAM_CLIENTS, READY, STARTED, MEMORY, CPU,
)  # fmt: skip

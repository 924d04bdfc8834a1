"""
What may be an endpoint: said to whoever makes or changes one, on the pages, by the API or on the command line.

Pure: no I/O, no clock, no chance.
"""

from collections.abc import Iterator

from admin.webhooks.url import UrlRules, url_problem
from store.events import KINDS
from store.webhook_nouns import MOST_BATCH, Webhook

LONGEST_TEXT = 200  # characters of a description, a tag, a customer
MOST_FILTERS = 50
LONGEST_WAIT = 3_600.0  # seconds that a batch may wait


def check(webhook: Webhook, rules: UrlRules) -> None:
    """Raise ValueError with all that is wrong, in plain sentences."""
    problems = list(_problems(webhook, rules))
    if problems:
        raise ValueError("; ".join(problems))


def _problems(webhook: Webhook, rules: UrlRules) -> Iterator[str]:
    if problem := url_problem(webhook.url, rules):
        yield problem
    if unknown := sorted(set(webhook.kinds) - KINDS.keys()):
        yield f"there is no event {unknown[0]}; there are: {', '.join(KINDS)}"
    if not 1 <= webhook.batch_size <= MOST_BATCH:
        yield f"a batch has 1 to {MOST_BATCH} events"
    if not 0 <= webhook.batch_seconds <= LONGEST_WAIT:
        yield f"a batch waits for 0 to {LONGEST_WAIT:g} seconds"
    texts = (webhook.description, *webhook.tags, *webhook.customers)
    if any(len(text) > LONGEST_TEXT or not text.isprintable() for text in texts):
        yield f"a description, a tag or a customer has at most {LONGEST_TEXT} printable characters"
    if len(webhook.tags) > MOST_FILTERS or len(webhook.customers) > MOST_FILTERS:
        yield f"there are at most {MOST_FILTERS} tags and {MOST_FILTERS} customers"

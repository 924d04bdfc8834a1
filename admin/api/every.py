"""All routes of the API. Whoever brings more adds them here."""

from admin.api.events import Events
from admin.api.messages import Messages
from admin.api.recipients import Recipients
from admin.api.route import Route
from admin.api.views import Views
from store.open import Store


def every(store: Store) -> list[Route]:
    """Give all routes."""
    return [
        *Messages(store).routes(),
        *Recipients(store).routes(),
        *Views(store).routes(),
        *Events(store).routes(),
    ]

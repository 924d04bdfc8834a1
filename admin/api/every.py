"""All routes of the API. Whoever brings more adds them here."""

from admin.api.access import Access
from admin.api.events import Events
from admin.api.messages import Messages
from admin.api.outside import Outside
from admin.api.recipients import Recipients
from admin.api.route import Route
from admin.api.sending import Sending
from admin.api.stopped import StoppedRoutes
from admin.api.views import Views
from admin.api.why import Why
from store.open import Store


def every(store: Store, outside: Outside) -> list[Route]:
    """Give all routes."""
    return [
        *Messages(store).routes(),
        *Recipients(store).routes(),
        *Views(store).routes(),
        *Events(store).routes(),
        *Sending(store, outside).routes(),
        *StoppedRoutes(store).routes(),
        *Access(store).routes(),
        *Why(store, outside).routes(),
    ]

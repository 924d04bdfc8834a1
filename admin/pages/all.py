"""All pages, put together."""

from admin.pages.account import AccountPages
from admin.pages.credentials import CredentialPages
from admin.pages.customers import CustomerPages
from admin.pages.invoices import InvoicePages
from admin.pages.login import LoginPages
from admin.pages.messages import MessagePages
from admin.pages.operate import OperatePages
from admin.pages.people import PeoplePages
from admin.pages.queue import QueuePages
from admin.pages.recipient import RecipientPages
from admin.pages.site import Site
from admin.pages.suppressions import SuppressionPages
from admin.pages.today import TodayPage
from admin.pages.webhooks import WebhookPages
from admin.routes import Route


def all_pages(site: Site) -> list[Route]:
    """Give the routes of all pages."""
    pages = (
        LoginPages(site),
        TodayPage(site),
        CustomerPages(site),
        MessagePages(site),
        InvoicePages(site),
        RecipientPages(site),
        QueuePages(site),
        SuppressionPages(site),
        CredentialPages(site),
        WebhookPages(site),
        OperatePages(site),
        AccountPages(site),
        PeoplePages(site),
    )
    return [route for page in pages for route in page.routes()]

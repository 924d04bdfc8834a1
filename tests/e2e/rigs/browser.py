"""Headless Chromium, the system's own, that talks to loopback and to nobody else."""

import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from email import message_from_bytes
from email.policy import default
from pathlib import Path

from playwright.sync_api import Browser, Page, sync_playwright

_QUIET = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)


@contextmanager
def chromium() -> Iterator[Browser]:
    """Run the browser with a profile of its own."""
    program = shutil.which("chromium")
    assert program is not None, "chromium is missing: run scripts/provision"
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=list(_QUIET))
        try:
            yield browser
        finally:
            browser.close()


@contextmanager
def page() -> Iterator[Page]:
    """Open an empty page in a browser with a profile of its own."""
    with chromium() as browser:
        # It says of itself that it is headless, as scanners' browsers do; a person's does not.
        agent = browser.new_page().evaluate("navigator.userAgent")
        yield browser.new_page(user_agent=agent.replace("HeadlessChrome", "Chrome"))


def html_of(mail: bytes, folder: Path) -> Path:
    """Save the HTML part of a mail as a file, with its inline images beside it, as mail programs show it."""
    message = message_from_bytes(mail, policy=default)
    html = ""
    for number, part in enumerate(message.walk()):
        if part.get_content_type() == "text/html":
            html = part.get_content()
        elif part["Content-ID"] and part.get_content_maintype() == "image":
            file = folder / f"image{number}.{part.get_content_subtype()}"
            file.write_bytes(part.get_content())
    for image in folder.glob("image*"):
        html = re.sub(r'"cid:[^"]*"', f'"{image.name}"', html, count=1)
    file = folder / "mail.html"
    file.write_text(html, encoding="utf-8")
    return file

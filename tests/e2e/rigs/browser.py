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
def chromium(*, images: bool = True) -> Iterator[Browser]:
    """Start the browser; without ``images`` it loads none, as a mail program that was told so."""
    program = shutil.which("chromium")
    assert program is not None, "chromium is missing: run scripts/provision"
    more = () if images else ("--blink-settings=imagesEnabled=false",)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=[*_QUIET, *more])
        try:
            yield browser
        finally:
            browser.close()


def new_page(browser: Browser, *, proxy: str = "") -> Page:
    """Open an empty page with a profile of its own; ``proxy`` is a URL that everything goes through."""
    # It says of itself that it is headless, as scanners' browsers do; a person's does not.
    agent = browser.new_page().evaluate("navigator.userAgent").replace("HeadlessChrome", "Chrome")
    if not proxy:
        return browser.new_page(user_agent=agent)
    # Chromium would leave a proxy out for loopback.
    return browser.new_page(user_agent=agent, proxy={"server": proxy, "bypass": "<-loopback>"})


@contextmanager
def page() -> Iterator[Page]:
    """Open an empty page in a browser of its own."""
    with chromium() as browser:
        yield new_page(browser)


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

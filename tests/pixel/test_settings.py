"""pixel/settings.py."""

import pytest

from pixel.settings import PixelSettings

SETTINGS = PixelSettings(
    base_url="https://track.example.org",
    hosts={
        "club.org": "https://pixel.club.org",
        "shop.club.org": "https://p.shop.club.org",
        "xn--caf-dma.test": "http://c",
    },
)


@pytest.mark.parametrize(
    ("domain", "url"),
    [
        ("club.org", "https://pixel.club.org"),
        ("CLUB.org.", "https://pixel.club.org"),
        ("news.club.org", "https://pixel.club.org"),
        ("shop.club.org", "https://p.shop.club.org"),
        ("a.shop.club.org", "https://p.shop.club.org"),
        ("café.test", "http://c"),
        ("notclub.org", "https://track.example.org"),
        ("org", "https://track.example.org"),
        ("", "https://track.example.org"),
        ("[192.0.2.1]", "https://track.example.org"),
    ],
)
def test_the_nearest_domain_decides(domain: str, url: str) -> None:
    """Its own, that of the nearest domain above it, or the common one; however the domain is written."""
    assert SETTINGS.url_for(domain) == url
    assert PixelSettings().url_for(domain) == PixelSettings().base_url

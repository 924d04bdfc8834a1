"""pixel/client.py: what a person read with, and where; in tracking mode full only."""

import importlib.util
import logging
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from mmdb_writer import MMDBWriter
from netaddr import IPSet

from pixel.client import NOBODY, Client, NoCountriesError, device_class, load_countries, load_names, wanted
from pixel.settings import PixelSettings
from store.nouns import TrackingMode
from tests.pixel.rig import LOG

NAMES = load_names()
WEBKIT = "AppleWebKit/605.1.15 (KHTML, like Gecko)"
CHROME = "AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.0.0"
ADDRESSES = {"192.0.2.0/24": "DE", "198.51.100.0/25": "ES", "2001:db8::/32": "AR"}


@pytest.fixture
def database(tmp_path: Path) -> Path:
    """Give a small database of countries, and a network whose record has none."""
    writer = MMDBWriter(ip_version=6, database_type="Test-Country", ipv4_compatible=True)
    for network, code in ADDRESSES.items():
        writer.insert_network(IPSet([network]), {"country": {"iso_code": code, "names": {"en": code}}})
    writer.insert_network(IPSet(["203.0.113.0/24"]), {"traits": {"is_satellite_provider": True}})
    file = tmp_path / "countries.mmdb"
    writer.to_db_file(str(file))
    return file


@pytest.mark.parametrize(
    ("agent", "name", "device"),
    [
        ("Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Thunderbird/128.1.0", "Thunderbird", "computer"),
        ("Microsoft Office/16.0 (Windows NT 10.0; Microsoft Outlook 16.0.17328; Pro)", "Outlook", "computer"),
        ("MacOutlook/16.89.24090815 (Intelx64 Mac OS X Version 14.6.1)", "Outlook", "computer"),
        ("Outlook-iOS/709.2226530.prod.iphone (3.14.0)", "Outlook", "phone"),
        (f"Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) {WEBKIT}", "Apple Mail", "computer"),
        (f"Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X) {WEBKIT} Mobile/15E148", "an app on iOS", "phone"),
        (f"Mozilla/5.0 (iPad; CPU OS 17_6 like Mac OS X) {WEBKIT} Mobile/15E148", "an app on iOS", "tablet"),
        (f"Mozilla/5.0 (Linux; Android 14; Pixel 8) {CHROME} Mobile Safari/537.36", "Chrome Mobile", "phone"),
        (f"Mozilla/5.0 (Linux; Android 13; SM-X906C) {CHROME} Safari/537.36", "Chrome", "tablet"),
        ("Some Mail Program 3", "", ""),
        ("", "", ""),
    ],
)
def test_names_and_devices(agent: str, name: str, device: str) -> None:
    """The name without its version, which would say more than anybody asks; nothing where nothing is known."""
    assert NAMES is not None
    assert NAMES(agent) == Client(name, device)


@given(st.text(max_size=512))
def test_whatever_an_agent_says(agent: str) -> None:
    """Any agent: a client, and no exception."""
    assert NAMES is not None
    assert isinstance(NAMES(agent), Client)


def test_device_classes_that_the_names_do_not_tell() -> None:
    """An Android without a model, and a system that is none of them."""
    assert device_class("Outlook-Android/2.0", "android", "Generic Smartphone") == "phone"
    assert device_class("x", "tvos", "AppleTV") == ""


@pytest.mark.parametrize(
    ("address", "country"),
    [
        ("192.0.2.7", "DE"),
        ("::ffff:192.0.2.7", "DE"),
        ("198.51.100.127", "ES"),
        ("198.51.100.128", ""),
        ("2001:db8::1", "AR"),
        ("203.0.113.1", ""),
        ("127.0.0.1", ""),
        ("unknown", ""),
        ("", ""),
    ],
)
def test_countries(database: Path, address: str, country: str) -> None:
    """Of both families; what is no address, or not in the database, or has no country there, has none."""
    assert load_countries(database)(address) == country


def test_a_file_that_is_no_database(tmp_path: Path) -> None:
    """Named in one sentence: it is missing, or is something else."""
    file = tmp_path / "countries.mmdb"
    with pytest.raises(NoCountriesError, match=r"countries\.mmdb cannot be read: no such file"):
        load_countries(file)
    for content in (b"", b"prefix,country\n" * 100):
        file.write_bytes(content)
        with pytest.raises(NoCountriesError, match="no database in MaxMind's format"):
            load_countries(file)


def without(monkeypatch: pytest.MonkeyPatch, missing: str) -> None:
    there: Callable[..., object] = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == missing else there(name))


def test_without_the_extras(database: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    """What is not installed is said, once and clearly; the other one works."""
    full = PixelSettings(tracking=TrackingMode.FULL, countries=database)
    without(monkeypatch, "ua_parser")
    describe = wanted(full, LOG)
    assert describe is not None
    assert describe("Thunderbird", "192.0.2.7") == Client("", "", "DE")
    assert "the extra `ua` is not installed" in caplog.text
    without(monkeypatch, "maxminddb")
    with pytest.raises(NoCountriesError, match="the extra `geo` is not installed"):
        wanted(full, LOG)


def test_loaded_in_mode_full_only(database: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Other modes keep none of it, so nothing is loaded; without a database the log says that no countries are kept."""
    caplog.set_level(logging.INFO)
    assert wanted(PixelSettings(countries=database), LOG) is None
    describe = wanted(PixelSettings(tracking=TrackingMode.FULL), LOG)
    assert describe is not None
    assert describe("", "192.0.2.7") == NOBODY
    assert "[pixel] countries names no database" in caplog.text

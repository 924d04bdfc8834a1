"""
What a person read a mail with, and in which country: kept in tracking mode ``full`` only.

Names come from ua-parser (the extra ``ua``, whose data is in it), countries from a database file in MaxMind's format
that the operator has (the extra ``geo`` reads it; none is shipped). Either is loaded only when it is wanted: names cost
about 30 MB, and a tenth of a millisecond for each agent that was not seen before.
"""

import importlib
import importlib.util
import logging
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

from pixel.networks import parse_address
from pixel.settings import PixelSettings
from store.nouns import TrackingMode

_REMEMBERED = 4_096
# What the library calls by the engine that draws, or by two names.
_NAMES = {
    "Mobile Safari UI/WKWebView": "an app on iOS",  # Apple Mail and most others on an iPhone say this
    "Outlook-iOS": "Outlook",
    "MacOutlook": "Outlook",
}
_COMPUTERS = ("windows", "mac os x", "linux", "ubuntu", "fedora", "debian", "chrome os", "freebsd", "openbsd")


class Client(NamedTuple):
    """What is known of who displayed a mail; "" where it is not."""

    name: str = ""  # of the program, without its version: "Thunderbird"
    device: str = ""  # "phone", "tablet" or "computer"
    country: str = ""  # ISO 3166-1, two letters


NOBODY = Client()
Describe = Callable[[str, str], Client]  # agent, address -> what is known


class NoCountriesError(Exception):
    """A database of countries cannot be used; one plain sentence."""


def describer(names: Callable[[str], Client] | None, country: Callable[[str], str] | None) -> Describe:
    """Put together what is there of both."""

    def describe(agent: str, address: str) -> Client:
        client = names(agent) if names else Client()
        return client._replace(country=country(address)) if country else client

    return describe


def wanted(settings: PixelSettings, log: logging.Logger) -> Describe | None:
    """Load what tracking mode ``full`` asks for, and say what it cannot keep; None: it is another mode."""
    if settings.tracking is not TrackingMode.FULL:
        return None
    names = load_names()
    if names is None:
        log.warning("names and devices of mail programs are not kept: the extra `ua` is not installed")
    if settings.countries is None:
        log.info("countries are not kept: [pixel] countries names no database")
        return describer(names, None)
    return describer(names, load_countries(settings.countries))


def load_names() -> Callable[[str], Client] | None:
    """Load the names of programs; None: the extra ``ua`` is not installed."""
    if importlib.util.find_spec("ua_parser") is None:
        return None
    parse = importlib.import_module("ua_parser").parse

    @lru_cache(_REMEMBERED)
    def name(agent: str) -> Client:
        if not agent:
            return Client()
        found = parse(agent)
        family = found.user_agent.family if found.user_agent else ""
        system = found.os.family.lower() if found.os else ""
        model = found.device.family if found.device else ""
        return Client(_NAMES.get(family, family), device_class(agent, system, model))

    return name


def device_class(agent: str, system: str, model: str) -> str:
    """
    Say "phone", "tablet", "computer" or "".

    Args:
        agent: The User-Agent.
        system: Name of the operating system in small letters, as far as it is known.
        model: Name of the device, as far as it is known.
    """
    if model == "iPad":
        return "tablet"
    if system == "ios":
        return "phone"
    if system == "android":  # tablets leave the word out
        return "phone" if "mobile" in agent.lower() or "Smartphone" in model else "tablet"
    return "computer" if system in _COMPUTERS else ""


def load_countries(file: Path) -> Callable[[str], str]:
    """Open a database of countries or cities in MaxMind's format. NoCountriesError in one plain sentence."""
    if importlib.util.find_spec("maxminddb") is None:
        raise NoCountriesError("the extra `geo` is not installed, which reads it")
    library = importlib.import_module("maxminddb")
    try:
        reader = library.open_database(file)
    except OSError as error:
        raise NoCountriesError(f"{file} cannot be read: {(error.strerror or 'unknown error').lower()}") from None
    except (library.InvalidDatabaseError, ValueError):
        raise NoCountriesError(f"{file} is no database in MaxMind's format (.mmdb)") from None

    @lru_cache(_REMEMBERED)
    def country(address: str) -> str:
        parsed = parse_address(address)
        if parsed is None:
            return ""
        try:
            found: Any = reader.get(parsed)
        except ValueError:  # IPv6, and the database has none
            return ""
        code = found.get("country", {}).get("iso_code", "") if isinstance(found, dict) else ""
        return code if isinstance(code, str) and len(code) == 2 else ""

    return country

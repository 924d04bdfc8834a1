"""
Look at what a well-formed configuration cannot know by itself, before anything is started.

Is each port free, can each key be read, is a listener open to everybody? Every problem is told at once, together with
those of the file itself.
"""

import errno
import ipaddress
import os
import re
import socket
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pixel.client import NoCountriesError, load_countries
from pixel.element import element
from relay.config import Config, ConfigError, Key, Problem, line_of, parse, spell
from relay.dkim_keys import list_domains, read_domain
from relay.keys import KeyFileError, read_keys
from relay.submission.certificate import load_context
from store.addresses import ascii_domain

_PORT_MAX = 65535
TOKEN_LENGTH = 22


def load(path: Path) -> Config:
    """
    Read a configuration file and check that it can be started from here.

    Raises:
        ConfigError: With every unknown key, wrong value, busy port and unreadable file at once.
    """
    config, problems = parse(path)
    unreadable = any(not problem.key for problem in problems)
    if not unreadable:
        text = path.read_text(encoding="utf-8")
        wrong = {problem.key for problem in problems}
        problems += [replace(p, line=line_of(p.key, text)) for p in check(config) if p.key not in wrong]
    if problems:
        raise ConfigError(path, problems)
    return config


def check(config: Config) -> list[Problem]:
    """Say what in a well-formed configuration cannot work on this machine, or would be unsafe."""
    return [
        *_check_listeners(config),
        *_check_workers(config),
        *_check_files(config),
        *_check_dkim(config),
        *_check_networks(config),
        *_check_zone(config),
        *_check_name_servers(config),
        *_check_names(config),
        *_check_base_urls(config),
    ]


def listeners(config: Config) -> Iterator[tuple[Key, str]]:
    """Give every address that Homing listens on, with the key that says so."""
    submission = config.relay.submission
    for key, addresses in (
        (("relay", "submission", "listen"), submission.listen),
        (("relay", "submission", "listen_tls"), submission.listen_tls),
        (("bounce", "listen"), config.bounce.listen),
        (("pixel", "listen"), config.pixel.listen),
        (("pixel", "listen_tls"), config.pixel.listen_tls),
        (("admin", "listen"), config.admin.listen),
    ):
        yield from ((key, address) for address in addresses)
    if config.relay.sandbox.enabled:
        yield ("relay", "sandbox", "listen"), config.relay.sandbox.listen


def host_and_port(address: str) -> tuple[str, int]:
    """Split ``127.0.0.1:25`` or ``[::1]:25``. Raises ValueError with what would be right."""
    host, colon, port = address.rpartition(":")
    host = host.removeprefix("[").removesuffix("]")
    if not colon or not re.fullmatch(r"[0-9]{1,5}", port) or int(port) > _PORT_MAX:
        raise ValueError(f'"{address}" should be an address and a port, like "127.0.0.1:2525" or "[::1]:2525"')
    try:
        ipaddress.ip_address(host)
    except ValueError:
        raise ValueError(f'"{host}" is no IP address; "0.0.0.0" listens on all') from None
    return host, int(port)


def _check_listeners(config: Config) -> Iterator[Problem]:
    seen: dict[tuple[str, int], Key] = {}
    for key, address in listeners(config):
        try:
            host, port = host_and_port(address)
        except ValueError as error:
            yield Problem(key, str(error))
            continue
        if taken := next((other for there, other in seen.items() if _same_port(there, (host, port))), None):
            yield Problem(key, f"{address} is taken by {spell(taken)} already")
            continue
        seen[host, port] = key
        if fault := _cannot_bind(host, port):
            yield Problem(key, f"cannot listen on {address}: {fault}")


def _same_port(one: tuple[str, int], other: tuple[str, int]) -> bool:
    """Whether two listeners would get into each other's way; port 0 is any free port."""
    return one[1] == other[1] != 0 and (one[0] == other[0] or {"0.0.0.0", "::"} & {one[0], other[0]} != set())  # noqa: S104  compared, not bound


def _cannot_bind(host: str, port: int) -> str:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        with socket.socket(family, socket.SOCK_STREAM) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind((host, port))
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            return "the port is in use by another program"
        if error.errno == errno.EACCES:
            return "no right to use this port; ports below 1024 need the capability CAP_NET_BIND_SERVICE"
        return error.strerror or "unknown error"
    return ""


def _check_workers(config: Config) -> Iterator[Problem]:
    """Several processes need a store that several may write to, and ports that are known beforehand."""
    if config.relay.workers == 1:
        return
    if config.store.url.startswith("sqlite"):
        text = 'more than one needs PostgreSQL, SQLite has one writer: [store] url = "postgresql://user:password@host/name"'
        yield Problem(("relay", "workers"), text)
    for key, address in listeners(config):
        if address.endswith(":0"):
            yield Problem(key, f"{address} is another port for each worker; name one")


def _check_files(config: Config) -> Iterator[Problem]:
    submission = config.relay.submission
    for key, path in (
        (("relay", "master_key"), config.relay.master_key),
        (("relay", "submission", "certificate"), submission.certificate),
        (("relay", "submission", "private_key"), submission.private_key),
    ):
        if path is not None and (fault := _cannot_read(path)):
            yield Problem(key, f"{path} {fault}")
    yield from _check_master_key(config.relay.master_key)
    yield from _check_certificate(submission.certificate, submission.private_key)
    yield from _check_pixel_certificate(config)
    if config.pixel.countries is not None:
        try:
            load_countries(config.pixel.countries)
        except NoCountriesError as error:
            yield Problem(("pixel", "countries"), str(error))


def _check_dkim(config: Config) -> Iterator[Problem]:
    """Every key that should sign must be there, unless mail may leave unsigned."""
    settings, key = config.relay.dkim, ("relay", "dkim", "keys")
    if settings.unsigned == "send":
        return
    try:
        domains = list_domains(settings.keys)
    except OSError as error:
        yield Problem(key, f"{settings.keys} cannot be read: {(error.strerror or 'unknown error').lower()}")
        return
    for domain in domains:
        for trouble in read_domain(settings.keys, domain).troubles():
            yield Problem(key, f"mail from {domain} cannot be signed: {trouble}")


def _check_master_key(path: Path) -> Iterator[Problem]:
    key = ("relay", "master_key")
    if not path.is_file() or _cannot_read(path):
        return
    if path.stat().st_mode & 0o077:
        yield Problem(key, f"{path} can be read by others: chmod 600 it")
    try:
        read_keys(path)
    except KeyFileError as error:
        yield Problem(key, str(error))


def _check_certificate(certificate: Path | None, private_key: Path | None) -> Iterator[Problem]:
    key = ("relay", "submission", "certificate")
    if certificate is None and private_key is None:
        return
    if certificate is None or private_key is None:
        yield Problem(key, "goes together with private_key: set both, or neither")
    elif certificate.is_file() != private_key.is_file():
        there, missing = (certificate, private_key) if certificate.is_file() else (private_key, certificate)
        yield Problem(key, f"{there} is there, and {missing} is not")
    elif certificate.is_file() and not _cannot_read(certificate) and not _cannot_read(private_key):
        try:
            load_context(certificate, private_key)
        except OSError:  # ssl.SSLError is one; its text names no file
            yield Problem(key, f"{certificate} and {private_key} are no certificate and its key, both PEM")


def _check_pixel_certificate(config: Config) -> Iterator[Problem]:
    """None is made for the image: mail programs load it only where they trust the certificate."""
    pixel = config.pixel
    if not pixel.listen_tls:
        return
    for key, path in (("certificate", pixel.certificate), ("private_key", pixel.private_key)):
        if fault := "is not there" if not path.is_file() else _cannot_read(path):
            yield Problem(("pixel", key), f"{path} {fault}; listen_tls needs a certificate that mail programs trust")
            return
    try:
        load_context(pixel.certificate, pixel.private_key)
    except OSError:
        text = f"{pixel.certificate} and {pixel.private_key} are no certificate and its key, both PEM"
        yield Problem(("pixel", "certificate"), text)


def _cannot_read(path: Path) -> str:
    """Say why a file cannot be read; one that does not exist yet is made at first start."""
    try:
        with path.open("rb") as file:
            file.read(1)
    except FileNotFoundError:
        folder = next(parent for parent in path.parents if parent.exists())
        if not folder.is_dir():
            return f"cannot be made: {folder} is not a folder"
        return "" if os.access(folder, os.W_OK) else f"cannot be made: no right to write in {folder}"
    except OSError as error:
        return f"cannot be read: {(error.strerror or 'unknown error').lower()}"
    return ""


def _check_names(config: Config) -> Iterator[Problem]:
    """The names that we say of ourselves must be such, or other servers refuse us."""
    names: list[tuple[Key, str]] = [(("relay", "hostname"), config.relay.hostname)]
    names += [(("bounce", "domain"), config.bounce.domain)] if config.bounce.domain else []
    names += [(("bounce", "aligned_domains"), domain) for domain in config.bounce.aligned_domains]
    names += [(("relay", "sandbox", "domain"), config.relay.sandbox.domain)] if config.relay.sandbox.enabled else []
    for key, name in names:
        spelled = ascii_domain(name)
        if not spelled or spelled != name.lower() or spelled.rpartition(".")[2].isdigit():
            like = spelled if not name.isascii() and spelled else "mail.example.org"
            yield Problem(key, f'"{name}" should be a domain name in ASCII, like "{like}"')


def _check_zone(config: Config) -> Iterator[Problem]:
    zone = config.admin.digest.zone
    try:
        ZoneInfo(zone)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        yield Problem(("admin", "digest", "zone"), f'"{zone}" is no time zone known here, like "Europe/Madrid"')


def _check_networks(config: Config) -> Iterator[Problem]:
    trusted = ("relay", "submission", "trusted_networks")
    proxies = ("relay", "submission", "proxy_networks")
    believed = (proxies, ("pixel", "proxy_networks"), ("pixel", "trusted_proxies"))
    keys: dict[Key, tuple[str, ...]] = {
        ("admin", "proxy_networks"): config.admin.proxy_networks,
        trusted: config.relay.submission.trusted_networks,
        proxies: config.relay.submission.proxy_networks,
        ("relay", "delivery", "allow_private_destinations"): config.relay.delivery.allow_private_destinations,
        ("pixel", "trusted_proxies"): config.pixel.trusted_proxies,
        ("pixel", "proxy_networks"): config.pixel.proxy_networks,
        ("pixel", "own_networks"): config.pixel.own_networks,
        ("admin", "webhooks", "allow_private"): config.admin.webhooks.allow_private,
        ("admin", "metrics", "networks"): config.admin.metrics.networks,
    }
    for key, networks in keys.items():
        for written in networks:
            try:
                network = ipaddress.ip_network(written)
            except ValueError:
                yield Problem(key, f'"{written}" is no network; write it like "192.0.2.0/24"')
                continue
            if key == trusted and network.prefixlen == 0:
                yield Problem(key, f"{written} is everybody: this would be an open relay")
            if key in believed and network.prefixlen == 0:
                yield Problem(key, f"{written} is everybody: whoever connects could write its own address")


def _check_name_servers(config: Config) -> Iterator[Problem]:
    """What a resolver says of its validating is believed only where nobody is between it and us."""
    dns = config.relay.dns
    for server in dns.nameservers if dns.validating else ():
        try:
            address = server if server.count(":") > 1 and "[" not in server else host_and_port(_with_port(server))[0]
            here = ipaddress.ip_address(address).is_loopback
        except ValueError:
            here = False
        if not here:
            text = f"{server} is not on this machine, so its answers could be forged on the way; run one here (unbound)"
            yield Problem(("relay", "dns", "validating"), text)


def _with_port(server: str) -> str:
    return server if ":" in server.rpartition("]")[2] else f"{server}:53"


def _check_base_urls(config: Config) -> Iterator[Problem]:
    yield from _check_base_url(("pixel", "base_url"), config.pixel.base_url)
    for domain, url in config.pixel.hosts.items():
        key = ("pixel", "hosts", domain)
        spelled = ascii_domain(domain)
        if not spelled or spelled != domain:
            yield Problem(
                key, f'"{domain}" should be a domain in ASCII and small letters, like "{spelled or "club.org"}"'
            )
        yield from _check_base_url(key, url)


def _check_base_url(key: Key, written: str) -> Iterator[Problem]:
    try:
        url = urlsplit(written)
    except ValueError:  # an address in brackets that is none
        url = urlsplit("")
    if url.scheme not in ("http", "https") or not url.hostname:
        yield Problem(key, 'should be like "https://track.example.org"')
        return
    if url.path.strip("/") or url.query or url.fragment:
        yield Problem(key, "should have no path and no query")
        return
    try:
        element(written, "A" * TOKEN_LENGTH)
    except ValueError as error:
        yield Problem(key, str(error))

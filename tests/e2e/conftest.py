"""Fixtures of the end-to-end tests: real mail servers, real clients and a real Homing, all on loopback."""

import os
import shutil
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, TypeVar

import pytest
import trustme

from tests.e2e.rigs.homing import HOSTNAME, Homing
from tests.e2e.rigs.mail_server import MailServer

IN_CI = os.environ.get("CI", "") not in ("", "false", "0")

AnyServer = TypeVar("AnyServer", bound=MailServer)
MakeHoming = Callable[..., Homing]
Serve = Callable[[AnyServer], AnyServer]


@pytest.fixture(autouse=True)
def _needed_programs(request: pytest.FixtureRequest) -> None:
    """Outside CI a test whose program is missing is skipped and says what to do; in CI it runs, and fails."""
    for mark in request.node.iter_markers("needs"):
        if shutil.which(mark.args[0]) is None and not IN_CI:
            pytest.skip(f"{mark.args[0]} is missing: run scripts/provision")


@pytest.fixture
def serve(request: pytest.FixtureRequest) -> Iterator[Serve[Any]]:
    """Start a mail server: ``serve(Postfix("mx.club.test", mailboxes=[...]))``. It ends with the test."""
    servers: list[MailServer] = []

    def begin(server: AnyServer) -> AnyServer:
        servers.append(server)
        server.start()
        return server

    yield begin
    for server in servers:
        request.node.add_report_section("call", f"log of {server.package} {server.hostname}", server.log)
        server.remove()


@pytest.fixture
def make_homing(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[MakeHoming]:
    """Make a Homing, not yet started, in its own folder: ``make_homing({"relay": ...})``. It ends with the test."""
    relays: list[Homing] = []

    def make(settings: Mapping[str, Any] | None = None, *, name: str = "homing") -> Homing:
        folder = tmp_path / name
        folder.mkdir()
        relays.append(Homing(folder, settings))
        return relays[-1]

    yield make
    for relay in relays:
        request.node.add_report_section("call", f"output of Homing in {relay.folder}", relay.output)
        relay.stop()


@pytest.fixture(scope="session")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give the certificate of the authority that the clients trust, as a PEM file."""
    path = tmp_path_factory.mktemp("authority") / "authority.pem"
    _AUTHORITY.cert_pem.write_to_path(str(path))
    return path


_AUTHORITY = trustme.CA()


@pytest.fixture
def certificate(tmp_path: Path) -> Callable[..., dict[str, str]]:
    """Make a certificate for an address; gives the settings of ``[relay.submission]`` that use it."""

    def make(address: str) -> dict[str, str]:
        issued = _AUTHORITY.issue_cert(address, HOSTNAME)
        chain, key = tmp_path / f"{address}.pem", tmp_path / f"{address}.key"
        for blob in issued.cert_chain_pems:
            blob.write_to_path(str(chain), append=True)
        issued.private_key_pem.write_to_path(str(key))
        key.chmod(0o600)
        return {"certificate": str(chain), "private_key": str(key)}

    return make

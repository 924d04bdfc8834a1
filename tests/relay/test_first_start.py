"""relay/first_start.py: what is made once, and what a newcomer is told."""

import logging
import ssl
from pathlib import Path

import pytest

from relay.config import Config
from relay.first_start import FirstSecrets, certificate_files, make_secrets, smtp_settings, welcome
from relay.settings import SandboxSettings
from store.open import Store

LOG = logging.getLogger("homing.test")
ADDRESSES = {
    "submission": "127.0.0.1:2525",
    "bounce": "127.0.0.1:2526",
    "pixel": "127.0.0.1:8025",
    "admin": "[::1]:8026",
}
MADE = FirstSecrets(user="app-1", password="p4ss", admin_password="s3cret-s3cret")


async def test_secrets_are_made_once(store: Store) -> None:
    """The first start gives passwords that work, the next none."""
    made = await make_secrets(store, "s3cret-s3cret")
    assert await store.credentials.check(made.user, made.password, "127.0.0.1") is not None
    assert await store.people.check("admin", made.admin_password)
    assert await make_secrets(store, "other") == FirstSecrets()
    assert not await store.people.check("admin", "other")


async def test_a_credential_of_yours_is_enough(store: Store) -> None:
    """Where there is one, none is made beside it, although there is no person yet."""
    await store.credentials.create("crm")
    made = await make_secrets(store, "s3cret-s3cret")
    assert (made.user, made.password, made.admin_password) == ("", "", "s3cret-s3cret")
    assert [one.name for one in await store.credentials.list()] == ["crm"]


async def test_a_revoked_credential_does_not_come_back(store: Store) -> None:
    """Who revoked the only one wanted nobody to log in; a restart makes no new one."""
    await make_secrets(store, "s3cret-s3cret")
    await store.credentials.revoke("default")
    assert (await make_secrets(store, "s3cret-s3cret")).password == ""


def test_a_first_welcome_has_all_that_is_pasted() -> None:
    """Server, port, user, password, the page with its own, and the line that sends a mail."""
    lines = welcome(Config(), MADE, ADDRESSES, ".venv/bin/homing").splitlines()
    for line in (
        "    Server      127.0.0.1",
        "    Port        2525",
        "    Encryption  STARTTLS",
        "    User        app-1",
        "    Password    p4ss",
        "    Address     http://[::1]:8026/",
        "    Password    s3cret-s3cret",
        "    .venv/bin/homing send-test --user app-1 --password p4ss ann@sandbox.test",
    ):
        assert line in lines
    assert max(map(len, lines)) <= 120


def test_a_later_welcome_shows_no_password() -> None:
    """It says how to get a new credential instead, and no line is empty of sense."""
    text = welcome(Config(), FirstSecrets(), ADDRESSES, "homing")
    assert "Password  " not in text
    assert "as made before; a new one: homing user add NAME" in text
    assert "--user USER --password PASSWORD" in text


def test_without_a_sandbox_there_is_no_test_line() -> None:
    """Nothing is printed that would leave the machine."""
    config = Config()
    relay = config.relay.model_copy(update={"sandbox": SandboxSettings(enabled=False)})
    assert "send-test" not in welcome(config.model_copy(update={"relay": relay}), MADE, ADDRESSES, "homing")


def test_settings_without_a_certificate(config: Config) -> None:
    """An application is not told to encrypt where no TLS is offered."""
    submission = config.relay.submission.model_copy(update={"certificate": None})
    relay = config.relay.model_copy(update={"submission": submission})
    plain = config.model_copy(update={"relay": relay})
    assert smtp_settings(plain, "127.0.0.1:25")[-1] == ("Encryption", "none")
    assert certificate_files(plain, now=0.0, random=bytes(16), log=LOG) is None


def test_a_certificate_is_made_once_and_its_key_is_private(config: Config, tmp_path: Path) -> None:
    """The second start loads what the first made."""
    now = 1_790_000_000.0
    made = certificate_files(config, now=now, random=bytes(range(16)), log=LOG)
    assert made is not None
    assert isinstance(made.context, ssl.SSLContext)
    files = [tmp_path / "tls" / name for name in ("certificate.pem", "key.pem")]
    before = [file.read_bytes() for file in files]
    assert files[1].stat().st_mode & 0o077 == 0
    assert certificate_files(config, now=now, random=bytes(16), log=LOG) is not None
    assert [file.read_bytes() for file in files] == before


def test_half_a_pair_is_never_overwritten(config: Config, tmp_path: Path) -> None:
    """A key without its certificate is somebody's mistake to mend, not ours to replace."""
    (tmp_path / "tls").mkdir()
    (tmp_path / "tls" / "key.pem").write_text("mine")
    with pytest.raises(OSError, match="No such file"):
        certificate_files(config, now=0.0, random=bytes(16), log=LOG)
    assert (tmp_path / "tls" / "key.pem").read_text() == "mine"

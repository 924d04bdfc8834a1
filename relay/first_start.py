"""
What a first start makes and says: a certificate, one credential, one person for the pages (``keys.py`` makes the key).

The words printed here are what a newcomer pastes into an application; they are shown once, with the passwords.
"""

from dataclasses import dataclass
from logging import Logger

from relay.config import Config
from relay.keys import write_private
from relay.preflight import host_and_port
from relay.submission.certificate import CertificateFiles, make_certificate
from store.open import Store

FIRST_CREDENTIAL = "default"
FIRST_PERSON = "admin"


@dataclass(frozen=True, slots=True)
class FirstSecrets:
    """The passwords that exist in clear only now; empty where there was one before."""

    user: str = ""
    password: str = ""
    admin_password: str = ""


async def make_secrets(store: Store, admin_password: str) -> FirstSecrets:
    """Make the first credential and the first person, where there is none yet. The password given is random."""
    user = password = ""
    if not await store.credentials.list():
        user, password = await store.credentials.create(FIRST_CREDENTIAL)
    if await store.people.count():
        return FirstSecrets(user, password)
    await store.people.create(FIRST_PERSON, admin_password)
    return FirstSecrets(user, password, admin_password)


def certificate_files(config: Config, *, now: float, random: bytes, log: Logger) -> CertificateFiles | None:
    """
    Load the certificate of the submission port, or make a self-signed one where there is none yet.

    Args:
        config: Says where certificate and key lie.
        now: Unix seconds, UTC.
        random: At least 16 octets, for the serial number of a new one.
        log: Where trouble with later certificates goes.

    Returns:
        None where the configuration names none: no TLS is offered.

    Raises:
        OSError: The files cannot be used, or not be made.
    """
    certificate, private_key = config.relay.submission.certificate, config.relay.submission.private_key
    if certificate is None or private_key is None:
        return None
    if not certificate.exists() and not private_key.exists():
        pem, key = make_certificate(config.relay.hostname, now=now, random=random)
        certificate.parent.mkdir(parents=True, exist_ok=True)
        write_private(private_key, key)
        certificate.write_bytes(pem)
    return CertificateFiles(certificate, private_key, log)


def welcome(config: Config, secrets: FirstSecrets, addresses: dict[str, str], command: str) -> str:
    """
    Say what to paste into an application, where the pages are, and how to send a first mail.

    Args:
        config: What is running.
        secrets: The passwords made just now.
        addresses: What is listened on: "submission", "bounce", "pixel", "admin".
        command: How this program is called here: ".venv/bin/homing".
    """
    lines = [
        f"Homing is running. Statuses: {command} tail",
        "",
        "  SMTP settings for your application",
        *(f"    {name:<12}{value}" for name, value in smtp_settings(config, addresses["submission"])),
    ]
    lines += _login(secrets.user, secrets.password) or [
        f"    {'User':<12}as made before; a new one: {command} user add NAME"
    ]
    lines += ["", "  Pages", f"    {'Address':<12}http://{addresses['admin']}/"]
    lines += _login(FIRST_PERSON, secrets.admin_password)
    if secrets.password or secrets.admin_password:
        lines += ["", f"  Passwords are shown this once. A new credential: {command} user add NAME"]
    if config.relay.sandbox.enabled:
        lines += ["", *_sandbox_lines(config, secrets, command)]
    return "\n".join(lines)


def smtp_settings(config: Config, submission: str) -> list[tuple[str, str]]:
    """Give what an application must be told, but for user and password; ``submission`` is ``host:port``."""
    host, port = host_and_port(submission)
    tls = "STARTTLS" if config.relay.submission.certificate else "none"
    return [("Server", host), ("Port", str(port)), ("Encryption", tls)]


def _login(user: str, password: str) -> list[str]:
    return [f"    {'User':<12}{user}", f"    {'Password':<12}{password}"] if password else []


def _sandbox_lines(config: Config, secrets: FirstSecrets, command: str) -> list[str]:
    domain = config.relay.sandbox.domain
    login = f"--user {secrets.user or 'USER'} --password {secrets.password or 'PASSWORD'}"
    others = ", ".join(f"{name}@{domain}" for name in ("gone", "full", "later-bounce", "slow"))
    return [
        "  Send a test mail; it is delivered and opened, and `tail` shows it",
        f"    {command} send-test {login} ann@{domain}",
        "",
        "  Others act out what their names say",
        f"    {others}",
    ]

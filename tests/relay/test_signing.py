"""relay/signing.py: the right keys for each mail, as they are now, in threads."""

import asyncio
import logging
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from relay.delivery.envelope import Finding
from relay.dkim_keys import activate, add_key, retire
from relay.message.dkim_key import SigningKey
from relay.settings import DkimSettings
from relay.signing import LOOK_AGAIN, Signing
from store.nouns import Reason
from tests.conftest import Clock
from tests.rigs.dkim import ED25519, RSA, dkimpy_says

LOG = logging.getLogger("homing.test.dkim")
AT = 1_600_000_000.0  # in the past: verifiers look at the real clock


def put(folder: Path, key: SigningKey, domain: str, selector: str) -> dict[str, str]:
    """Make a key file, activate it, and give its DNS record."""
    pem = key.private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    add_key(folder, domain, selector, pem, now=AT - 10)
    activate(folder, domain, selector, now=AT - 10)
    return {f"{selector}._domainkey.{domain}": key.record}


def mail(domain: str, body: str = "Dear Ann\r\n") -> bytes:
    return f"From: office@{domain}\r\nSubject: x\r\n\r\n{body}".encode()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "dkim"


@pytest.fixture
def signing(folder: Path, clock: Clock) -> Iterator[Signing]:
    signing = Signing(DkimSettings(keys=folder), clock=clock, log=LOG)
    yield signing
    signing.close()


async def signed(signing: Signing, copy: bytes) -> bytes:
    result = await signing.sign(copy, AT)
    assert isinstance(result, bytes)
    return result


async def test_without_keys_all_mail_leaves_as_it_is(signing: Signing) -> None:
    """And without a thread."""
    assert await signed(signing, mail("club.test")) == mail("club.test")
    assert not signing.has_key("club.test")
    assert not any(thread.name.startswith("dkim") for thread in threading.enumerate())


async def test_both_algorithms_sign_side_by_side(signing: Signing, folder: Path) -> None:
    """Two fields on top, RSA first; the rest is the copy."""
    dns = put(folder, ED25519, "club.test", "a") | put(folder, RSA, "club.test", "b")
    result = await signed(signing, mail("club.test"))
    assert result.endswith(mail("club.test"))
    assert result.count(b"DKIM-Signature:") == 2
    assert result.index(b"a=rsa-sha256") < result.index(b"a=ed25519-sha256")
    assert dkimpy_says(result, dns, signature=0)
    assert dkimpy_says(result, dns, signature=1)
    assert await signed(signing, mail("club.test")) == result


@pytest.mark.parametrize(
    ("sender", "signer"),
    [
        ("club.test", "club.test"),
        ("CLUB.test", "club.test"),
        ("mail.club.test", "club.test"),
        ("a.youth.club.test", "youth.club.test"),
        ("bücher.test", "xn--bcher-kva.test"),
        ("notclub.test", ""),
        ("test", ""),
        ("club.test.else", ""),
    ],
)
async def test_the_key_is_that_of_the_domain_or_of_one_above(
    signing: Signing, folder: Path, sender: str, signer: str
) -> None:
    """The nearest one; never that of a name that only ends alike."""
    for domain in ("club.test", "youth.club.test", "xn--bcher-kva.test"):
        put(folder, ED25519, domain, "a")
    result = await signed(signing, mail(sender))
    assert (f" d={signer};".encode() in result) if signer else (result == mail(sender))
    assert signing.has_key(sender.lower().encode("idna").decode()) == bool(signer)


async def test_mail_without_a_from_domain_leaves_unsigned(signing: Signing, folder: Path) -> None:
    """There is nothing to choose a key by."""
    put(folder, ED25519, "club.test", "a")
    for copy in (b"To: a@club.test\r\n\r\n", b"", b"From: nobody\r\n\r\n", b"\r\n\r\n"):
        assert await signed(signing, copy) == copy


async def test_signatures_stand_behind_a_mailbox_files_mark(signing: Signing, folder: Path) -> None:
    """As every field that is added."""
    dns = put(folder, RSA, "club.test", "a")
    mark = b"From office@club.test Mon Nov 23 09:00:00 2026\r\n"
    result = await signed(signing, mark + mail("club.test"))
    assert result.startswith(mark + b"DKIM-Signature: ")
    assert dkimpy_says(result.removeprefix(mark), dns)


async def test_keys_change_while_it_runs(signing: Signing, folder: Path, clock: Clock) -> None:
    """Made, activated, retired: seen within seconds, not looked for with each mail."""
    assert b"DKIM-Signature" not in await signed(signing, mail("club.test"))
    put(folder, ED25519, "club.test", "a")
    assert not signing.has_key("club.test")
    clock.move(LOOK_AGAIN)
    assert b" s=a;" in await signed(signing, mail("club.test"))
    retire(folder, "club.test", "a", now=AT - 5)
    assert signing.has_key("club.test")
    clock.move(LOOK_AGAIN)
    assert not signing.has_key("club.test")
    assert await signed(signing, mail("club.test")) == mail("club.test")
    assert b" s=a;" in await signed_at(signing, AT - 6)


async def signed_at(signing: Signing, at: float) -> bytes:
    result = await signing.sign(mail("club.test"), at)
    assert isinstance(result, bytes)
    return result


async def test_a_clock_that_jumps_back_does_not_keep_old_keys(signing: Signing, folder: Path, clock: Clock) -> None:
    """A look from the future counts as old."""
    assert not signing.has_key("club.test")
    put(folder, ED25519, "club.test", "a")
    clock.move(-3600)
    assert signing.has_key("club.test")


async def test_a_key_that_cannot_be_read_keeps_the_mail(
    signing: Signing, folder: Path, clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    """D16: deferred, never silently unsigned; the log says why, once; when the file is mended it is signed."""
    put(folder, ED25519, "club.test", "a")
    path = folder / "club.test" / "a.pem"
    path.chmod(0o644)
    for _ in range(3):
        finding = await signing.sign(mail("club.test"), AT)
        assert isinstance(finding, Finding)
        assert (finding.reason, finding.permanent, finding.status) == (Reason.SYSTEM_ERROR, False, "4.3.5")
        assert str(folder) not in finding.why
        clock.move(LOOK_AGAIN)
    assert caplog.text.count(f"{path} can be read by others: chmod 600 it") == 1
    assert signing.has_key("club.test")
    assert await signed(signing, mail("other.test")) == mail("other.test")
    path.chmod(0o600)
    clock.move(LOOK_AGAIN)
    assert b" s=a;" in await signed(signing, mail("club.test"))


async def test_one_of_two_keys_is_enough(signing: Signing, folder: Path) -> None:
    """The mail is signed, by the key that can be read."""
    put(folder, ED25519, "club.test", "a")
    put(folder, RSA, "club.test", "b")
    (folder / "club.test" / "a.pem").unlink()
    result = await signed(signing, mail("club.test"))
    assert result.count(b"DKIM-Signature:") == 1
    assert b" s=b;" in result


async def test_unsigned_by_explicit_choice(folder: Path, clock: Clock) -> None:
    """``unsigned = "send"``: the mail leaves without the signature that it cannot have."""
    put(folder, ED25519, "club.test", "a")
    (folder / "club.test" / "a.pem").write_text("damaged")
    signing = Signing(DkimSettings(keys=folder, unsigned="send"), clock=clock, log=LOG)
    assert await signed(signing, mail("club.test")) == mail("club.test")
    signing.close()


async def test_a_folder_that_cannot_be_listed_keeps_all_mail(tmp_path: Path, clock: Clock) -> None:
    """Nobody knows then which domains have a key."""
    (tmp_path / "file").write_text("no folder")
    signing = Signing(DkimSettings(keys=tmp_path / "file"), clock=clock, log=LOG)
    assert isinstance(await signing.sign(mail("club.test"), AT), Finding)
    assert signing.has_key("club.test")
    signing.close()


async def test_relaxed_bodies_by_configuration(folder: Path, clock: Clock) -> None:
    """White space changed on the way does not break the signature."""
    dns = put(folder, RSA, "club.test", "a")
    signing = Signing(DkimSettings(keys=folder, body_canonicalization="relaxed"), clock=clock, log=LOG)
    result = await signed(signing, mail("club.test", "Dear  Ann \r\n\r\n"))
    assert dkimpy_says(result.replace(b"Dear  Ann \r\n\r\n", b"Dear Ann\r\n"), dns)
    signing.close()


async def test_many_copies_at_once(signing: Signing, folder: Path) -> None:
    """Copies that share a header and such that do not, of small and large headers, each with its own signature."""
    dns = put(folder, RSA, "club.test", "a")
    copies = [mail("club.test", f"token {number}\r\n") for number in range(20)]
    copies += [f"X-Large: {'x ' * 9000}{number}\r\n".encode() + mail("club.test") for number in range(2)]
    results = await asyncio.gather(*(signed(signing, copy) for copy in copies))
    assert len(set(results)) == len(copies)
    assert all(result.endswith(copy) for result, copy in zip(results, copies, strict=True))
    assert all(dkimpy_says(result, dns) for result in results)

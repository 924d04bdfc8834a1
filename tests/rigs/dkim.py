"""Keys of the tests and judges of signatures that are not ours."""

from collections.abc import Iterable, Mapping

import dkim
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key

from relay.message.dkim_key import SigningKey

RSA = SigningKey("club.test", "rsa1", generate_private_key(65537, 2048))
ED25519 = SigningKey("club.test", "ed1", Ed25519PrivateKey.generate())


def records(keys: Iterable[SigningKey] = (RSA, ED25519)) -> dict[str, str]:
    """Give what DNS holds of keys: name without a final dot -> text."""
    return {key.record_name: key.record for key in keys}


def dkimpy_says(mail: bytes, dns: Mapping[str, str], *, signature: int = 0) -> bool:
    """Whether dkimpy finds the n-th signature from the top good."""

    def look_up(name: bytes, timeout: int = 5) -> bytes:  # noqa: ARG001 - dkimpy's contract
        return dns[name.decode().rstrip(".")].encode()

    try:
        return bool(dkim.DKIM(mail).verify(idx=signature, dnsfunc=look_up))
    except dkim.ValidationError:  # the body is another one
        return False

"""A program in JavaScript, as SendGrid's documentation has it, verifies the signature of a call."""

import subprocess

import pytest

from admin.webhooks.signature_sendgrid import sendgrid_headers, verification_key

SECRET = "whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="
RECEIVER = """
const [key, signature, timestamp, payload] = process.argv.slice(1);
const pem = `-----BEGIN PUBLIC KEY-----\\n${key}\\n-----END PUBLIC KEY-----`;
const verifier = require("crypto").createVerify("sha256").update(timestamp + payload);
process.stdout.write(String(verifier.verify(pem, Buffer.from(signature, "base64"))));
"""


def verdict(payload: str, seen: str) -> str:
    """Sign one payload, and have another one verified with its headers."""
    signature, timestamp = sendgrid_headers(payload.encode(), secret=SECRET, now=1_790_000_000.0).values()
    told = (verification_key(SECRET), signature, timestamp, seen)
    run = subprocess.run(["node", "-e", RECEIVER, *told], capture_output=True, text=True, timeout=60, check=True)
    return run.stdout


@pytest.mark.needs("node")
def test_node_verifies_it() -> None:
    """With the public key as the page shows it; a changed body is refused."""
    payload = '[{"event":"delivered","email":"bæn@example.org"}]'
    assert verdict(payload, payload) == "true"
    assert verdict(payload, payload.replace("delivered", "bounce")) == "false"

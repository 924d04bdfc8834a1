"""The JavaScript of docs/embedding.md, run by Node: the links it makes open."""

import os
import subprocess
import time

import pytest

from tests.admin.embeds.test_link import AWKWARD, KEY, code, open_url


@pytest.mark.needs("node")
def test_the_documents_javascript_signs_as_we_do() -> None:
    """Its URLs open."""
    asked = f'console.log(homing("customer", {{ customer: "{AWKWARD}" }}))'
    environment = {"PATH": os.environ["PATH"], "HOMING_EMBED_KEY": KEY.hex(), "HOMING_URL": ""}
    run = subprocess.run(
        ["node", "-e", code("js") + asked], capture_output=True, text=True, timeout=60, check=True, env=environment
    )
    assert open_url(run.stdout.strip(), now=time.time())["customer"] == AWKWARD

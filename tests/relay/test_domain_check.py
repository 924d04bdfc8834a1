"""relay/domain_check.py: what DNS should say of our domains, and how what it says is judged."""

from pathlib import Path
from typing import Any

import pytest

from relay.config import Config
from relay.delivery.resolver import Failed, Found, FoundMx, NoRecord, NoSuchDomain
from relay.dkim_commands import activate_key, new_key
from relay.dkim_keys import read_domain
from relay.domain_check import DomainCheck

NOW = 1_790_000_000.0


class Dns:
    """Answers as it was told to, and else that there is no such name."""

    def __init__(self, **answers: Any) -> None:
        self.answers = answers

    async def mx(self, domain: str) -> Any:
        return self.answers.get(f"MX {domain}", NoSuchDomain(0.0))

    async def texts(self, name: str) -> Any:
        return self.answers.get(f"TXT {name}", NoRecord(0.0))


@pytest.fixture
def checked(tmp_path: Path) -> Config:
    """A relay with a bounce domain, and a domain that it signs for."""
    config = Config()
    relay = config.relay.model_copy(
        update={"hostname": "relay.test", "dkim": config.relay.dkim.model_copy(update={"keys": tmp_path})}
    )
    new_key(tmp_path, "club.test", selector="s1", algorithm="ed25519", now=NOW)
    activate_key(tmp_path, "club.test", "s1", now=NOW)
    return config.model_copy(
        update={"relay": relay, "bounce": config.bounce.model_copy(update={"domain": "bounces.test"})}
    )


async def states(config: Config, dns: Dns, domain: str) -> dict[str, str]:
    """Give the state of each record by its name."""
    records = await DomainCheck(config, dns).check(domain)  # type: ignore[arg-type]
    return {f"{record.kind} {record.name}": record.state for record in records}


async def test_our_domains(checked: Config) -> None:
    """Where bounces come back to, then those that are signed for."""
    assert await DomainCheck(checked, Dns()).domains() == ["bounces.test", "club.test"]  # type: ignore[arg-type]


async def test_what_is_missing_and_what_gives_no_answer(checked: Config) -> None:
    """A name that is not there is not the same as a server that says nothing."""
    assert await states(checked, Dns(), "bounces.test") == {"MX bounces.test": "missing", "TXT bounces.test": "missing"}
    silent = Dns(**{"MX bounces.test": Failed("timed out", 0.0), "TXT bounces.test": Failed("timed out", 0.0)})
    assert set((await states(checked, silent, "bounces.test")).values()) == {"unknown"}


async def test_right_and_wrong(checked: Config) -> None:
    """The MX is our host; one sender policy is a policy, two are none; the key is that of the file, blanks or not."""
    record = read_domain(checked.relay.dkim.keys, "club.test").keys[0].key.record  # type: ignore[union-attr]
    right = Dns(
        **{
            "MX bounces.test": FoundMx(((10, "relay.test"),), 0.0),
            "TXT bounces.test": Found(("v=spf1 a:relay.test -all", "other"), 0.0),
            "TXT s1._domainkey.club.test": Found((record.replace("p=", "p= "),), 0.0),
            "TXT _dmarc.club.test": Found(("v=DMARC1; p=reject",), 0.0),
        }
    )
    assert set((await states(checked, right, "bounces.test")).values()) == {"right"}
    assert set((await states(checked, right, "club.test")).values()) == {"right"}
    wrong = Dns(
        **{
            "MX bounces.test": FoundMx(((10, "elsewhere.test"),), 0.0),
            "TXT bounces.test": Found(("v=spf1 -all", "v=spf1 ~all"), 0.0),
            "TXT s1._domainkey.club.test": Found(("v=DKIM1; p=AAAA",), 0.0),
        }
    )
    assert set((await states(checked, wrong, "bounces.test")).values()) == {"wrong"}
    assert await states(checked, wrong, "club.test") == {
        "TXT s1._domainkey.club.test": "wrong",
        "TXT _dmarc.club.test": "missing",
    }

"""relay/privacy_commands.py: opting out by command, over a real store."""

import json
from pathlib import Path

import pytest

from pixel.opt_out import OptOutLinks
from relay.keys import opt_out_keys
from relay.privacy_commands import change_opt_out, erase_address, export_address, opt_out_link
from store.nouns import TrackingMode
from store.open import Store
from tests.conftest import Clock
from tests.store.mail import accept


async def test_opt_out_and_back(store: Store, clock: Clock, capsys: pytest.CaptureFixture[str]) -> None:
    """Mail goes on without a pixel, until it is taken back."""
    await change_opt_out(store, "ANN@example.org", undo=False)
    assert (await accept(store, "ann@example.org", now=clock())).jobs[0].tracking is TrackingMode.OFF
    await change_opt_out(store, "ann@example.org", undo=False)
    await change_opt_out(store, "ann@example.org", undo=True)
    assert (await accept(store, "ann@example.org", now=clock())).jobs[0].tracking is TrackingMode.VERDICT
    await change_opt_out(store, "ann@example.org", undo=True)
    lines = capsys.readouterr().out.splitlines()
    assert [line.partition(" ")[2].split(":")[0] for line in lines] == [
        "is no longer followed",
        "had opted out before.",
        "is followed again, as far as the tracking mode says.",
        "had not opted out.",
    ]
    with pytest.raises(ValueError, match="no address"):
        await change_opt_out(store, "ann", undo=False)


async def test_export_and_erase(store: Store, clock: Clock, capsys: pytest.CaptureFixture[str]) -> None:
    """JSON first; then what was erased and what is kept, in sentences; False while a mail is on its way."""
    await accept(store, "ann@example.org", now=clock(), hold=False)
    await store.suppressions.add("ann@example.org")
    await export_address(store, "ann@example.org")
    assert len(json.loads(capsys.readouterr().out)["recipients"]) == 1
    assert await erase_address(store, "ann@example.org", everything=False, done_by="eva")
    assert capsys.readouterr().out.splitlines() == [
        "Erased: 1 mails, 1 of which went to nobody else.",
        "Kept: that no mail is sent there, and why. With --all that goes, too.",
    ]
    await store.suppressions.lift("ann@example.org")
    await accept(store, "ann@example.org", now=clock())
    assert not await erase_address(store, "ann@example.org", everything=True, done_by="eva")
    with pytest.raises(ValueError, match="no address"):
        await export_address(store, "ann")


def test_link(tmp_path: Path) -> None:
    """It opens with the installation's key to that address."""
    key_file = tmp_path / "master.key"
    key_file.write_text("ab" * 32)
    made = opt_out_link(key_file, "https://track.test", "Ann@Example.org")
    links = OptOutLinks(opt_out_keys([bytes.fromhex("ab" * 32)]))
    assert links.decode(made.removeprefix("https://track.test/n/")) == "ann@example.org"

"""relay/dkim_keys.py: which key signs what was accepted when, and what is wrong with a folder."""

from pathlib import Path

import pytest
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from relay.dkim_keys import DkimKeyError, activate, add_key, list_domains, read_domain, retire, stamp
from tests.rigs.dkim import ED25519, RSA

RSA_PEM, ED_PEM = (
    key.private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()) for key in (RSA, ED25519)
)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Three keys of club.test that are new: two RSA, one Ed25519."""
    folder = tmp_path / "dkim"
    for selector, pem in (("b1", RSA_PEM), ("a2", ED_PEM), ("c3", RSA_PEM)):
        add_key(folder, "club.test", selector, pem, now=100.0)
    return folder


def states(folder: Path) -> dict[str, str]:
    return {stored.selector: stored.state for stored in read_domain(folder, "club.test").keys}


def signers(folder: Path, at: float) -> list[str]:
    return [key.selector for key in read_domain(folder, "club.test").at(at)]


def test_a_new_key_is_private_and_does_not_sign(folder: Path) -> None:
    """Its record is published first."""
    assert list_domains(folder) == ["club.test"]
    assert states(folder) == {"a2": "new", "b1": "new", "c3": "new"}
    assert signers(folder, 1e12) == []
    assert not read_domain(folder, "club.test").in_use
    for file in (folder / "club.test").iterdir():
        assert file.stat().st_mode & 0o077 == 0


def test_activation_takes_the_place_of_the_key_of_the_same_algorithm(folder: Path) -> None:
    """One step: at no moment do both sign, or none. RSA stands first, which all verifiers know."""
    activate(folder, "club.test", "b1", now=200.0)
    activate(folder, "club.test", "a2", now=200.0)
    assert read_domain(folder, "club.test").in_use
    active, retired = activate(folder, "club.test", "c3", now=300.0)
    assert (active.selector, [one.selector for one in retired]) == ("c3", ["b1"])
    assert states(folder) == {"a2": "active", "b1": "retired", "c3": "active"}
    assert signers(folder, 300.0) == ["c3", "a2"]


def test_a_retry_is_signed_by_the_key_of_the_first_attempt(folder: Path) -> None:
    """Promise 4: the time of acceptance chooses the key, whatever was activated since."""
    activate(folder, "club.test", "b1", now=200.0)
    before = signers(folder, 250.0)
    activate(folder, "club.test", "c3", now=300.0)
    assert signers(folder, 250.0) == before == ["b1"]
    assert signers(folder, 299.9) == ["b1"]
    assert signers(folder, 300.0) == ["c3"]


def test_mail_from_before_any_key_is_signed_by_the_one_active_now(folder: Path) -> None:
    """Better signed late than never; also when the file of its own key is gone."""
    activate(folder, "club.test", "b1", now=200.0)
    assert signers(folder, 150.0) == ["b1"]
    activate(folder, "club.test", "c3", now=300.0)
    (folder / "club.test" / "b1.pem").unlink()
    assert signers(folder, 250.0) == ["c3"]
    assert read_domain(folder, "club.test").troubles() == []


def test_a_retired_key_signs_no_new_mail(folder: Path) -> None:
    """It says whether there is another one; to retire twice changes nothing; it can be activated again."""
    activate(folder, "club.test", "b1", now=200.0)
    activate(folder, "club.test", "a2", now=200.0)
    retired, others = retire(folder, "club.test", "b1", now=300.0)
    assert (retired.state, others) == ("retired", True)
    assert retire(folder, "club.test", "b1", now=400.0)[0].times.retired_at == 300.0
    assert retire(folder, "club.test", "a2", now=300.0)[1] is False
    assert signers(folder, 300.0) == []
    assert not read_domain(folder, "club.test").in_use
    activate(folder, "club.test", "b1", now=500.0)
    assert signers(folder, 500.0) == ["b1"]


def test_an_activation_twice_changes_nothing(folder: Path) -> None:
    """The time it began to sign stays."""
    activate(folder, "club.test", "b1", now=200.0)
    assert activate(folder, "club.test", "b1", now=300.0)[0].times.activated_at == 200.0


def test_a_selector_is_never_used_again(folder: Path) -> None:
    """A record in DNS caches, or a mail on its way, would meet another key; also when only the file is gone."""
    for _ in range(2):
        with pytest.raises(DkimKeyError, match="has a key b1 already"):
            add_key(folder, "club.test", "b1", RSA_PEM, now=1.0)
        (folder / "club.test" / "b1.pem").unlink(missing_ok=True)


def test_a_key_from_elsewhere_can_be_put_into_the_folder(folder: Path) -> None:
    """It is new until it is activated."""
    path = folder / "club.test" / "old.pem"
    path.write_bytes(RSA_PEM)
    path.chmod(0o600)
    assert states(folder)["old"] == "new"
    activate(folder, "club.test", "old", now=200.0)
    assert signers(folder, 200.0) == ["old"]


@pytest.mark.parametrize(
    ("break_it", "says"),
    [
        (lambda path: path.unlink(), "No such file or directory"),
        (lambda path: path.chmod(0o640), "can be read by others: chmod 600 it"),
        (lambda path: path.write_text("nonsense"), "is not a private key in PEM"),
    ],
)
def test_a_key_that_should_sign_and_cannot_is_told(folder: Path, break_it: object, says: str) -> None:
    """D16: by its file; the mail is still to be signed. It cannot be activated, and another takes its place."""
    assert callable(break_it)
    activate(folder, "club.test", "b1", now=200.0)
    path = folder / "club.test" / "b1.pem"
    break_it(path)
    keys = read_domain(folder, "club.test")
    (trouble,) = keys.troubles()
    assert str(path) in trouble
    assert says in trouble
    assert keys.in_use
    assert keys.at(200.0) == ()
    activate(folder, "club.test", "c3", now=300.0)
    assert read_domain(folder, "club.test").troubles() == []
    with pytest.raises(DkimKeyError, match="nothing was changed"):
        activate(folder, "club.test", "b1", now=400.0)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        '{"b1": 7}',
        '{"b1": {"activated_at": "soon"}}',
        '{"b1": {"since": 1}}',
        '{"../b1": {}}',
        "\xff",
        "[" * 9000,
    ],
)
def test_damaged_states_are_told(folder: Path, text: str) -> None:
    """Then it is not known which key signs, so mail waits; and no command makes it worse."""
    (folder / "club.test" / "keys.json").write_text(text, encoding="latin-1")
    keys = read_domain(folder, "club.test")
    assert keys.in_use
    assert f"{folder / 'club.test' / 'keys.json'} is damaged: " in keys.troubles()[0]
    for change in (activate, retire):
        with pytest.raises(DkimKeyError, match="nothing was changed"):
            change(folder, "club.test", "b1", now=1.0)


def test_what_is_not_there_is_named(folder: Path) -> None:
    """With what there is."""
    with pytest.raises(DkimKeyError, match=r"other\.test has no keys; homing dkim new other\.test makes one"):
        activate(folder, "other.test", "b1", now=1.0)
    with pytest.raises(DkimKeyError, match=r"club\.test has no key zz; there is: a2, b1, c3|b1, c3, a2"):
        retire(folder, "club.test", "zz", now=1.0)


def test_no_folder_no_domains(tmp_path: Path) -> None:
    """A first start has no keys."""
    assert list_domains(tmp_path / "none") == []


def test_a_change_shows_in_the_stamp(folder: Path) -> None:
    """A new file, a new state, another mode."""
    seen = {stamp(folder, "club.test")}
    activate(folder, "club.test", "b1", now=200.0)
    seen.add(stamp(folder, "club.test"))
    (folder / "club.test" / "b1.pem").chmod(0o644)
    seen.add(stamp(folder, "club.test"))
    add_key(folder, "club.test", "d4", RSA_PEM, now=1.0)
    seen.add(stamp(folder, "club.test"))
    assert len(seen) == 4

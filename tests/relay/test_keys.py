"""relay/keys.py: the master key is made once, kept private, and never lost in rotation."""

from pathlib import Path

import pytest

from relay.keys import KeyFileError, load_or_make, pixel_seal, return_path_seal


def drawn(count: int) -> bytes:
    return bytes(range(count))


def test_the_first_start_makes_a_private_key(tmp_path: Path) -> None:
    """The file is made with its folder, only its owner can read it, and the next start reads the same key."""
    path = tmp_path / "var" / "master.key"
    keys, made = load_or_make(path, drawn)
    assert (keys, made) == ([drawn(32)], True)
    assert path.stat().st_mode & 0o777 == 0o600
    assert load_or_make(path, lambda count: b"x" * count) == (keys, False)


def test_a_new_key_on_top_leaves_the_old_one_valid(tmp_path: Path) -> None:
    """Tokens and return paths already sent are still known after a rotation."""
    path = tmp_path / "master.key"
    old, _ = load_or_make(path, drawn)
    path.write_text(bytes(32).hex() + "\n" + path.read_text())
    new, _ = load_or_make(path, drawn)
    assert new == [bytes(32), *old]
    assert pixel_seal(new).open(pixel_seal(old).seal(77)) == 77
    assert pixel_seal(old).open(pixel_seal(new).seal(77)) is None


def test_pixel_and_return_path_cannot_forge_each_other(tmp_path: Path) -> None:
    """What one seals the other does not open."""
    keys, _ = load_or_make(tmp_path / "master.key", drawn)
    assert return_path_seal(keys).open(pixel_seal(keys).seal(77)) is None
    assert pixel_seal(keys).open(return_path_seal(keys).seal(77)) is None


@pytest.mark.parametrize("text", ["", "\n", "abcd\n", "zz" * 32, "é"])
def test_a_damaged_file_is_refused_without_showing_it(tmp_path: Path, text: str) -> None:
    """The sentence names the file, not what is in it."""
    path = tmp_path / "master.key"
    path.write_text(text)
    with pytest.raises(KeyFileError) as caught:
        load_or_make(path, drawn)
    assert str(caught.value) == f"{path} is not a key file: one key of 64 hexadecimal digits a line"

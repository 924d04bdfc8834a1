"""store/secret_box.py: what was sealed opens with its key and in its row alone."""

from hypothesis import given
from hypothesis import strategies as st

from store.secret_box import SecretBox

OLD, NEW, OTHER = (bytes([n]) * 32 for n in range(3))
TEXT = st.text(alphabet=st.characters(exclude_categories=["Cs"]))


@given(TEXT.filter(lambda it: not it.startswith("sealed:")), st.integers(0, 2**63 - 1))
def test_what_is_sealed_opens(secret: str, row: int) -> None:
    """Nothing of it can be seen; "" needs no seal; in another row, or under another key, it does not open."""
    box = SecretBox([NEW])
    kept = box.seal(secret, row)
    assert box.open(kept, row) == secret
    if len(secret) > 3:
        assert secret not in kept
    if secret:
        assert box.open(kept, row + 1) == ""
        assert SecretBox([OTHER]).open(kept, row) == ""
        assert SecretBox().open(kept, row) == ""
    else:
        assert kept == ""


@given(TEXT)
def test_anything_opens_to_something(kept: str) -> None:
    """Whatever stands there: a text. What has no mark is as it was."""
    for text in (kept, f"sealed:{kept}"):
        assert SecretBox([NEW]).open(text, 1) == ("" if text.startswith("sealed:") else text)


def test_keys_rotate() -> None:
    """What was sealed under the key before opens; it is sealed under the current one."""
    kept = SecretBox([OLD]).seal("whsec_x", 1)
    both = SecretBox([NEW, OLD])
    assert both.open(kept, 1) == "whsec_x"
    assert SecretBox([NEW]).open(both.seal("whsec_x", 1), 1) == "whsec_x"


def test_without_keys_nothing_is_sealed() -> None:
    """As tools have it that may not read them."""
    assert SecretBox().seal("whsec_x", 1) == "whsec_x"

"""bounce/words.py: what only looks like words is masked."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bounce.words import LIMIT, words_of


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("<full@quota.example>: User unknown", ("{addr}", "user", "unknown")),
        ("host spam.example said no", ("host", "{host}", "said", "no")),
        ("see https://spam.example/full?x=1 please", ("see", "{url}", "please")),
        ("[192.0.2.10] refused", ("{ip}", "refused")),
        ("[2001:db8::1] refused", ("{ip}", "refused")),
        ("5.1.1 unknown", ("unknown",)),
        ("unknown.Please retry", ("unknown", "please", "retry")),
        ("RESOLVER.ADR.RecipNotFound; not found", ("resolver", "adr", "recipnotfound", "not", "found")),
        ("the e-mail box doesn't exist", ("the", "email", "box", "doesnt", "exist")),
        ("mail-box is over quota", ("mailbox", "is", "overquota")),
        ("Empfänger unbekannt", ("empfanger", "unbekannt")),
        ("宛先不明", ("宛", "先", "不", "明")),
        ("not allowed...ann@example.org", ("not", "allowed", "{addr}")),
    ],
)
def test_masks_and_evens_out(text: str, words: tuple[str, ...]) -> None:
    """Addresses, hosts, URLs and IP addresses are marks; spelling is evened out; scripts without blanks are cut."""
    assert words_of(text).words == words


def test_the_code_repeated_amid_a_sentence_is_no_word() -> None:
    """Many-line replies repeat code and status; the sentence is read through them."""
    assert words_of("550-5.7.26 domain's 550-5.7.26 DMARC policy", code="550").words == (
        "domain",
        "s",
        "dmarc",
        "policy",
    )


def test_hosts_and_links_of_urls_are_kept() -> None:
    """What a URL names is found beside the words."""
    words = words_of("see https://support.google.com/mail/?p=NoSuchUser or bl.example.net")
    assert words.hosts == {"support.google.com", "bl.example.net"}
    assert "nosuchuser" in words.links


@given(st.text(max_size=LIMIT * 2))
def test_any_text_gives_words(text: str) -> None:
    """Whatever the text: words, no more of them than characters that are looked at, folded ones included."""
    assert len(words_of(text).words) <= LIMIT * 18  # the longest compatibility form of one character is 18 long

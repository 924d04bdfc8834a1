"""pixel/image.py."""

from pixel.image import GIF, ImageAnswer


def test_the_answer_is_made_once_a_second() -> None:
    """The same octets within a second, and the date of the next one after it (RFC 9110 section 5.6.7)."""
    answer = ImageAnswer()
    first = answer.at(1_800_000_000.0)
    assert b"\r\nDate: Fri, 15 Jan 2027 08:00:00 GMT\r\n\r\n" + GIF in first
    assert answer.at(1_800_000_000.9) is first
    assert b"08:00:01 GMT" in answer.at(1_800_000_001.0)
    assert b"08:00:00 GMT" in answer.at(1_800_000_000.5)  # a clock that jumps back

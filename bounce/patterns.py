"""
Write regular expressions from lists of words.

Pure: no I/O, no clock, no chance.
"""


def one_of(words: str) -> str:
    """Write a list of words as the alternatives of a pattern; ``_`` in a word stands for a blank."""
    return "(?:" + "|".join(word.replace("_", " ") for word in words.split()) + ")"

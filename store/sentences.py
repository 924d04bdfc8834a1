"""
What people read, in their language: the English words are the key, ``store/words`` has the others.

What an event or a message carries as a note is English in the store; it is put into another language when shown.

Pure: no I/O, no clock, no chance.
"""

from store.languages import language_of

_BETWEEN_NOTES = "; "


def say(english: str, language: str = "en", **values: object) -> str:
    """
    Say a sentence.

    Args:
        english: As it stands in the code, ``"next try {time}"``.
        language: ``en``, ``es``, ``es-AR``; one that is not known is English.
        values: For the words in braces.
    """
    said = language_of(language).sentences.get(english, english)
    return said.format(**values) if values else said


def say_count(one: str, more: str, count: int, language: str = "en", **values: object) -> str:
    """Say a sentence about ``{count}`` things: ``one`` where it is 1, else ``more``."""
    return say(one if count == 1 else more, language, count=count, **values)


def say_note(note: str, language: str = "en") -> str:
    """Say a note of an event, which may hold several behind one another; an unknown one stays as it is."""
    return _BETWEEN_NOTES.join(say(each, language) for each in note.split(_BETWEEN_NOTES))

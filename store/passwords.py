"""
Which passwords people may choose: long enough, and not one of those that are tried first.

Pure: no I/O, no clock, no chance.
"""

SHORTEST = 10  # characters
LONGEST = 1_024
# What a guesser begins with, without what stands around it; those under ten letters count where they are repeated.
_COMMON = (
    "password", "passwort", "contraseña", "contrasena", "qwertyuiop", "qwertzuiop", "1234567890", "0123456789",
    "0987654321", "administrator", "administrador", "letmein", "welcome", "willkommen", "bienvenido", "iloveyou",
    "changeme", "homing", "admin", "abc123", "qwerty", "123456", "111111", "secret", "geheim",
)  # fmt: skip


def weakness(password: str, name: str) -> str:
    """Say in a sentence why somebody called ``name`` cannot have this password; "": they can."""
    if len(password) < SHORTEST:
        return f"A password has at least {SHORTEST} characters."
    if len(password) > LONGEST:
        return f"A password has at most {LONGEST} characters."
    plain = password.casefold()
    bare = plain.strip("0123456789!?.,-_*#$@ ")
    if len(set(plain)) < 4 or bare in _COMMON or plain in _COMMON or _repeats(plain):
        return "This password is one of those that are tried first."
    if name.casefold() in (plain, bare):
        return "The password must not be your name."
    return ""


def _repeats(plain: str) -> bool:
    """Whether it is one of the common ones several times over."""
    return any(plain == (word * (len(plain) // len(word) + 1))[: len(plain)] for word in _COMMON)

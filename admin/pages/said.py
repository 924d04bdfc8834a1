"""
What a page says on top after something was done. The address carries only the key, so nobody can put words there.

Pure: no I/O, no clock, no chance.
"""

SAID = {
    "password": "The password was changed. All other sessions of this person have ended.",
    "role": "The role was changed. All sessions of this person have ended.",
    "person": "This person can log in now.",
    "removed": "This person can no longer log in.",
    "ended": "The session has ended.",
    "language": "The language was changed.",
    "weak": "This password cannot be taken: at least 10 characters, and none of those that are tried first.",
    "last-admin": "This is the last admin: somebody must be able to let others in.",
    "taken": "This name cannot be taken: it is in use, or has signs that cannot be seen.",
    "wrong": "The password you gave is wrong.",
    "again": "It was sent again.",
    "nothing": "Nothing was chosen.",
    "cannot": "That could not be done.",
    "lifted": "Mail goes to this address again.",
    "suppressed": "No mail goes to this address any more.",
    "imported": "The addresses were added.",
    "no-addresses": "There was no address in it.",
    "retry": "It is tried now.",
    "held": "It is kept back until somebody releases it.",
    "released": "It was released and goes out now.",
    "cancelled": "It was stopped.",
    "revoked": "The credential can no longer log in.",
    "webhook": "The webhook was changed.",
    "resent": "The call is made again.",
    "test-sent": "The test mail is on its way: it shows up below in a moment.",
}

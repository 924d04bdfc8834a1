"""
Embeds: a signed, expiring URL shows one view in a frame, or as JSON, to whoever has it; no cookie, no log-in.

``door.py`` answers ``/embed/``: ``link.py`` says whether a URL is one of ours and in time, ``views.py`` asks for what
it names, and ``pages/embedded.py`` shows it.
"""

"""
What comes back: replies in the session and reports that arrive days later, understood alike.

A report's way: ``listener.py`` takes it when ``verp.py`` finds our seal in the address it came to, ``report.py`` reads
it (``mime.py``, ``material.py``, then ``dsn.py``, ``arf.py``, ``autoreply.py`` or ``freeform.py``), and
``classify.py`` names the reason by the rules of ``rules/``. A reply in the session goes to ``classify.py`` at once.

From there both take one way: ``decide.py`` (attempts) and ``decide_report.py`` (reports) say what changes,
``suppressing.py`` whether the address is still written to, and ``consequence.py`` settles it in one transaction.
``mistyped.py`` proposes the address that was probably meant.
"""

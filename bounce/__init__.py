"""
What comes back: replies in the session and reports that arrive days later, understood alike.

A report's way: ``listener.py`` takes it when ``verp.py`` finds our seal in the address it came to, ``report.py`` reads
it as ``reported.py`` says: ``mime.py`` finds the parts, ``texts.py`` decodes them, ``material.py`` is what readers
share. ``dsn.py`` and ``arf.py`` read what machines wrote for machines, ``autoreply.py`` and ``freeform.py`` the rest,
by ``kinds.py`` (what it is), ``places.py`` and ``addresses_in.py`` (about whom). ``classify.py`` names the reason: the
words of a reply (``words.py``) meet the phrases (``phrases.py``, ``patterns.py``) of the rules in ``rules/``
(``rulebook.py``); where only the sender is named (``parties.py``), or a doubt stands (``rules/05-doubts.toml``), no
rule may blame the recipient. A reply in the session goes to ``classify.py`` at once.

From there both take one way: ``decide.py`` (attempts) and ``decide_report.py`` (reports) say what changes,
``suppressing.py`` whether the address is still written to, and ``consequence.py`` settles it in one transaction.
``mistyped.py`` proposes the address that was probably meant.

``inspect_files.py`` shows what a file says; ``ingest.py`` takes in reports that came another way than to the listener.
``take_out.py`` takes our return paths out of what is handed on.
"""

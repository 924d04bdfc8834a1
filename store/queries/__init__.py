"""
What people and programs look at: one set of queries for pages, API, embeds and metrics.

So a number is the same wherever it is seen, and the same as in the SQL views. They only read.

``search.py`` is what may be asked, ``words.py`` reads it from a line that a person typed; ``narrow.py`` makes
conditions of it. ``standing.py`` has the words a recipient is counted under and the counts, ``counting.py`` counts in
SQL; ``page.py`` is one page of a list, ``rows.py`` the nouns that are given.

The views: ``customers.py``, ``recipients.py``, ``messages.py`` with ``overview.py``, ``invoices.py``. Beside them
``chase.py``, ``today.py``, ``events.py``, ``stats.py``, ``stopped.py`` (suppressions and opt-outs), ``sizes.py``.
``every.py`` puts them together for ``store/open.py``.
"""

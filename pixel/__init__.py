"""
What is seen: the pixel in a mail, and who loads it.

The way of an open, file by file: ``element.py`` is the image element that a copy carries, with the sealed id of
``token.py`` in its address. ``server.py`` answers every request with the same image, over the bounded connections of
``connection.py``. It finds out who asks (``forwarded.py``, ``networks.py``), keeps floods out of the records
(``flood.py``), and hands the load to ``buffer.py``. That asks the store when the mail was delivered, sees what loads
have to do with one another (``signals.py``), says person or machine (``judge.py`` with its rules, ``agents.toml``), and
writes batches to the store.

``opt_out.py`` is the link by which a recipient is no longer followed, ``choice.py`` its pages on the same server.
``lists.py`` reads published lists of addresses and their snapshots; ``list_files.py`` fetches and keeps them.
"""

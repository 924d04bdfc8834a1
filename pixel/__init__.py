"""
What is seen: the pixel in a mail, and who loads it.

The way of an open, file by file: ``element.py`` is the image element that a copy carries, with the sealed id of
``token.py`` in its address. ``server.py`` answers every request with the same image (``image.py``): a usual one where
it arrives (``usual.py``), all others through aiohttp, over the bounded connections of ``connection.py`` (``door.py``
where a proxy or TLS comes first). After the answer ``noting.py`` opens the token, finds out who asks
(``forwarded.py``, ``networks.py``), keeps floods out of the records (``flood.py``), and hands the load to
``buffer.py``. In one transaction of the store a batch of them is judged by when the mails were delivered and what
loads have to do with one another (``signals.py``), person or machine (``judge.py`` with its rules, ``agents.toml``),
described (``client.py``, in tracking mode full) and written.

``opt_out.py`` is the link by which a recipient is no longer followed, ``choice.py`` its pages on the same server.
``lists.py`` reads published lists of addresses and their snapshots; ``list_files.py`` fetches and keeps them.
"""

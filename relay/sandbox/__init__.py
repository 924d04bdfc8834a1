"""
A scripted world on this machine: a receiving mail server and the people behind it, who act out every status.

The way of a mail: ``mx.py`` speaks SMTP and asks ``behaviour.py`` what becomes of an address; ``world.py`` then lets
the recipient do what people and servers do later, load the pixel (found by ``reading.py``) or send something back
(written by ``letters.py``, sent by ``sender.py``). ``names.py`` is the DNS of made-up domains, for ``homing demo``,
whose people are in ``cast.py`` and whose mails in ``invoices.py``. It is a peer of the relay and shares nothing with
it; it talks to loopback addresses only.
"""

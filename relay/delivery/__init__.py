"""
The way out: from a claimed recipient to a settled one.

``worker.py`` takes jobs, own-held and claimed, and carries each along this path:

1. ``route.py`` finds the hosts that take mail for its domain, from static routes or from ``resolver.py`` (DNS), and
   leaves out what ``guard.py`` does not let us connect to.
2. ``lane.py`` is the queue in memory for one destination: how many connections it may have, whether it is down.
3. ``pool.py`` gives an idle connection or opens one, address by address; ``connection.py`` moves the bytes, with
   TLS and time limits; ``dialogue.py`` is the SMTP client itself, a table of states without I/O, fed by
   ``replies.py``.
4. ``mail.py`` makes the envelope of one transaction for what the other side offers, or finds that it cannot.
5. How it ended is a value (``store.nouns.Attempt``). ``schedule.py`` says when the next attempt is made, and the
   consequence is settled through ``settling.py``, which does not let go before the store has it.

``shelf.py`` keeps contents in memory, once per message and bounded. ``ports.py`` says what is asked of the other parts.
"""

"""
The way out: from a claimed recipient to a settled one.

``worker.py`` takes jobs, own-held and claimed, and brings each to a destination:

1. ``route.py`` finds the hosts that take mail for its domain, from static routes or from ``resolver.py`` (DNS, where
   ``turns.py`` says who asks next), and leaves out what ``guard.py`` does not let us connect to and what is ourselves
   (``own_addresses.py``). ``protection.py`` says what TLS they must show: by their TLSA records (``tlsa.py``), by the
   domain's policy (``mta_sts.py``, ``policy_fetch.py`` through ``guarded_http.py``, ``sts_policy.py``), and by what was
   seen before (``tls_memory.py``). ``tls_results.py`` counts how it went.
2. ``lane.py`` is the queue in memory for one destination: how many connections it may have, whether it is down.
   ``lanes.py`` has them all, and ``serving.py`` sets connections to work for them. Those of one provider
   (``providers.py``) share a group, whose pace ``pacing.py`` keeps; ``asked.py`` reads from a refusal how long to wait.
3. ``carrier.py`` carries one job after the other over a connection that ``pool.py`` kept or opened; ``race.py`` tries
   one address after the other.
   ``envelope.py`` says what the transaction tells the other side, or finds that it cannot be told.
4. ``connection.py`` moves the bytes, with TLS (``tls.py``); ``line.py`` has what is said and waited for, with its time
   limits (``patience.py``), and ``sending.py`` writes a content on it. ``dialogue.py`` is the SMTP client itself, a
   table of states (``states.py``) without I/O, fed by ``replies.py``. ``transcript.py`` notes what was said,
   ``told.py`` what went wrong.
5. How it ended is a value (``attempts.py`` makes it). ``schedule.py`` says when the next attempt is made, and
   ``hand.py`` has it settled through ``settling.py``, which does not let go before the store has it.

``shelf.py`` keeps contents in memory, once per message and bounded; ``octets.py`` bounds what large mails take while
they are carried. ``ports.py`` says what is asked of other parts.
"""

"""
What is remembered: messages, recipients and what became of them, alike on SQLite and PostgreSQL.

The words come first: ``nouns.py`` (message, recipient, reply), ``events.py`` (a class for each fact;
``event_fields.py`` as programs read it), ``reasons.py`` with ``reasons.toml`` (why, in sentences), ``sentences.py`` and
``languages.py`` (``words/``: other languages), ``addresses.py``, ``units.py``, ``settings.py``, ``errors.py``,
``shown.py`` (a mail as people see it); ``plain.py`` makes light classes of them. ``ids.py`` makes ids, ``seal.py``
hides them from strangers. ``proxy_header.py`` is here because both ports that strangers reach need it.

A store is opened by ``open.py``: ``engine.py`` connects, with ``postgresql.py`` where it lies there and in the
``threads.py`` of SQLite; ``lock.py`` keeps a second process away from that,
``migrate.py`` brings an older schema (``schema.py``, ``views.py``) forward, ``nodes.py`` tells others that we live, as
often as ``heart.py`` beats.

A write: whoever wishes something asks ``writer.py``, which lets many wishes share a transaction of ``writing.py``
(``sql.py`` has what the two engines say differently; ``prepared.py`` and ``many.py`` hand the driver what each mail
needs; ``trouble.py`` tells troubles apart, ``room.py`` watches the disk). ``queue.py`` is the way of a recipient:
``accept.py``, ``claims.py`` of what ``due.py`` finds, ``dots.py`` (what may have left us), and ``settle.py``, where a
pure decision takes the facts of ``changes.py`` and ``history.py`` and gives the change. ``contents.py`` keeps the
mails, on SQLite in the files of ``segments.py``; ``opens.py`` (with ``open_facts.py``) what loaded the pixels;
``reports.py`` what came back, as it came; ``transcripts.py`` what was said in each attempt.

Read by others: ``journal.py`` gives every event once, as ``journal_record.py``; ``notices.py`` finds what senders want
to hear of, ``tls_results.py`` keeps what other domains do, and ``letters.py`` sends what we write to either;
``find.py`` and ``waiting.py`` give the recipients of ``rows.py`` (their select is in ``recent.py``); ``seen.py`` adds
up their opens; ``subjects.py`` gives out or erases all that is kept of one address; ``domains.py`` knows the domains
that mail reaches. What pages and programs look at is asked through ``queries/``. Beside the mail stand
``suppressions.py``, ``credentials.py`` (applications), ``tokens.py`` with ``token_nouns.py`` (programs) and, for the
pages, ``people.py`` (``passwords.py`` says which they may choose), ``sessions.py`` and ``audit.py``: who is let in, who
is in, who changed what. ``webhooks.py`` keeps who is told of events, and ``webhook_calls.py`` what was told
(``webhook_nouns.py``, ``webhook_schema.py``); ``secret_box.py`` seals their secrets. ``retention.py`` ends it all;
``coarsen.py`` leaves only the day of old opens. ``measures.py`` counts what a process does, ``figures.py`` reads how
the store stands: for metrics.
"""

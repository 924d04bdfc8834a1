"""
The program: its commands, its configuration, and the relay that it starts.

A command: ``cli.py`` has its words (with ``cli_shared.py``, ``cli_queue.py``, ``cli_opens.py``, ``cli_reports.py``,
``cli_tokens.py``, ``cli_webhooks.py``, ``cli_embeds.py``, ``cli_people.py``), and loads what does it: ``commands.py``,
``status.py``, ``queue_commands.py``, ``report_commands.py``, ``people_commands.py``, ``ingest_command.py`` (over the
files of ``mailbox.py``), ``privacy_commands.py``, ``list_commands.py``, ``webhook_commands.py``,
``embed_commands.py``, ``dkim_commands.py``, ``token_commands.py``, ``explain.py``, ``send_test.py``. ``shell.py`` says
who calls. ``tail.py`` writes an event as a line, for commands and for the log (``log.py``).

A start: ``config.py`` reads the file (``settings.py`` says what it may hold, ``config_words.py`` what is wrong with a
value), ``preflight.py`` looks at ports, files and names, and ``serve.py`` has the parts built in their order: the way
out (``start_way_out.py``), what listens (``start_listeners.py``), what people and programs look at
(``start_pages.py``), each made of ``parts.py``. With several workers (``workers.py``) it does so in each,
``supervisor.py`` looks after them, and on ``board.py`` they show their metrics. ``memory.py`` keeps freed memory.
``first_start.py`` makes the first passwords and says how to use them; ``keys.py`` and ``dkim_keys.py`` keep the keys.
``background.py``, ``lists.py`` and ``webhooks.py`` go on beside the mail; ``metrics.py`` shows how all of it does.

The mail itself: ``submission/`` takes it, ``message/`` reads and copies it, ``delivery/`` brings it away. What lies
between them is here: ``outgoing.py`` makes the copy for one recipient, ``signing.py`` signs it, ``forward.py`` hands a
copy of what came back to the original sender, ``notify.py`` tells the sender in our own words what became of a mail,
``handing_over.py`` takes what the API sends and what is sent again. ``tls_reports.py`` tells other domains how TLS to
their hosts went (``tls_report.py``, ``tls_report_post.py``). ``digest.py`` mails the office what is to be chased;
``own_mail.py`` is mail of our own as it goes into the queue. ``did_you_mean.py`` asks on behalf of pages and commands;
``pages.py`` is what pages are handed of the rest, and ``domain_check.py`` asks DNS for them.

To try it: ``sandbox/`` acts out every status, and ``demo.py`` (``demo_screen.py``, ``demo_tally.py``) shows it.
"""

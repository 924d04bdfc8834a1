"""
What people and programs look at: pages, and whether the relay lives and is ready.

The way of a request: ``server.py`` listens and puts the parts together; ``security.py`` bounds the connection and puts
the headers on every answer; ``guard.py`` looks up in the ``routes.py`` who may ask, in ``visit.py`` who asks;
``failures.py`` counts wrong passwords. Then a page of ``pages/`` answers, with what ``outside.py`` says it may ask of
the relay; a recipient is told in plain words by ``story.py``, an event by ``event_story.py``, a time by ``times.py``, a
list for a spreadsheet by ``csv_file.py``. ``statics.py`` serves stylesheet, icons and scripts; ``health.py`` answers
supervisors. ``webhooks/`` tells applications what happens, ``metrics/`` Prometheus, ``embeds/`` shows views in pages of
theirs, ``api/`` answers what they ask.
"""

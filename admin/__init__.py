"""
What people and programs look at: pages, and whether the relay lives and is ready.

The way of a request: ``server.py`` listens and puts the parts together; ``security.py`` bounds the connection and puts
the headers on every answer; ``login.py`` lets people in; ``recent.py`` gives the page of recent recipients, told in
plain words by ``story.py`` and ``times.py``; ``health.py`` answers supervisors. Templates and the stylesheet lie
beside. ``webhooks/`` tells applications what happens, ``api/`` answers what they ask.
"""

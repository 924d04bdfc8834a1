"""
The pages for people: each file answers the paths of one subject.

``all.py`` puts them together on a ``site.py``: what they share. ``render.py`` turns a template of ``admin/templates``
into an answer, ``said.py`` has what a page says after something was done. ``asked.py`` reads the address bar of a list,
``told.py`` tells its rows and chips, ``chart.py`` draws.

``login.py`` lets people in, ``account.py`` is one's own, ``people.py`` everybody's. The office: ``today.py``,
``customers.py``, ``messages.py``, ``recipient.py``, ``invoices.py`` with what is to be chased. Whoever runs it:
``queue.py``, ``suppressions.py``, ``credentials.py``, ``webhooks.py``, and in ``operate.py`` domains, settings, sizes.
``embedded.py`` gives the four views to applications, without anything around them.
"""

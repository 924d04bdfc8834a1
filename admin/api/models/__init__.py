"""
The models of the API: what is asked and what is given, as pydantic models, from which the OpenAPI document is made.

``base.py`` has the types that all share, ``problem.py`` what went wrong. Given: ``mails.py`` (recipients, messages,
counts), ``views.py``, ``events.py``. Asked and given: ``filters.py`` (queries of lists), ``stopped.py``,
``access.py``, ``send.py``, ``stream.py``, ``webhooks.py``, ``embeds.py``.
"""

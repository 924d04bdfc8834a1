"""
Webhooks: applications are told of events over HTTP, at least once.

``dispatcher.py`` keeps a loop for each endpoint, ``follower.py``. It follows the journal by the endpoint's own
position; ``planning.py`` makes calls of events, whose text ``body.py`` writes in one of the shapes
(``shape_homing.py``, ``shape_postmark.py``, ``shape_mailgun.py``, ``shape_sendgrid.py``). ``sender.py`` makes an
attempt, signed by ``signature.py`` (and ``signature_sendgrid.py`` for its shape), where ``url.py`` allows it;
``retry.py`` says what follows from the answer.
``check.py`` says to people what may be an endpoint. What is kept lies in ``store/webhooks.py`` and
``store/webhook_calls.py``.
"""

"""
The REST API under ``/api/v1``: bearer tokens, JSON, problems after RFC 9457, an OpenAPI 3.1 document made of the code.

The way of a request: ``door.py`` finds the route, asks for the token (``limits.py`` bounds how often), reads path,
query and body into models (``reading.py``), calls the handler, and writes what it gives. Whatever goes wrong is a
``Problem`` of ``problems.py``. ``server.py`` of the package above puts the door before everything else: a request to
the API never meets a cookie, a session or a page.

A route is a value of ``route.py``: method, path, scope, the models of query, body and answer, and the handler. Whoever
brings routes writes a class with ``routes() -> list[Route]`` (as ``messages.py`` does) and adds it to ``every.py``;
path, models, errors and scope are then in the OpenAPI document (``openapi.py``) by themselves. A handler is ``async def
handler(call: Call) -> BaseModel | web.StreamResponse | None``: ``call.query`` and ``call.body`` are instances of the
route's models, ``call.id("message_id")`` reads an id of the path, ``call.token`` is who asks,
``await call.noting(...)`` is the line of the audit that a change takes along; None is answered 204. Errors:
``raise missing("webhook")``, ``raise Problem(...)``. A StreamResponse (a file, an event stream) is given as it is, or
prepared and written by the handler itself; its route says ``produces="text/event-stream"``.

The models lie in ``models/``, ``shown.py`` makes them of what the queries give. Routes: ``messages.py``,
``recipients.py``, ``views.py`` (customers, invoices, what to chase, today, numbers), ``events.py`` and ``stream.py``,
``webhooks.py``, ``embeds.py``, ``why.py`` (told in sentences), ``stopped.py`` (suppressions and opt-outs),
``access.py`` (credentials and tokens), and ``sending.py``, for which ``compose.py`` makes mails; ``outside.py`` is what
is needed of the rest of the relay.
"""

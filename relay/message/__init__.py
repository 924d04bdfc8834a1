"""
A mail's bytes: what they say, and the copy that leaves for one recipient. All of it pure but ``rewrite_files``.

At the door: ``line_ends`` (CRLF and nothing else), then ``intake``, which reads ``header``, ``control`` with
``control_values``, and the copies' plan; ``received`` writes the trace field.

A copy: ``copy`` plans once per message and copies per recipient. The plan asks ``mime`` (with ``content_type``) for the
parts, ``body`` for the one that people see, ``spot`` for the place in it (``transfer`` and ``charset`` decode, ``html``
finds), and ``re_encode`` for what cannot travel as it is. ``dkim`` signs what came out:
``dkim_body`` hashes, ``dkim_key`` is a key and its DNS record.

``dsn`` writes the report that tells a sender what became of a mail.

``shown`` reads a mail for the preview on the pages. ``rewrite_files`` does the same to files, for ``homing rewrite``.
"""

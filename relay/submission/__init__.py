"""
Submission: the way of a mail into Homing, and the SMTP server that reports come back through too.

``server`` listens, (``store/proxy_header.py`` reads whom a proxy speaks for), and ``gate`` counts who is let in.
``connection`` is one client's wire under aiosmtpd's protocol class: lines, blocks, deadlines, TLS (its files:
``certificate``). ``session`` speaks SMTP over it, a method for each verb, and ``protocol`` adds the verbs of mail:
``commands`` is the grammar, ``data`` reads contents, ``auth`` and ``login`` do AUTH, ``replies`` has all that is
said, ``limits`` all that is allowed. ``handler`` says what is asked of whoever decides about mail. ``acceptance`` is
that for submission: ``admission`` says who may send, ``rate`` how much and ``sender`` as whom,
``relay/message/intake.py`` what is in a mail; then one transaction, 250, and the jobs go to delivery.
"""

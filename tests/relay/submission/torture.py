"""The torture table: every case of ``torture_case.py``, by what it is about."""

from base64 import b64encode

from tests.relay.submission.torture_case import (
    BAD,
    DATA,
    END,
    GOOD,
    HELLO,
    HIDDEN,
    MAIL,
    RCPT,
    Case,
    content,
    not_an_end,
    one,
)
from tests.relay.submission.torture_chunks import CHUNKS

COMMANDS = (
    one("unknown verb", b"FOO\r\n", "500 5.5.2"),
    one("unknown verb with argument", b"XCLIENT ADDR=127.0.0.1\r\n", "500 5.5.2"),
    one("empty line", b"\r\n", "500 5.5.2"),
    one("blank line", b"   \r\n", "500 5.5.2"),
    one("verb with NUL", b"NO\0OP\r\n", "500 5.5.2"),
    one("verb of high octets", b"\xff\xfe\xfd\r\n", "500 5.5.2"),
    one("lower case verb", b"noop\r\n", "250 2.0.0"),
    one("NOOP with argument", b"NOOP anything at all\r\n", "250 2.0.0"),
    one("RSET with argument", b"RSET now\r\n", "501 5.5.4"),
    one("QUIT with argument", b"QUIT now\r\n", "501 5.5.4"),
    one("VRFY", b"VRFY ann\r\n", "252 2.5.2"),
    one("VRFY of nobody", b"VRFY\r\n", "501 5.5.4"),
    one("EXPN", b"EXPN staff\r\n", "502 5.5.1"),
    one("HELP", b"HELP\r\n", "214 2.0.0"),
    one("bare LF ends no command", b"NOOP\n", "500 5.5.2"),
    one("CR within a command", b"NOOP\rRSET\r\n", "500 5.5.2"),
    one("command at the limit", b"NOOP " + b"x" * 2041 + b"\r\n", "250 2.0.0"),
    one("command over the limit", b"NOOP " + b"x" * 2042 + b"\r\n", "500 5.5.2"),
    one("100 kB command", b"NOOP " + b"x" * 100_000 + b"\r\n", "500 5.5.2"),
    Case("endless command", ((b"x" * 3_000_000, "421 4.7.0"),), closed=True),
    Case("QUIT", ((b"QUIT\r\n", "221 2.0.0"),), closed=True),
    Case("QUIT before EHLO", ((b"QUIT\r\n", "221 2.0.0"),), closed=True, begin="greeted"),
    Case(
        "ten bad commands, then one more",
        ((b"FOO\r\n" * 11, " | ".join(["500 5.5.2"] * 10 + ["421 4.7.0"])),),
        closed=True,
    ),
    Case(
        "fifty NOOPs, then one more", ((b"NOOP\r\n" * 51, " | ".join(["250 2.0.0"] * 50 + ["421 4.7.0"])),), closed=True
    ),
    Case("HTTP", ((b"POST / HTTP/1.1\r\nHost: x\r\n\r\n" + HIDDEN, "554 5.5.1"),), closed=True, begin="greeted"),
    Case("HTTP later", ((b"GET / HTTP/1.1\r\n" + HIDDEN, "554 5.5.1"),), closed=True),
    Case("HTTP/2", ((b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "554 5.5.1"),), closed=True, begin="greeted"),
    Case(
        "TLS without STARTTLS",
        ((b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", "554 5.5.1"),),
        closed=True,
        begin="greeted",
    ),
    Case("TLS with an LF in it", ((b"\x16\x03\x01\x02\x00\n\x01\xfc", "554 5.5.1"),), closed=True, begin="greeted"),
)

ORDER = (
    one("MAIL before EHLO", MAIL, "503 5.5.1", "greeted"),
    one("AUTH before EHLO", b"AUTH PLAIN " + GOOD + b"\r\n", "503 5.5.1", "greeted"),
    one("RCPT before MAIL", RCPT, "503 5.5.1"),
    one("DATA before MAIL", DATA, "503 5.5.1"),
    one("EHLO without a name", b"EHLO\r\n", "501 5.5.4", "greeted"),
    one("EHLO with two words", b"EHLO my computer\r\n", "501 5.5.4", "greeted"),
    one("HELO", b"HELO client.test\r\n", "250", "greeted"),
    one("EHLO with a strange name", b"EHLO MY_PC\r\n", "250", "greeted"),
    Case("DATA before RCPT", ((MAIL + DATA, "250 2.1.0 | 503 5.5.1"),)),
    Case("DATA with argument", ((MAIL + RCPT + b"DATA x\r\n", "250 2.1.0 | 250 2.1.5 | 501 5.5.4"),)),
    Case("MAIL twice", ((MAIL + MAIL, "250 2.1.0 | 503 5.5.1"),)),
    Case(
        "RSET drops the message", ((MAIL + RCPT + b"RSET\r\n" + DATA, "250 2.1.0 | 250 2.1.5 | 250 2.0.0 | 503 5.5.1"),)
    ),
    Case("EHLO drops the message", ((MAIL + RCPT + b"EHLO c\r\n" + DATA, "250 2.1.0 | 250 2.1.5 | 250 | 503 5.5.1"),)),
    Case("EHLO keeps who one is", ((b"EHLO c\r\n" + MAIL, "250 | 250 2.1.0"),)),
    Case("a wrong MAIL begins nothing", ((b"MAIL FROM:ann\r\n" + RCPT, "501 5.1.7 | 503 5.5.1"),)),
    Case("STARTTLS where there is none", ((b"STARTTLS\r\n", "502 5.5.1"),)),
    Case("STARTTLS with argument", ((b"STARTTLS now\r\n", "501 5.5.4"),)),
    Case("parameters after HELO", ((b"HELO c\r\nMAIL FROM:<a@club.test> SIZE=1\r\n", "250 | 555 5.5.4"),)),
)

ADDRESSES = (
    one("sender without brackets", b"MAIL FROM:ann@club.test\r\n", "501 5.1.7"),
    one("sender without its end", b"MAIL FROM:<ann@club.test\r\n", "501 5.1.7"),
    one("sender without domain", b"MAIL FROM:<ann>\r\n", "501 5.1.7"),
    one("junk behind the sender", b"MAIL FROM:<ann@club.test>x\r\n", "501 5.1.7"),
    one("sender with a route", b"MAIL FROM:<@a.test:ann@club.test>\r\n", "501 5.1.7"),
    one("sender with NUL", b"MAIL FROM:<a\0nn@club.test>\r\n", "501 5.1.7"),
    one("sender with CR", b"MAIL FROM:<a\rnn@club.test>\r\n", "501 5.1.7"),
    one("sender of broken UTF-8", b"MAIL FROM:<\xc3\x28@club.test> SMTPUTF8\r\n", "501 5.1.7"),
    one("wide sender without SMTPUTF8", "MAIL FROM:<änn@club.test>\r\n".encode(), "553 5.6.7"),
    one("wide sender", "MAIL FROM:<änn@club.test> SMTPUTF8\r\n".encode(), "250 2.1.0"),
    one("null sender", b"MAIL FROM:<>\r\n", "250 2.1.0"),
    one("blank behind the colon", b"MAIL FROM: <ann@club.test>\r\n", "250 2.1.0"),
    one("MAIL without FROM", b"MAIL <ann@club.test>\r\n", "501 5.5.4"),
    one("MAIL alone", b"MAIL\r\n", "501 5.5.4"),
    Case(
        "recipients",
        (
            (
                MAIL
                + b"".join(
                    b"RCPT TO:" + path + b"\r\n"
                    for path in (
                        b"<>",
                        b"bob@example.org",
                        b"<bob@example.org",
                        b"<bob>",
                        b"<@a.test:bob@example.org>",
                        b'<"bob@example.org>',
                        b"<bob@example.org>,<eve@example.org>",
                        b"<|/bin/sh>",
                        b"<a b@c>",
                        b"<bob@[127.0.0.1>",
                        b"<\xff@example.org>",
                    )
                ),
                " | ".join(["250 2.1.0"] + ["501 5.1.3"] * 11),
            ),
        ),
    ),
    Case(
        "wide recipient without SMTPUTF8", ((MAIL + "RCPT TO:<bób@example.org>\r\n".encode(), "250 2.1.0 | 553 5.6.7"),)
    ),
    Case("RCPT without TO", ((MAIL + b"RCPT <bob@example.org>\r\n", "250 2.1.0 | 501 5.5.4"),)),
    Case("address literal", ((MAIL + b"RCPT TO:<bob@[192.0.2.1]>\r\n", "250 2.1.0 | 250 2.1.5"),)),
    Case("quoted local part", ((MAIL + b'RCPT TO:<"b>o b"@example.org>\r\n', "250 2.1.0 | 250 2.1.5"),)),
    Case(
        "refused recipient",
        ((MAIL + b"RCPT TO:<refused@example.org>\r\n" + DATA, "250 2.1.0 | 550 5.1.1 | 554 5.5.1"),),
    ),
    Case(
        "fifty refused recipients do not end a session",
        ((MAIL + b"RCPT TO:<x>\r\n" * 50, " | ".join(["250 2.1.0"] + ["501 5.1.3"] * 50)),),
    ),
    Case("unknown parameter", ((b"MAIL FROM:<a@club.test> FOO=1\r\n", "555 5.5.4"),)),
    Case(
        "DSN parameters",
        (
            (
                (
                    b"MAIL FROM:<a@club.test> RET=HDRS ENVID=x+2By\r\n"
                    b"RCPT TO:<b@example.org> NOTIFY=NEVER ORCPT=rfc822;B@example.org\r\n"
                ),
                "250 2.1.0 | 250 2.1.5",
            ),
        ),
    ),
    Case(
        "wrong DSN parameters",
        (
            (
                MAIL + b"RCPT TO:<b@example.org> NOTIFY=NEVER,DELAY\r\nRCPT TO:<b@example.org> ORCPT=b@example.org\r\n",
                "250 2.1.0 | 501 5.5.4 | 501 5.5.4",
            ),
        ),
    ),
    Case(
        "BODY",
        (
            (
                b"MAIL FROM:<a@club.test> BODY=BINARYMIME\r\nMAIL FROM:<a@club.test> BODY=8BITMIME\r\n",
                "501 5.5.4 | 250 2.1.0",
            ),
        ),
    ),
    Case("handler's fault at MAIL", ((b"MAIL FROM:<trouble@club.test>\r\n" + RCPT, "451 4.3.0 | 503 5.5.1"),)),
    Case(
        "handler's fault at RCPT",
        ((MAIL + b"RCPT TO:<trouble@club.test>\r\n" + RCPT, "250 2.1.0 | 451 4.3.0 | 250 2.1.5"),),
    ),
)

SIZES = (
    Case("SIZE in order", ((b"MAIL FROM:<a@club.test> SIZE=10000\r\n", "250 2.1.0"),)),
    Case("SIZE one over", ((b"MAIL FROM:<a@club.test> SIZE=10001\r\n", "552 5.3.4"),)),
    Case("SIZE of 20 digits", ((b"MAIL FROM:<a@club.test> SIZE=18446744073709551616\r\n", "552 5.3.4"),)),
    Case("SIZE of 21 digits", ((b"MAIL FROM:<a@club.test> SIZE=184467440737095516160\r\n", "501 5.5.4"),)),
    Case("SIZE negative", ((b"MAIL FROM:<a@club.test> SIZE=-1\r\n", "501 5.5.4"),)),
    Case("SIZE twice", ((b"MAIL FROM:<a@club.test> SIZE=1 SIZE=2\r\n", "501 5.5.4"),)),
    Case("SIZE in other digits", (("MAIL FROM:<a@club.test> SIZE=١٢\r\n".encode(), "501 5.5.4"),)),
    Case(
        "SIZE that lies is counted again",
        (
            (b"MAIL FROM:<a@club.test> SIZE=10\r\n" + RCPT + DATA, "250 2.1.0 | 250 2.1.5 | 354"),
            ((b"x" * 98 + b"\r\n") * 101 + b".\r\n", "552 5.3.4"),
        ),
    ),
    content("content at the limit", (b"x" * 98 + b"\r\n") * 99 + b"x" * 98, "250 2.0.0", (b"x" * 98 + b"\r\n") * 100),
    content("content one over", (b"x" * 98 + b"\r\n") * 99 + b"x" * 99, "552 5.3.4"),
    Case(
        "content far over",
        (
            (MAIL + RCPT + DATA, "250 2.1.0 | 250 2.1.5 | 354"),
            ((b"x" * 98 + b"\r\n") * 400, "421 4.3.0"),
        ),
        closed=True,
    ),
    content("line at the limit", b"x" * 2000, "250 2.0.0", b"x" * 2000 + b"\r\n"),
    content("line over the limit", b"x" * 2001, "500 5.5.2"),
    Case(
        "100 recipients and one more",
        (
            (
                MAIL + b"".join(b"RCPT TO:<u%d@example.org>\r\n" % n for n in range(101)) + DATA,
                " | ".join(["250 2.1.0"] + ["250 2.1.5"] * 100 + ["452 4.5.3", "354"]),
            ),
            (HELLO + END, "250 2.0.0"),
        ),
        (HELLO + b"\r\n",),
    ),
    Case("a recipient named again is one", ((MAIL + RCPT * 150, " | ".join(["250 2.1.0"] + ["250 2.1.5"] * 150)),)),
    Case(
        "five messages and one more",
        (
            *(((MAIL + RCPT + DATA, "250 2.1.0 | 250 2.1.5 | 354"), (HELLO + END, "250 2.0.0")) * 5),
            (MAIL, "421 4.7.0"),
        ),
        (HELLO + b"\r\n",) * 5,
        closed=True,
    ),
)

CONTENTS = (
    content("plain", HELLO, "250 2.0.0", HELLO + b"\r\n"),
    content("dots doubled", b"..a\r\n..\r\n...b", "250 2.0.0", b".a\r\n.\r\n..b\r\n"),
    content("a dot not doubled", b".a", "250 2.0.0", b"a\r\n"),
    Case("empty", ((MAIL + RCPT + DATA, "250 2.1.0 | 250 2.1.5 | 354"), (b".\r\n", "250 2.0.0")), (b"",)),
    content("eight bit", "Grüße".encode(), "250 2.0.0", "Grüße\r\n".encode()),
    content("handler's fault", b"TROUBLE", "451 4.3.0"),
    Case(
        "commands in the content are content",
        ((MAIL + RCPT + DATA, "250 2.1.0 | 250 2.1.5 | 354"), (b"QUIT\r\nRSET\r\n.\r\n", "250 2.0.0")),
        (b"QUIT\r\nRSET\r\n",),
    ),
    Case(
        "all in one write",
        ((MAIL + RCPT + DATA + HELLO + END, "250 2.1.0 | 250 2.1.5 | 354 | 250 2.0.0"),),
        (HELLO + b"\r\n",),
    ),
    Case(
        "two mails in one write",
        (((MAIL + RCPT + DATA + HELLO + END) * 2, " | ".join(["250 2.1.0", "250 2.1.5", "354", "250 2.0.0"] * 2)),),
        (HELLO + b"\r\n",) * 2,
    ),
    Case(
        "QUIT behind the dot",
        ((MAIL + RCPT + DATA + HELLO + END + b"QUIT\r\n", "250 2.1.0 | 250 2.1.5 | 354 | 250 2.0.0 | 221 2.0.0"),),
        (HELLO + b"\r\n",),
        closed=True,
    ),
    Case(
        "a refused group runs into the content",
        (
            # All recipients refused: no 354, so a client that waits for it sends no content. What one sends that
            # does not wait is taken for commands, and wrong ones.
            (
                MAIL + b"RCPT TO:<refused@x.test>\r\n" + DATA + b"\r\n.\r\n",
                "250 2.1.0 | 550 5.1.1 | 554 5.5.1 | 500 5.5.2 | 500 5.5.2",
            ),
        ),
    ),
)


SMUGGLING = tuple(
    not_an_end(name, end)
    for name, end in {
        "LF.LF": b"\n.\n",
        "LF.CRLF": b"\n.\r\n",
        "LF.CR": b"\n.\r",
        "CR.CR": b"\r.\r",
        "CR.CRLF": b"\r.\r\n",
        "CR.LF": b"\r.\n",
        "CRLF.LF": b"\r\n.\n",
        "CRLF.CR": b"\r\n.\r",
        "CRLF.CRCRLF": b"\r\n.\r\r\n",
        "CRLF.NULCRLF": b"\r\n.\0\r\n",
        "CRLFNUL.CRLF": b"\r\n\0.\r\n",
        "CRNULLF.CRLF": b"\r\0\n.\r\n",
        "CRLF..CRLF": b"\r\n..\r\n",
        "CRLF. CRLF": b"\r\n. \r\n",
        "LFCR.LFCR": b"\n\r.\n\r",
        "LFLF.LFLF": b"\n\n.\n\n",
    }.items()
)

AUTH = (
    one("AUTH PLAIN", b"AUTH PLAIN " + GOOD + b"\r\n", "235 2.7.0", "hello"),
    one("auth plain", b"auth plain " + GOOD + b"\r\n", "235 2.7.0", "hello"),
    Case("AUTH PLAIN asked for", ((b"AUTH PLAIN\r\n", "334"), (GOOD + b"\r\n", "235 2.7.0")), begin="hello"),
    Case(
        "AUTH LOGIN",
        (
            (b"AUTH LOGIN\r\n", "334 VXNlcm5hbWU6"),
            (b64encode(b"app") + b"\r\n", "334 UGFzc3dvcmQ6"),
            (b64encode(b"correct horse") + b"\r\n", "235 2.7.0"),
        ),
        begin="hello",
    ),
    Case(
        "AUTH LOGIN with the user",
        (
            (b"AUTH LOGIN " + b64encode(b"app") + b"\r\n", "334 UGFzc3dvcmQ6"),
            (b64encode(b"correct horse") + b"\r\n", "235 2.7.0"),
        ),
        begin="hello",
    ),
    one("wrong password", b"AUTH PLAIN " + BAD + b"\r\n", "535 5.7.8", "hello"),
    one("unknown user", b"AUTH PLAIN " + b64encode(b"\0nobody\0x") + b"\r\n", "535 5.7.8", "hello"),
    one("acting for another", b"AUTH PLAIN " + b64encode(b"bob\0app\0correct horse") + b"\r\n", "535 5.7.8", "hello"),
    one("line ends in the name", b"AUTH PLAIN " + b64encode(b"\0a\r\nb\0x") + b"\r\n", "535 5.7.8", "hello"),
    one("bad UTF-8 in the name", b"AUTH PLAIN " + b64encode(b"\0\xff\0x") + b"\r\n", "501 5.5.2", "hello"),
    one("bad base64", b"AUTH PLAIN !!!\r\n", "501 5.5.2", "hello"),
    one("no NULs", b"AUTH PLAIN " + b64encode(b"app") + b"\r\n", "501 5.5.2", "hello"),
    one("NULs only", b"AUTH PLAIN " + b64encode(b"\0" * 9) + b"\r\n", "501 5.5.2", "hello"),
    one("empty initial answer", b"AUTH PLAIN =\r\n", "501 5.5.2", "hello"),
    one("no mechanism", b"AUTH\r\n", "501 5.5.4", "hello"),
    one("too many words", b"AUTH PLAIN a b\r\n", "501 5.5.4", "hello"),
    one("unknown mechanism", b"AUTH CRAM-MD5\r\n", "504 5.5.4", "hello"),
    one("AUTH again", b"AUTH PLAIN " + GOOD + b"\r\n", "503 5.5.1"),
    Case("cancelled", ((b"AUTH PLAIN\r\n", "334"), (b"*\r\n", "501 5.7.0")), begin="hello"),
    Case("100 kB answer", ((b"AUTH PLAIN\r\n", "334"), (b"QUFB" * 25_000 + b"\r\n", "501 5.5.2")), begin="hello"),
    Case("answer with a bare LF", ((b"AUTH PLAIN\r\n", "334"), (GOOD + b"\n", "501 5.5.2")), begin="hello"),
    Case(
        "ten wrong passwords",
        ((b"AUTH PLAIN " + BAD + b"\r\n",) * 1 + ("535 5.7.8",),) * 9
        + ((b"AUTH PLAIN " + BAD + b"\r\n", "421 4.7.0"),),
        closed=True,
        begin="hello",
    ),
)

RELAY = tuple(
    Case(
        f"open relay: {sender.decode()} to {recipient.decode()}",
        (
            (
                b"MAIL FROM:" + sender + b"\r\nRCPT TO:" + recipient + b"\r\nDATA\r\n",
                "530 5.7.0 | 503 5.5.1 | 503 5.5.1",
            ),
        ),
        begin="hello",
    )
    for sender, recipient in (
        (b"<ann@club.test>", b"<bob@example.org>"),
        (b"<>", b"<bob@example.org>"),
        (b"<bob@example.org>", b"<bob@example.org>"),
        (b"<ann@relay.club.test>", b"<bob@example.org>"),
        (b"<ann@localhost>", b"<bob%example.org@relay.club.test>"),
        (b"<ann@[127.0.0.1]>", b"<bob@example.org>"),
        (b"<postmaster@relay.club.test>", b'<"bob@example.org"@relay.club.test>'),
        (b"<ann@club.test> AUTH=<>", b"<example.org!bob@relay.club.test>"),
        (b"<ann@club.test> AUTH=app", b"<postmaster>"),
    )
)

CASES = COMMANDS + ORDER + ADDRESSES + SIZES + CONTENTS + CHUNKS + SMUGGLING + AUTH + RELAY

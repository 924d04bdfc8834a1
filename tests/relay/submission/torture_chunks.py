"""The torture table's cases of BDAT (RFC 3030)."""

from tests.relay.submission.torture_case import DATA, HELLO, HIDDEN, MAIL, RCPT, Case


def _chunk(octets: bytes, word: bytes = b"") -> bytes:
    return b"BDAT %d%s\r\n%s" % (len(octets), word, octets)


LAST = b" LAST"
BEGIN = (MAIL + RCPT, "250 2.1.0 | 250 2.1.5")

CHUNKS = (
    Case("chunk: one", (BEGIN, (_chunk(HELLO, LAST), "250 2.0.0")), (HELLO + b"\r\n",)),
    Case(
        "chunk: several",
        (
            BEGIN,
            (_chunk(b"Subject: a\r"), "250 2.0.0"),
            (_chunk(b"\n\r\n.") + _chunk(b"\r\n"), "250 2.0.0 | 250 2.0.0"),
            (_chunk(b".b\r\n", LAST), "250 2.0.0"),
        ),
        (b"Subject: a\r\n\r\n.\r\n.b\r\n",),  # dots are not special: none is taken off
    ),
    Case(
        "chunk: the last one empty",
        (BEGIN, (_chunk(HELLO), "250 2.0.0"), (b"BDAT 0 LAST\r\n", "250 2.0.0")),
        (HELLO + b"\r\n",),
    ),
    Case("chunk: nothing at all", (BEGIN, (b"BDAT 0 LAST\r\n", "250 2.0.0")), (b"",)),
    Case("chunk: words in lower case", (BEGIN, (b"bdat 2  last \r\nHi", "250 2.0.0")), (b"Hi\r\n",)),
    Case(
        "chunk: a pipelined group, and another mail behind it",
        (
            (
                (MAIL + RCPT + _chunk(HELLO[:5]) + _chunk(HELLO[5:], LAST)) * 2 + b"QUIT\r\n",
                " | ".join(["250 2.1.0", "250 2.1.5", "250 2.0.0", "250 2.0.0"] * 2 + ["221 2.0.0"]),
            ),
        ),
        (HELLO + b"\r\n",) * 2,
        closed=True,
    ),
    Case(
        "chunk: commands in it are content",
        (BEGIN, (_chunk(HIDDEN + b"QUIT\r\n", LAST), "250 2.0.0")),
        (HIDDEN + b"QUIT\r\n",),
    ),
    Case("chunk: before MAIL", ((_chunk(HIDDEN, LAST), "503 5.5.1"),)),
    Case("chunk: before RCPT", ((MAIL, "250 2.1.0"), (_chunk(HIDDEN, LAST) + RCPT, "503 5.5.1 | 503 5.5.1"))),
    Case(
        "chunk: a refused group is thrown away",
        (
            (
                MAIL + b"RCPT TO:<refused@x.test>\r\n" + _chunk(HIDDEN) * 20 + _chunk(HIDDEN, LAST) + MAIL,
                " | ".join(["250 2.1.0", "550 5.1.1"] + ["554 5.5.1"] * 21 + ["250 2.1.0"]),
            ),
        ),
    ),
    Case(
        "chunk: a group behind a wrong MAIL is one mistake",
        (
            (
                b"MAIL FROM:ann\r\n" + RCPT + _chunk(HIDDEN) * 20 + _chunk(HIDDEN, LAST) + MAIL,
                " | ".join(["501 5.1.7", "503 5.5.1"] + ["503 5.5.1"] * 21 + ["250 2.1.0"]),
            ),
        ),
    ),
    Case(
        "chunk: RSET drops what came",
        (
            BEGIN,
            (
                _chunk(HELLO) + b"RSET\r\n" + MAIL + RCPT + _chunk(b"Hi", LAST),
                "250 2.0.0 | 250 2.0.0 | 250 2.1.0 | 250 2.1.5 | 250 2.0.0",
            ),
        ),
        (b"Hi\r\n",),
    ),
    Case(
        "chunk: EHLO drops what came",
        (BEGIN, (_chunk(HELLO) + b"EHLO c\r\n" + _chunk(HELLO, LAST), "250 2.0.0 | 250 | 503 5.5.1")),
    ),
    Case(
        "chunk: then DATA",
        (BEGIN, (_chunk(HELLO) + DATA + _chunk(b"!", LAST), "250 2.0.0 | 503 5.5.1 | 250 2.0.0")),
        (HELLO + b"!\r\n",),
    ),
    Case(
        "chunk: then RCPT",
        (BEGIN, (_chunk(HELLO) + RCPT + b"BDAT 0 LAST\r\n", "250 2.0.0 | 503 5.5.1 | 250 2.0.0")),
        (HELLO + b"\r\n",),
    ),
    Case(
        "chunk: then MAIL",
        (BEGIN, (_chunk(HELLO) + MAIL + b"BDAT 0 LAST\r\n", "250 2.0.0 | 503 5.5.1 | 250 2.0.0")),
        (HELLO + b"\r\n",),
    ),
    Case(
        "chunk: after the last",
        (BEGIN, (_chunk(b"Hi", LAST) + _chunk(HIDDEN, LAST), "250 2.0.0 | 503 5.5.1")),
        (b"Hi\r\n",),
    ),
    Case(
        "chunk: a word that is not LAST",
        (BEGIN, (_chunk(HIDDEN, b" FIRST") + _chunk(b"", LAST), "501 5.5.4 | 501 5.5.4")),
    ),
    Case("chunk: no size", (BEGIN, (b"BDAT LAST\r\n" + HIDDEN, "421 4.5.4")), closed=True),
    Case("chunk: size negative", (BEGIN, (b"BDAT -1\r\n" + HIDDEN, "421 4.5.4")), closed=True),
    Case("chunk: size in other digits", (BEGIN, ("BDAT \u0661\r\n".encode() + HIDDEN, "421 4.5.4")), closed=True),
    Case("chunk: size of 21 digits", (BEGIN, (b"BDAT 184467440737095516160\r\n" + HIDDEN, "421 4.5.4")), closed=True),
    Case("chunk: size of 20 digits", (BEGIN, (b"BDAT 18446744073709551616\r\n" + HIDDEN, "421 4.3.0")), closed=True),
    Case("chunk: bare LF behind the command", (BEGIN, (b"BDAT 300\n" + HIDDEN, "421 4.5.4")), closed=True),
    Case("chunk: a tab behind the verb", (BEGIN, (b"BDAT\t300\r\n" + HIDDEN, "421 4.5.4")), closed=True),
    Case(
        "chunk: content at the limit",
        (
            BEGIN,
            (_chunk((b"x" * 98 + b"\r\n") * 50), "250 2.0.0"),
            (_chunk((b"x" * 98 + b"\r\n") * 50, LAST), "250 2.0.0"),
        ),
        ((b"x" * 98 + b"\r\n") * 100,),
    ),
    Case(
        "chunk: content one over",
        (
            BEGIN,
            (_chunk((b"x" * 98 + b"\r\n") * 50), "250 2.0.0"),
            (_chunk((b"x" * 98 + b"\r\n") * 50 + b"x") + b"BDAT 0 LAST\r\n", "552 5.3.4 | 552 5.3.4"),
        ),
    ),
    Case(
        "chunk: the line end that is added counts",
        (BEGIN, (_chunk((b"x" * 98 + b"\r\n") * 99 + b"x" * 99, LAST), "552 5.3.4")),
    ),
    Case(
        "chunk: content far over", (BEGIN, (_chunk(b"x" * 9000) * 3, "500 5.5.2 | 500 5.5.2 | 421 4.3.0")), closed=True
    ),
    Case(
        "chunk: line at the limit",
        (BEGIN, (_chunk(b"x" * 1000) + _chunk(b"x" * 1000, LAST), "250 2.0.0 | 250 2.0.0")),
        (b"x" * 2000 + b"\r\n",),
    ),
    Case(
        "chunk: line over the limit",
        (BEGIN, (_chunk(b"x" * 1000) + _chunk(b"x" * 1001, LAST), "250 2.0.0 | 500 5.5.2")),
    ),
    Case(
        "chunk: fifty empty ones and one more",
        (BEGIN, (b"BDAT 0\r\n" * 51, " | ".join(["250 2.0.0"] * 50 + ["421 4.7.0"]))),
        closed=True,
    ),
    Case("chunk: handler's fault", (BEGIN, (_chunk(b"TROUBLE", LAST) + MAIL, "451 4.3.0 | 250 2.1.0"))),
    Case(
        "chunk: BODY=BINARYMIME, which is not offered",
        ((b"MAIL FROM:<a@club.test> BODY=BINARYMIME\r\n" + _chunk(b"a\nb", LAST), "501 5.5.4 | 503 5.5.1"),),
    ),
    Case(
        "chunk: after HELO",
        ((b"HELO c\r\n" + MAIL + RCPT + _chunk(b"Hi", LAST), "250 | 250 2.1.0 | 250 2.1.5 | 250 2.0.0"),),
        (b"Hi\r\n",),
    ),
    Case(
        "chunk: from a stranger",
        ((MAIL + RCPT + _chunk(HIDDEN, LAST), "530 5.7.0 | 503 5.5.1 | 503 5.5.1"),),
        begin="hello",
    ),
)

"""The SMTP client without a socket: every stage, every kind of reply (robustness.md 2.4)."""

import base64
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from relay.delivery.dialogue import CHUNKED, Dialogue, Outcome, Step, TlsPolicy
from relay.delivery.envelope import Envelope
from relay.delivery.states import TRANSITIONS, State
from store.nouns import Phase, Reason

MAIL = Envelope(reverse_path="r@b.test", forward_path="ann@example.org", size=10)
GROUP = b"MAIL FROM:<r@b.test>\r\nRCPT TO:<ann@example.org>\r\nDATA\r\n"


class Talk:
    """Drives a dialogue as a connection does, feeding it whole or byte by byte; keeps all that it said."""

    def __init__(self, *, tls: TlsPolicy = "opportunistic", user: str = "", password: str = "", size: int = 0) -> None:
        self.dialogue = Dialogue(hostname="relay.test", tls=tls, user=user, password=password)
        self.size = size
        self.said = b""

    def hear(self, data: bytes) -> Step:
        step = Step.READ
        for piece in [data[at : at + self.size] for at in range(0, len(data), self.size)] if self.size else [data]:
            told = self.dialogue.receive(piece)
            step = told if told is not Step.READ else step
            self.said += self.dialogue.take_output()
        return step

    def set_up(self, *offers: bytes) -> Step:
        self.hear(b"220 hello\r\n")
        lines = [b"mx", *offers]
        reply = b"".join(b"250-" + line + b"\r\n" for line in lines[:-1]) + b"250 " + lines[-1] + b"\r\n"
        return self.hear(reply)

    def start(self, mail: Envelope = MAIL) -> None:
        self.said = b""
        self.dialogue.start(mail)
        self.said += self.dialogue.take_output()

    @property
    def outcome(self) -> Outcome:
        assert self.dialogue.outcome is not None
        return self.dialogue.outcome


@pytest.fixture(params=[0, 1], ids=["whole", "byte by byte"])
def talk(request: pytest.FixtureRequest) -> Talk:
    return Talk(size=request.param)


def test_a_mail_with_pipelining(talk: Talk) -> None:
    """Greeting, EHLO, one group of commands, content, 250: delivered with the reply verbatim."""
    assert talk.set_up(b"PIPELINING") is Step.READY
    assert talk.said == b"EHLO relay.test\r\n"
    talk.start()
    assert talk.said == GROUP
    assert talk.hear(b"250 ok\r\n250 ok\r\n354 go\r\n") is Step.CONTENT
    talk.dialogue.dot_sent()
    assert talk.hear(b"250-2.0.0 taken\r\n250 2.0.0 as 4711\r\n") is Step.DONE
    assert talk.outcome.delivered
    assert talk.outcome.reply is not None
    assert talk.outcome.reply.lines == ("2.0.0 taken", "2.0.0 as 4711")
    assert talk.dialogue.usable


def test_a_mail_in_lock_step(talk: Talk) -> None:
    """Without PIPELINING each command waits for the reply before it."""
    talk.set_up(b"8BITMIME")
    talk.start()
    assert talk.said == b"MAIL FROM:<r@b.test>\r\n"
    talk.hear(b"250 ok\r\n")
    assert talk.said.endswith(b"RCPT TO:<ann@example.org>\r\n")
    talk.hear(b"250 ok\r\n")
    assert talk.said == GROUP
    assert talk.hear(b"354 go\r\n") is Step.CONTENT


@pytest.mark.parametrize("pipelining", [True, False])
@pytest.mark.parametrize("code", [450, 550])
@pytest.mark.parametrize(
    ("stage", "phase"), [(0, Phase.MAIL), (1, Phase.RCPT), (2, Phase.DATA), (3, Phase.END_OF_DATA)]
)
def test_a_refusal_at_each_stage_is_that_mails_outcome(
    talk: Talk, stage: int, phase: Phase, code: int, *, pipelining: bool
) -> None:
    """D1, D2: the first refusal counts, with its stage, and the session goes on."""
    talk.set_up(*([b"PIPELINING"] if pipelining else []))
    talk.start()
    refusal = f"{code} 5.9.9 no\r\n".encode()
    if stage == 3:
        talk.hear(b"250 ok\r\n250 ok\r\n" if pipelining else b"250 ok\r\n")
        if not pipelining:
            talk.hear(b"250 ok\r\n")
        talk.hear(b"354 go\r\n")
        talk.dialogue.dot_sent()
        assert talk.hear(refusal) is Step.DONE
    elif pipelining:
        replies = [b"250 ok\r\n"] * stage + [refusal] + [b"503 5.5.1 no\r\n"] * (2 - stage)
        assert talk.hear(b"".join(replies)) is Step.DONE
    else:
        for _ in range(stage):
            talk.hear(b"250 ok\r\n")
        assert talk.hear(refusal) is Step.DONE
    assert (talk.outcome.phase, talk.outcome.reply and talk.outcome.reply.code) == (phase, code)
    assert not talk.outcome.delivered
    assert talk.dialogue.usable
    talk.start()
    assert talk.said.startswith(b"RSET\r\n")


def test_354_although_rcpt_was_refused_gets_a_lone_dot(talk: Talk) -> None:
    """D6: what is said to the lone dot means nothing, were it 250."""
    talk.set_up(b"PIPELINING")
    talk.start()
    assert talk.hear(b"250 ok\r\n550 5.1.1 no such user\r\n354 go\r\n") is Step.READ
    assert talk.said == GROUP + b".\r\n"
    assert talk.hear(b"250 taken\r\n") is Step.DONE
    assert not talk.outcome.delivered
    assert str(talk.outcome.reply) == "550 5.1.1 no such user"
    assert talk.dialogue.usable


@pytest.mark.parametrize("ends", ["421", "lost"])
def test_a_refused_rcpt_stays_refused_whatever_follows(talk: Talk, ends: str) -> None:
    """The recipient's own reply is known; that the session ends afterwards changes nothing."""
    talk.set_up(b"PIPELINING")
    talk.start()
    talk.hear(b"250 ok\r\n550 5.1.1 no such user\r\n")
    step = talk.hear(b"421 bye\r\n") if ends == "421" else talk.dialogue.lost("gone")
    assert step is Step.DONE
    assert talk.outcome.reply is not None
    assert talk.outcome.reply.code == 550
    assert not talk.dialogue.usable


@pytest.mark.parametrize(
    ("heard", "phase"),
    [
        (b"", Phase.MAIL),
        (b"250 ok\r\n", Phase.RCPT),
        (b"250 ok\r\n250 ok\r\n", Phase.DATA),
        (b"250 ok\r\n250 ok\r\n354 go\r\n", Phase.DATA),
        (b"dot", Phase.END_OF_DATA),
        (b"dot250-half a rep", Phase.END_OF_DATA),
    ],
)
def test_a_lost_connection_tells_its_stage(talk: Talk, heard: bytes, phase: Phase) -> None:
    """D3: before the final dot the mail is tried again; only behind it the outcome is unknown."""
    talk.set_up(b"PIPELINING")
    talk.start()
    if heard.startswith(b"dot"):
        talk.hear(b"250 ok\r\n250 ok\r\n354 go\r\n")
        talk.dialogue.dot_sent()
        heard = heard[3:]
    talk.hear(heard)
    assert talk.dialogue.lost("gone") is Step.DONE
    behind = phase is Phase.END_OF_DATA
    expected = Outcome(phase, None, "gone", Reason.CONNECTION_FAILED, permanent=False, unknown=behind)
    assert talk.outcome == expected


@pytest.mark.parametrize(
    ("heard", "phase", "code"),
    [
        ([b"421 4.3.2 too busy\r\n"], Phase.GREETING, 421),
        ([b"450 later\r\n"], Phase.GREETING, 450),
        ([b"554 5.7.1 go away\r\n"], Phase.GREETING, 554),
        ([b"220 hi\r\n", b"421 no\r\n"], Phase.EHLO, 421),
        ([b"220 hi\r\n", b"451 no\r\n"], Phase.EHLO, 451),
        ([b"220 hi\r\n", b"502 what\r\n", b"451 no\r\n"], Phase.EHLO, 451),
        ([b"220 hi\r\n", b"502 what\r\n", b"550 no\r\n"], Phase.EHLO, 550),
    ],
)
def test_a_refusal_while_setting_up_ends_the_session(talk: Talk, heard: list[bytes], phase: Phase, code: int) -> None:
    """D1, D2 at the banner and at EHLO."""
    steps = [talk.hear(data) for data in heard]
    assert steps[-1] is Step.DONE
    assert (talk.outcome.phase, talk.outcome.reply and talk.outcome.reply.code) == (phase, code)
    assert not talk.dialogue.usable


def test_helo_when_ehlo_is_refused(talk: Talk) -> None:
    """D11: and then nothing is offered."""
    talk.hear(b"220 hi\r\n")
    talk.hear(b"502 5.5.2 what?\r\n")
    assert talk.said == b"EHLO relay.test\r\nHELO relay.test\r\n"
    assert talk.hear(b"250-PIPELINING\r\n250 SIZE 5\r\n") is Step.READY
    assert not talk.dialogue.offers.pipelining
    assert talk.dialogue.offers.size is None


@pytest.mark.parametrize("stage", ["mail", "rcpt", "data", "dot"])
def test_421_ends_the_session_at_once(talk: Talk, stage: str) -> None:
    """The replies to what was sent along never come."""
    talk.set_up(b"PIPELINING")
    talk.start()
    before = {"mail": b"", "rcpt": b"250 ok\r\n", "data": b"250 ok\r\n" * 2, "dot": b"250 ok\r\n" * 2 + b"354 go\r\n"}
    talk.hear(before[stage])
    if stage == "dot":
        talk.dialogue.dot_sent()
    assert talk.hear(b"421 4.3.2 shutting down\r\n") is Step.DONE
    assert talk.outcome.reply is not None
    assert talk.outcome.reply.code == 421
    assert not talk.outcome.unknown
    assert not talk.dialogue.usable


@pytest.mark.parametrize(
    ("heard", "phase", "unknown"),
    [
        (b"354 go\r\n", Phase.MAIL, False),  # 354 to MAIL
        (b"250 ok\r\n354 go\r\n", Phase.RCPT, False),
        (b"250 ok\r\n250 ok\r\n250 ok\r\n", Phase.DATA, False),  # 250 to DATA: no content was asked for
        (b"250 ok\r\n250 ok\r\n354 go\r\n250 taken\r\n", Phase.DATA, False),  # 250 before the content was sent
        (b"garbage\r\n", Phase.MAIL, False),
        (b"dot354 go\r\n", Phase.END_OF_DATA, True),
        (b"dotgarbage\r\n", Phase.END_OF_DATA, True),
    ],
)
def test_what_is_missing_from_the_table_is_the_other_sides_error(
    talk: Talk, heard: bytes, phase: Phase, *, unknown: bool
) -> None:
    """The session ends and the mail is tried again; success is only a 2xx behind the final dot."""
    talk.set_up(b"PIPELINING")
    talk.start()
    if heard.startswith(b"dot"):
        talk.hear(b"250 ok\r\n250 ok\r\n354 go\r\n")
        talk.dialogue.dot_sent()
        heard = heard[3:]
    assert talk.hear(heard) is Step.DONE
    assert talk.outcome.reply is None
    assert (talk.outcome.phase, talk.outcome.reason, talk.outcome.permanent, talk.outcome.unknown) == (
        phase,
        Reason.SYSTEM_ERROR,
        False,
        unknown,
    )
    assert not talk.dialogue.usable


@pytest.mark.parametrize("code", [b"452 4.2.2 full", b"552 5.3.4 too big"])
def test_a_refusal_in_the_middle_of_the_content_counts(talk: Talk, code: bytes) -> None:
    """Some servers do not wait for the dot; there is no way back into step."""
    talk.set_up(b"PIPELINING")
    talk.start()
    talk.hear(b"250 ok\r\n250 ok\r\n354 go\r\n")
    assert talk.hear(code + b"\r\n") is Step.DONE
    assert (talk.outcome.phase, str(talk.outcome.reply)) == (Phase.DATA, code.decode())
    assert not talk.dialogue.usable


@pytest.mark.parametrize("pipelining", [True, False])
def test_rset_between_mails(talk: Talk, *, pipelining: bool) -> None:
    """D18: sent along with the next mail where PIPELINING is offered."""
    talk.set_up(*([b"PIPELINING"] if pipelining else []))
    for number in range(3):
        talk.start()
        reset = b"RSET\r\n" if number else b""
        assert talk.said == (reset + GROUP if pipelining else reset or b"MAIL FROM:<r@b.test>\r\n")
        for reply in [b"250 reset\r\n"] * bool(number) + [b"250 ok\r\n", b"250 ok\r\n", b"354 go\r\n"]:
            talk.hear(reply)
        talk.dialogue.dot_sent()
        assert talk.hear(b"250 ok\r\n") is Step.DONE


@pytest.mark.parametrize(
    ("heard", "stale"),
    [
        (b"", True),
        (b"421 too many\r\n", True),
        (b"500 RSET?\r\n", True),
        (b"250 reset\r\n", True),
        (b"250 reset\r\n421 idle too long\r\n", True),
        (b"250 reset\r\n250 ok\r\n", False),
        (b"250 reset\r\n250 ok\r\n421 no\r\n", False),
    ],
)
def test_a_kept_connection_that_died_is_told_from_a_failure(talk: Talk, heard: bytes, *, stale: bool) -> None:
    """D18: stale as long as nothing of this mail was accepted."""
    talk.set_up(b"PIPELINING")
    talk.start()
    talk.hear(b"250 ok\r\n250 ok\r\n354 go\r\n")
    talk.dialogue.dot_sent()
    talk.hear(b"250 ok\r\n")
    talk.start()
    if talk.hear(heard) is not Step.DONE:
        talk.dialogue.lost("gone")
    assert talk.outcome.stale is stale


def test_a_first_mail_is_never_stale(talk: Talk) -> None:
    """A fresh connection that is lost at MAIL is a failure, or it would be tried for ever."""
    talk.set_up(b"PIPELINING")
    talk.start()
    talk.dialogue.lost("gone")
    assert not talk.outcome.stale


def test_421_while_idle_closes(talk: Talk) -> None:
    """Nobody's outcome; the connection takes no further mail."""
    talk.set_up(b"PIPELINING")
    assert talk.hear(b"421 idle too long\r\n") is Step.READ
    assert not talk.dialogue.usable
    assert talk.dialogue.outcome is None


def test_a_reply_too_many_ends_the_session(talk: Talk) -> None:
    """Out of step: what it belongs to cannot be known, so no other mail gets it."""
    talk.set_up(b"PIPELINING")
    talk.start()
    talk.hear(b"250 ok\r\n250 ok\r\n354 go\r\n")
    talk.dialogue.dot_sent()
    assert talk.hear(b"250 taken\r\n250 again\r\n") is Step.DONE
    assert talk.outcome.delivered
    assert not talk.dialogue.usable


def test_starttls_where_offered(talk: Talk) -> None:
    """EHLO is said again, and what was offered before counts no more (RFC 3207 section 4.2)."""
    talk.set_up(b"STARTTLS", b"PIPELINING", b"SIZE 5")
    assert talk.said.endswith(b"STARTTLS\r\n")
    assert talk.hear(b"220 go ahead\r\n") is Step.HANDSHAKE
    talk.dialogue.secured()
    assert talk.dialogue.take_output() == b"EHLO relay.test\r\n"
    assert talk.hear(b"250-mx\r\n250-STARTTLS\r\n250 8BITMIME\r\n") is Step.READY
    assert talk.dialogue.offers.eight_bit
    assert not talk.dialogue.offers.pipelining


def test_what_is_said_between_220_and_tls_ends_the_session() -> None:
    """Response injection: the buffer is empty at the handshake, or there is none."""
    for heard in ([b"220 go\r\n250 injected\r\n"], [b"220 go\r\n", b"250"]):
        talk = Talk()
        talk.set_up(b"STARTTLS")
        steps = [talk.hear(data) for data in heard]
        assert steps[-1] is Step.DONE
        assert talk.outcome.phase is Phase.TLS
        assert not talk.dialogue.usable


@pytest.mark.parametrize("code", [b"454 4.7.0 not now", b"502 no"])
def test_a_refused_starttls_goes_on_in_clear_when_opportunistic(talk: Talk, code: bytes) -> None:
    """And only once."""
    talk.set_up(b"STARTTLS", b"PIPELINING")
    assert talk.hear(code + b"\r\n") is Step.READY
    assert talk.dialogue.offers.pipelining
    assert not talk.dialogue.secure


@pytest.mark.parametrize("refused", [True, False])
def test_required_tls_is_required(*, refused: bool) -> None:
    """Not offered, or refused: for now not, never in clear."""
    talk = Talk(tls="required")
    step = talk.set_up(*([b"STARTTLS"] if refused else [b"PIPELINING"]))
    if refused:
        step = talk.hear(b"454 not now\r\n")
    assert step is Step.DONE
    assert (talk.outcome.phase, talk.outcome.permanent, talk.outcome.status) == (Phase.TLS, False, "4.7.10")


def test_tls_off_is_off() -> None:
    """STARTTLS is not said although it is offered."""
    talk = Talk(tls="off")
    assert talk.set_up(b"STARTTLS") is Step.READY


def test_auth_plain_under_tls(talk: Talk) -> None:
    """The smarthost's credentials, with the first response in the command (RFC 4954)."""
    talk = Talk(tls="implicit", user="ann", password="pässword", size=talk.size)
    talk.set_up(b"AUTH LOGIN PLAIN", b"PIPELINING")
    said = talk.said.rsplit(b"AUTH PLAIN ", 1)[1]
    assert base64.b64decode(said).decode() == "\0ann\0pässword"
    assert talk.hear(b"235 2.7.0 welcome\r\n") is Step.READY


def test_auth_login_under_tls(talk: Talk) -> None:
    """Where nothing better is offered."""
    talk = Talk(tls="implicit", user="ann", password="secret", size=talk.size)
    talk.set_up(b"AUTH=LOGIN")
    talk.hear(b"334 VXNlcm5hbWU6\r\n")
    talk.hear(b"334 UGFzc3dvcmQ6\r\n")
    lines = talk.said.split(b"\r\n")
    assert lines[1:4] == [b"AUTH LOGIN", base64.b64encode(b"ann"), base64.b64encode(b"secret")]
    assert talk.hear(b"235 ok\r\n") is Step.READY


@pytest.mark.parametrize(
    ("tls", "offer", "heard"),
    [
        ("off", b"AUTH PLAIN", b""),  # never in clear
        ("opportunistic", b"AUTH PLAIN", b""),
        ("implicit", b"AUTH CRAM-MD5", b""),
        ("implicit", b"8BITMIME", b""),
        ("implicit", b"AUTH PLAIN", b"535 5.7.8 no\r\n"),
        ("implicit", b"AUTH PLAIN", b"454 4.7.0 later\r\n"),
        ("implicit", b"AUTH LOGIN", b"504 no\r\n"),
    ],
)
def test_a_failed_login_is_never_the_recipients_fault(tls: TlsPolicy, offer: bytes, heard: bytes) -> None:
    """Our credentials or our configuration: for now only, whatever the code, and the password is not in clear text."""
    talk = Talk(tls=tls, user="ann", password="secret")
    step = talk.set_up(offer)
    if heard:
        assert step is Step.READ
        step = talk.hear(heard)
    else:
        assert b"AUTH" not in talk.said
    assert step is Step.DONE
    assert (talk.outcome.phase, talk.outcome.permanent) == (Phase.AUTH, False)


def test_quit() -> None:
    """Said, and nothing heard after it."""
    talk = Talk()
    talk.set_up(b"PIPELINING")
    talk.dialogue.quit()
    assert talk.dialogue.take_output() == b"QUIT\r\n"
    assert talk.hear(b"221 bye\r\n") is Step.READ


def test_the_table_names_only_states_that_are_waited_in() -> None:
    """No way leads out of a state that nobody is in."""
    never = {State.OFFERED, State.REFUSED, State.DELIVERED, State.CLOSED, State.READY, State.HANDSHAKE}
    assert not {state for state, _ in TRANSITIONS} & never


_LINES = st.sampled_from(
    (
        *(b"220 hi\r\n", b"250 ok\r\n", b"250-PIPELINING\r\n", b"250 STARTTLS\r\n", b"354 go\r\n", b"421 bye\r\n"),
        *(b"450 later\r\n", b"550 no\r\n", b"334 x\r\n", b"garbage\r\n", b"25", b"\r\n", b"235 in\r\n"),
    )
)


@given(
    heard=st.lists(st.one_of(_LINES, st.binary(max_size=20)), max_size=30),
    tls=st.sampled_from(["opportunistic", "required", "implicit", "off"]),
    user=st.sampled_from(["", "ann"]),
)
def test_any_server_keeps_the_laws(*, heard: list[bytes], tls: TlsPolicy, user: str) -> None:
    """Whatever a server says: no exception, and delivered only by a 2xx behind a final dot that answered a 354."""
    talk = Talk(tls=tls, user=user, password="secret")
    dots = 0
    for data in heard:
        step = talk.hear(data)
        state = talk.dialogue.state
        if step is Step.HANDSHAKE:
            talk.dialogue.secured()
        elif step is Step.CONTENT and state is State.CONTENT:
            talk.dialogue.dot_sent()
            dots += 1
        elif step is Step.DONE:
            assert talk.outcome.delivered <= dots
            dots = 0
        if talk.dialogue.usable:
            talk.start(replace(MAIL, size=len(heard)))
    talk.dialogue.lost("the end")
    assert not talk.dialogue.usable
    assert b"secret" not in talk.said


# BDAT (RFC 3030).

LARGE = replace(MAIL, size=CHUNKED)


def chunked(talk: Talk, *offers: bytes) -> None:
    talk.set_up(b"CHUNKING", *offers)
    talk.start(LARGE)


@pytest.mark.parametrize("offers", [(), (b"PIPELINING",)])
def test_a_large_mail_goes_in_chunks(talk: Talk, offers: tuple[bytes, ...]) -> None:
    """No DATA is said; each chunk is asked for when the one before was taken; only LAST's 2xx is success."""
    chunked(talk, *offers)
    assert talk.dialogue.in_chunks
    assert talk.hear(b"250 ok\r\n250 ok\r\n") is Step.CONTENT
    assert b"DATA" not in talk.said
    for _ in range(3):
        assert talk.hear(b"250 got it\r\n") is Step.CONTENT
    assert talk.dialogue.outcome is None
    talk.dialogue.dot_sent()
    assert talk.hear(b"250 2.0.0 taken\r\n") is Step.DONE
    assert talk.outcome.delivered
    assert talk.dialogue.usable


def test_a_small_mail_and_one_without_the_offer_go_by_data(talk: Talk) -> None:
    """And so does every mail where it is turned off."""
    talk.set_up(b"CHUNKING", b"PIPELINING")
    talk.start(replace(MAIL, size=CHUNKED - 1))
    assert talk.said.endswith(b"DATA\r\n")
    plain = Talk()
    plain.set_up(b"PIPELINING")
    plain.start(LARGE)
    assert plain.said.endswith(b"DATA\r\n")
    off = Talk()
    off.dialogue = Dialogue(hostname="relay.test", tls="off", chunking=False)
    off.set_up(b"CHUNKING", b"PIPELINING")
    off.start(LARGE)
    assert off.said.endswith(b"DATA\r\n")


def test_a_chunk_that_is_refused_keeps_the_session(talk: Talk) -> None:
    """The reply is the mail's own, and another mail may follow."""
    chunked(talk, b"PIPELINING")
    talk.hear(b"250 ok\r\n250 ok\r\n")
    assert talk.hear(b"552 5.3.4 too large\r\n") is Step.DONE
    assert (talk.outcome.phase, str(talk.outcome.reply), talk.outcome.again) == (
        Phase.DATA,
        "552 5.3.4 too large",
        False,
    )
    assert talk.dialogue.usable
    talk.start()
    assert talk.said.startswith(b"RSET\r\n")


@pytest.mark.parametrize("code", [500, 501, 502, 503, 504])
def test_bdat_that_is_not_known_after_all(talk: Talk, code: int) -> None:
    """It is no refusal of the mail: once more by DATA, for the rest of the session."""
    chunked(talk, b"PIPELINING")
    talk.hear(b"250 ok\r\n250 ok\r\n")
    assert talk.hear(b"%d what?\r\n" % code) is Step.DONE
    assert talk.outcome.again
    talk.start(LARGE)
    assert talk.said.endswith(b"DATA\r\n")


@pytest.mark.parametrize(("heard", "phase"), [(b"550 no\r\n", Phase.MAIL), (b"250 ok\r\n550 no\r\n", Phase.RCPT)])
@pytest.mark.parametrize("offers", [(), (b"PIPELINING",)])
def test_refused_before_the_first_chunk(talk: Talk, heard: bytes, phase: Phase, offers: tuple[bytes, ...]) -> None:
    """Nothing is sent, and nothing is waited for that was not asked."""
    chunked(talk, *offers)
    step = talk.hear(heard)
    if offers and phase is Phase.MAIL:
        assert step is Step.READ  # the reply to RCPT is still to come
        step = talk.hear(b"503 MAIL first\r\n")
    assert step is Step.DONE
    assert (talk.outcome.phase, str(talk.outcome.reply)) == (phase, "550 no")
    assert talk.dialogue.usable


def test_a_connection_lost_behind_last_is_in_doubt(talk: Talk) -> None:
    """And one lost before it is not."""
    chunked(talk)
    talk.hear(b"250 ok\r\n250 ok\r\n")
    talk.dialogue.dot_sent()
    talk.dialogue.lost("gone")
    assert talk.outcome.unknown
    other = Talk()
    chunked(other)
    other.hear(b"250 ok\r\n250 ok\r\n250 got it\r\n")
    other.dialogue.lost("gone")
    assert not other.outcome.unknown
    assert other.outcome.phase is Phase.DATA

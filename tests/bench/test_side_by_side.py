"""The account of `make bench` is exact: what is lost, doubled or spoilt is seen."""

import socket
from pathlib import Path

import dns.message
import pytest

from bench import names
from bench.letters import bodies, head
from bench.meter import Meter, tree
from bench.processes import SinkProcess, SourceProcess
from bench.receiver import Sink, _Session
from bench.run import figures_of, middle
from bench.source import Job
from bench.tables import remarks, table
from tests.e2e.rigs.loopback import own_address


@pytest.mark.parametrize("per_connection", [0, 3])
def test_each_letter_comes_once_and_whole(tmp_path: Path, per_connection: int) -> None:
    """Sender and sink by themselves: every copy is there, and none is called spoilt."""
    address = own_address()
    with SinkProcess([f"{address}:2500"], 0.0, tmp_path) as sink:
        job = Job(host=address, port=2500, letters=40, connections=4, recipients=2, per_connection=per_connection)
        with SourceProcess(job) as source:
            sent = source.result()
        assert sink.wait(80, 10.0) == 80
        samples = sink.samples()
        account = sink.take()
    figures = figures_of(sent, account, 40, 2)
    assert (figures["lost"], figures["duplicates"], figures["spoilt"], figures["refused"]) == (0, 0, 0, 0)
    assert figures["transactions"] == 40
    assert samples
    assert samples[0].endswith(b"--\r\n")


def test_the_account_tells_lost_doubled_and_refused_mails_apart() -> None:
    """Letter 0 came twice, letter 1 never, letter 2 was refused and is owed to nobody."""
    answers = [(0, 1.0, 1.5, 250), (1, 1.0, 2.0, 250), (2, 1.0, 3.0, 451)]
    account = {"copies": [(0, 0, 2.0), (0, 0, 3.0)], "transactions": 2, "spoilt": [], "cpu": 0.1, "connections": 1}
    figures = figures_of({"answers": answers, "cpu": 0.2}, account, 3, 1)
    assert (figures["lost"], figures["duplicates"], figures["refused"]) == (1, 1, 1)
    assert figures["accepted_per_s"] == 2.0
    assert figures["delivered_per_s"] == 1.0
    assert figures["accept_p50"] == 1.0


def test_of_several_rounds_the_middle_one_is_told_and_no_fault_is_hidden() -> None:
    """The median of delivered mails; what any round lost is lost, and each round's rate stands below the table."""
    clean = {"refused": 0, "lost": 0, "duplicates": 0, "unknown": 0, "spoilt": 0, "complaint": "", "words": "Relay"}
    rows = [
        {**clean, "delivered_per_s": 900.0, "cpu_per_1000": 1.0},
        {**clean, "delivered_per_s": 500.0, "cpu_per_1000": 2.0, "lost": 1, "complaint": "no pixel"},
        {**clean, "delivered_per_s": 800.0, "cpu_per_1000": 1.1},
    ]
    told = middle(rows)
    assert (told["delivered_per_s"], told["cpu_per_1000"], told["lost"]) == (800.0, 1.1, 1)
    assert remarks([told]) == ["Relay: no pixel", "Relay: 900, 500, 800 delivered a second in its rounds"]
    assert middle(rows[:1]) == rows[0]


class _Account(Sink):
    def __init__(self) -> None:
        super().__init__(0.0, None)


@pytest.mark.parametrize("step", [1, 2, 3, 5, 7, 100_000])
def test_the_sink_reads_alike_however_the_bytes_fall(step: int) -> None:
    """Two mails, the second by lock step; their content, and nothing else, is the content."""
    here, there = socket.socketpair()
    sink = _Account()
    session = _Session(sink, there)
    talk = b""
    for number in (4, 5):
        talk += b"MAIL FROM:<a@club.test>\r\nRCPT TO:<r%d-0@members.test>\r\nDATA\r\n" % number
        talk += head(number, "x@members.test") + bodies(pdf=False)[0][-3_000:] + b".\r\n"
    for at in range(0, len(talk), step):
        session.take(talk[at : at + step])
    here.close()
    there.close()
    assert [(letter, serial) for letter, serial, _ in sink._copies] == [(4, 0), (5, 0)]
    assert sink._spoilt == []


def test_a_letter_of_another_and_one_that_was_cut_are_spoilt() -> None:
    """The sink believes neither the envelope nor the length."""
    here, there = socket.socketpair()
    sink = _Account()
    session = _Session(sink, there)
    body = bodies(pdf=False)[0]
    for number, content in ((1, head(2, "x") + body), (3, head(3, "x") + body[:-9] + b"\r\n")):
        session.take(b"RCPT TO:<r%d-0@members.test>\r\nDATA\r\n" % number)
        session.take(content + b".\r\n")
    here.close()
    there.close()
    assert sink._spoilt == [1, 3]


def test_every_domain_has_a_mail_host_with_an_address() -> None:
    """The name server's answers lead from domain to address; what is not there is NXDOMAIN."""
    zone = names.records(200)
    mx = names.answer(dns.message.make_query("d7.bench.test", "MX"), zone)
    assert mx.answer[0].to_text().endswith("IN MX 10 mx.host7.test.")
    assert names.answer(dns.message.make_query("mx.host7.test", "A"), zone).answer[0][0].to_text() == "127.78.0.8"
    assert names.answer(dns.message.make_query("d7.bench.test", "AAAA"), zone).rcode() == 0
    assert names.answer(dns.message.make_query("elsewhere.test", "A"), zone).rcode() == 3


def test_a_process_has_memory_and_used_the_processor() -> None:
    """The meter sees the tree of a process, by whichever way this machine offers."""
    address = own_address()
    with SinkProcess([f"{address}:2500"], 0.0, None) as sink:
        meter = Meter([sink.pid])
        before = meter.cpu()
        with SourceProcess(Job(host=address, port=2500, letters=200)) as source:
            source.result()
        meter.sample()
        assert sink.pid in tree([sink.pid])
        assert meter.peak > 1_000_000
        assert meter.cpu() >= before
    meter.close()


def test_ratios_refer_to_the_baseline() -> None:
    """Twice as many mails is 2.00."""
    account = {"copies": [(0, 0, 2.0)], "transactions": 1, "spoilt": [], "cpu": 0.1, "connections": 1}
    row = figures_of({"answers": [(0, 1.0, 1.5, 250)], "cpu": 0.2}, account, 1, 1)
    own = {"relay": "homing", "words": "Homing", "cpu_per_1000": 0.4, "memory": 90e6, "complaint": "", **row}
    other = {**own, "relay": "postfix", "words": "Postfix", "delivered_per_s": row["delivered_per_s"] / 2}
    lines = table([own, other], "postfix").splitlines()
    assert lines[2].split("|")[4].strip() == "2.00"
    assert lines[3].split("|")[4].strip() == "1.00"

"""relay/preflight.py: what cannot work on this machine is said before anything is started."""

import socket
from pathlib import Path

import pytest

from relay.config import ConfigError, parse_text
from relay.preflight import check, host_and_port, load

QUIET = """
[relay]
master_key = "{folder}/master.key"
[relay.submission]
listen = ["127.0.0.1:0"]
certificate = "{folder}/tls/certificate.pem"
private_key = "{folder}/tls/key.pem"
[relay.sandbox]
enabled = false
[bounce]
listen = ["127.0.0.1:0"]
[pixel]
listen = ["127.0.0.1:0"]
[admin]
listen = ["127.0.0.1:0"]
"""


def said(text: str) -> list[str]:
    config, problems = parse_text(text)
    assert problems == []
    return [str(problem) for problem in check(config)]


def test_nothing_to_say_about_what_works(tmp_path: Path) -> None:
    """Free ports and files that can be made are no problem."""
    assert said(QUIET.format(folder=tmp_path)) == []


def test_a_port_in_use_is_named(tmp_path: Path) -> None:
    """The key, the address and why."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        text = QUIET.format(folder=tmp_path).replace(
            '[bounce]\nlisten = ["127.0.0.1:0"]', f'[bounce]\nlisten = ["127.0.0.1:{port}"]'
        )
        assert said(text) == [
            f"[bounce] listen: cannot listen on 127.0.0.1:{port}: the port is in use by another program"
        ]


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ('[relay]\nhostname = ""', '[relay] hostname: "" should be a domain name in ASCII, like "mail.example.org"'),
        ('[relay]\nhostname = "two words"', '[relay] hostname: "two words" should be'),
        ('[relay]\nhostname = "192.0.2.1"', '[relay] hostname: "192.0.2.1" should be'),
        ('[relay]\nhostname = "müller.example"', 'like "xn--mller-kva.example"'),
        ('[bounce]\ndomain = "a..b"', '[bounce] domain: "a..b" should be'),
        ('[bounce]\naligned_domains = ["x.example", "@y"]', '[bounce] aligned_domains: "@y" should be'),
    ],
)
def test_what_we_call_ourselves_is_a_domain_name(tmp_path: Path, line: str, says: str) -> None:
    """A name that other servers would refuse, or that would break the SMTP dialogue, starts nothing."""
    table, _, key = line.partition("\n")
    problems = said(QUIET.format(folder=tmp_path).replace(table + "\n", f"{table}\n{key}\n"))
    assert len(problems) == 1
    assert says in problems[0]


def test_two_listeners_on_one_port_are_named(tmp_path: Path) -> None:
    """Also where one of them listens on all addresses."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    text = QUIET.format(folder=tmp_path).replace(
        '[bounce]\nlisten = ["127.0.0.1:0"]', f'[bounce]\nlisten = ["127.0.0.1:{port}", "0.0.0.0:{port}"]'
    )
    assert said(text) == [f"[bounce] listen: 0.0.0.0:{port} is taken by [bounce] listen already"]


def test_an_unreadable_key_file_is_named(tmp_path: Path) -> None:
    """A folder in place of the key cannot be read; a key that others can read is refused."""
    (tmp_path / "master.key").mkdir()
    assert said(QUIET.format(folder=tmp_path)) == [
        f"[relay] master_key: {tmp_path}/master.key cannot be read: is a directory"
    ]
    (tmp_path / "master.key").rmdir()
    (tmp_path / "master.key").write_text(f"{bytes(32).hex()}\n")
    (tmp_path / "master.key").chmod(0o644)
    assert said(QUIET.format(folder=tmp_path)) == [
        f"[relay] master_key: {tmp_path}/master.key can be read by others: chmod 600 it"
    ]


def test_what_is_no_key_and_no_certificate_is_named(tmp_path: Path) -> None:
    """Files that can be read but hold something else are told with all other problems, not at the start itself."""
    (tmp_path / "tls").mkdir()
    for name in ("master.key", "tls/certificate.pem", "tls/key.pem"):
        (tmp_path / name).write_text("rubbish\n")
        (tmp_path / name).chmod(0o600)
    assert said(QUIET.format(folder=tmp_path)) == [
        f"[relay] master_key: {tmp_path}/master.key is not a key file: one key of 64 hexadecimal digits a line",
        (
            f"[relay.submission] certificate: {tmp_path}/tls/certificate.pem and {tmp_path}/tls/key.pem"
            " are no certificate and its key, both PEM"
        ),
    ]
    (tmp_path / "tls" / "key.pem").unlink()
    assert said(QUIET.format(folder=tmp_path))[1] == (
        f"[relay.submission] certificate: {tmp_path}/tls/certificate.pem is there, and {tmp_path}/tls/key.pem is not"
    )


@pytest.mark.parametrize(
    ("table", "line", "says"),
    [
        ("relay.submission", 'trusted_networks = ["0.0.0.0/0"]', "this would be an open relay"),
        ("relay.submission", 'trusted_networks = ["::/0"]', "this would be an open relay"),
        ("relay.submission", 'trusted_networks = ["everywhere"]', "is no network"),
        ("relay.submission", 'proxy_networks = ["everywhere"]', "is no network"),
        ("relay.submission", 'proxy_networks = ["0.0.0.0/0"]', "could write its own address"),
        ("relay.delivery", 'allow_private_destinations = ["10/8"]', "is no network"),
        ("pixel", 'base_url = "track.example.org"', 'should be like "https://track.example.org"'),
        ("pixel", 'base_url = "https://track.example.org/x?y"', "no path and no query"),
        ("pixel", 'base_url = "https://[track"', 'should be like "https://track.example.org"'),
        ("pixel", 'trusted_proxies = ["0.0.0.0/0"]', "could write its own address"),
        ("pixel", 'proxy_networks = ["::/0"]', "could write its own address"),
        ("pixel", 'proxy_networks = ["here"]', "is no network"),
        ("pixel", 'listen_tls = ["127.0.0.1:0"]', "var/tls/pixel.pem is not there; listen_tls needs a certificate"),
        ("pixel", 'countries = "nowhere.mmdb"', "nowhere.mmdb cannot be read"),
        ("pixel.hosts", '"club.org" = "pixel.club.org"', '"club.org": should be like "https://track.example.org"'),
        ("pixel.hosts", '"club.org" = "https://pixel.club.org/o"', "no path and no query"),
        ("pixel.hosts", '"Club.org" = "https://pixel.club.org"', 'like "club.org"'),
    ],
)
def test_unsafe_or_useless_values_are_named(tmp_path: Path, table: str, line: str, says: str) -> None:
    """One problem each, and it says what is wrong."""
    text = QUIET.format(folder=tmp_path)
    text = (
        text.replace(f"[{table}]\n", f"[{table}]\n{line}\n") if f"[{table}]" in text else f"{text}[{table}]\n{line}\n"
    )
    (problem,) = said(text)
    assert says in problem


@pytest.mark.parametrize("address", ["2525", "127.0.0.1:", "127.0.0.1:65536", "localhost:25", "[::1]", "a:b"])
def test_a_wrong_address_is_a_value_error(address: str) -> None:
    """An address to listen on is an IP address and a port."""
    with pytest.raises(ValueError, match=r"should be an address and a port|is no IP address"):
        host_and_port(address)


@pytest.mark.parametrize(
    ("servers", "wrong"),
    [
        ('["127.0.0.1", "127.0.0.53:5353", "::1", "[::1]:53", "[::1]"]', []),
        ('["127.0.0.1", "9.9.9.9"]', ["9.9.9.9"]),
        ('["192.0.2.53:53", "2001:db8::1"]', ["192.0.2.53:53", "2001:db8::1"]),
    ],
)
def test_a_validating_resolver_is_on_this_machine(tmp_path: Path, servers: str, wrong: list[str]) -> None:
    """Else whoever sits between could say that an answer is validated; without the setting any server is right."""
    text = QUIET.format(folder=tmp_path) + f"[relay.dns]\nnameservers = {servers}\n"
    assert said(text) == []
    told = said(text + "validating = true\n")
    assert len(told) == len(wrong)
    assert all(f"validating: {server} is not on this machine" in line for server, line in zip(wrong, told, strict=True))


def test_file_and_machine_are_told_together(tmp_path: Path) -> None:
    """A wrong key and a busy port come in one message, in the order of the file."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        file = tmp_path / "config.toml"
        text = QUIET.format(folder=tmp_path).replace("[relay]\n", "[relay]\nhostnam = 'x'\n")
        file.write_text(text.replace('[admin]\nlisten = ["127.0.0.1:0"]', f'[admin]\nlisten = ["127.0.0.1:{port}"]'))
        with pytest.raises(ConfigError) as caught:
            load(file)
    assert [problem.key for problem in caught.value.problems] == [("relay", "hostnam"), ("admin", "listen")]
    assert all(problem.line for problem in caught.value.problems)


def test_several_workers_need_postgresql(tmp_path: Path) -> None:
    """The line to write is in the sentence; ports must be known, since all workers share them."""
    text = QUIET.format(folder=tmp_path).replace("[relay]\n", "[relay]\nworkers = 2\n")
    problems = said(text)
    assert problems[0] == (
        "[relay] workers: more than one needs PostgreSQL, SQLite has one writer: "
        '[store] url = "postgresql://user:password@host/name"'
    )
    assert problems[1] == "[relay.submission] listen: 127.0.0.1:0 is another port for each worker; name one"
    assert said(f'{text}[store]\nurl = "postgresql://homing@127.0.0.1/homing"\n')[0] == problems[1]

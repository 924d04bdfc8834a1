"""relay/config.py: every mistake of a file is told at once, with its line and what would be right."""

import tomllib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from relay.config import Config, ConfigError, Problem, line_of, parse, parse_text, read

SHIPPED = Path(__file__).parents[2] / "config.toml"


def test_shipped_file_is_the_default() -> None:
    """The shipped file holds no value that differs from the code's default."""
    config, problems = parse_text(SHIPPED.read_text())
    assert problems == []
    assert config == Config()


def test_shipped_file_names_every_key() -> None:
    """Every key that the code knows stands in the shipped file."""
    written = tomllib.loads(SHIPPED.read_text())
    known = Config().model_dump(mode="json")

    def names(table: dict[str, object], prefix: str = "") -> set[str]:
        found: set[str] = set()
        for name, value in table.items():
            found.add(prefix + name)
            if isinstance(value, dict):
                found |= names(value, f"{prefix}{name}.")
        return found

    assert names(written) == names(known)


@pytest.mark.parametrize(
    ("text", "line", "says"),
    [
        ("[relay]\nhostnam = 'x'", 2, '[relay] hostnam: unknown key. Did you mean "hostname"?'),
        ("[pixle]\nlisten = []", 1, 'pixle: unknown key. Did you mean "pixel"?'),
        ("[relay]\n\nmax_recipients = 5", 3, "Did you mean [relay.submission.limits] max_recipients?"),
        ("[relay.delivery]\nmax_age = '3 days'", 2, "should be a duration in quotes"),
        ("[relay.submission.limits]\nmax_message_size = '25MB'", 2, "should be a size in quotes"),
        ("[relay.delivery]\nschedule = ['1m', 'x']", 2, "[relay.delivery] schedule: should be a duration"),
        ("[relay.routes.'example.org']\nport = 25", 1, '[relay.routes."example.org"] host: is missing'),
        ("store.retention.events = 7", 1, "[store.retention] events: should be a duration"),
        ("[relay]\nhostname = 'x\n", 2, "xpected"),
        ("[relay]\nlisten = [", 2, "Invalid value"),
        ("[admin]\nlisten = 5", 2, '[admin] listen: should be a list, like ["x", "y"]'),
        ("[relay.delivery]\nconnections = 'many'", 2, "connections: should be a whole number, like 20"),
        ("[relay.delivery]\nconnections = 0", 2, "connections: should be at least 1"),
        ("[relay.delivery]\nport = 70000", 2, "port: should be at most 65535"),
        ("[relay.delivery]\nschedule = []", 2, "schedule: should not be empty"),
        ("[relay.delivery]\nschedule = ['0s']", 2, "schedule: should be more than 0"),
        ("[relay.delivery]\nipv6 = 'maybe'", 2, "ipv6: should be true or false"),
        ("[relay]\nhostname = 5", 2, 'hostname: should be a text in quotes, like "x"'),
        ("[relay]\ndelivery = 5", 2, "delivery: should be a table"),
        ("[relay.log]\nformat = 'xml'", 2, 'format: should be one of "text", "json"'),
        ("[pixel]\ntracking = 'all'", 2, 'tracking: should be one of "off", "count", "verdict", "full"'),
        ("[pixel]\nbuffer = 0", 2, "buffer: should be at least 1"),
        ("[store]\nlease = '0s'", 2, "lease: should be more than 0"),
        ("[bounce]\nmax_report_size = '0B'", 2, "max_report_size: should be at least 1"),
    ],
)
def test_a_mistake_is_named_with_its_line(text: str, line: int, says: str) -> None:
    """The message has the line, the key and what would be right."""
    _, problems = parse_text(text)
    assert [problem.line for problem in problems] == [line]
    assert says in str(problems[0])


def test_all_mistakes_are_told_at_once(tmp_path: Path) -> None:
    """One wrong key does not hide the next."""
    file = tmp_path / "config.toml"
    file.write_text("[relay]\nhostnam = 'x'\n[bounce]\nlissen = []\n[pixel]\nbuffer = 'many'\n")
    with pytest.raises(ConfigError) as caught:
        read(file)
    assert [problem.line for problem in caught.value.problems] == [2, 4, 6]
    assert str(caught.value).startswith(f"{file}: 3 problems; nothing was started.\n  line 2: ")


def test_what_is_right_is_read_although_something_else_is_wrong() -> None:
    """The rest of a file can still be checked: it is not thrown away with the wrong key."""
    config, problems = parse_text("[relay]\nhostname = 'mail.example.org'\nnonsense = 1\n")
    assert config.relay.hostname == "mail.example.org"
    assert [problem.key for problem in problems] == [("relay", "nonsense")]


def test_paths_are_relative_to_the_file(tmp_path: Path) -> None:
    """A relative path means the same from wherever the command is called; an absolute one stays."""
    file = tmp_path / "config.toml"
    file.write_text("[relay]\nmaster_key = '/etc/homing/master.key'\n")
    config, _ = parse(file)
    assert config.relay.master_key == Path("/etc/homing/master.key")
    assert config.store.contents == tmp_path / "var/contents"
    assert config.store.url == f"sqlite:///{tmp_path}/var/homing.db"


def test_missing_file_is_one_plain_problem(tmp_path: Path) -> None:
    """No traceback for a file that is not there."""
    _, problems = parse(tmp_path / "none.toml")
    assert problems == [Problem((), "cannot be read: No such file or directory")]


def test_passwords_do_not_show() -> None:
    """A printed configuration holds no secret."""
    config, problems = parse_text("[relay.routes.'*']\nhost = 'smart.example.org'\npassword = 'hunter2'")
    assert problems == []
    assert "hunter2" not in repr(config)


@given(st.text())
def test_whatever_the_text_no_exception(text: str) -> None:
    """Any text gives a configuration and problems."""
    _, problems = parse_text(text)
    assert all(0 <= problem.line <= len(text.splitlines()) + 1 for problem in problems)


def test_a_key_that_is_not_in_the_file_has_no_line() -> None:
    """Line 0 means: no line says it."""
    assert line_of(("bounce", "listen"), "[relay]\nhostname = 'x'\n") == 0

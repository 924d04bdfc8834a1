"""pixel/lists.py and pixel/list_files.py: published lists, their snapshots, and how they are fetched."""

import asyncio
import contextlib
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field, replace
from ipaddress import ip_address
from pathlib import Path

import pytest
from aiohttp import web
from hypothesis import given
from hypothesis import strategies as st

from pixel import list_files
from pixel.list_files import ListFolder, ListTrouble, update
from pixel.lists import About, AddressList, ListDamaged, from_snapshot, read_published, to_snapshot
from pixel.networks import Prefixes, parse_address
from tests.pixel.rig import Clock

APPLE = """\
172.224.224.0/27,GB,GB-ENG,London,
172.224.224.32/31,GB,GB-EN,Birmingham,
2a02:26f7:c8:4000::/64,ES,ES-MD,Madrid,
2606:54c0:7600:1::/64,US,US-CA,San Jose,
"""
ABOUT = About(name="apple-relay", source="http://list.test/x.csv", etag='"1"', loaded_at=1_800_000_000.0, prefixes=4)


def made() -> AddressList:
    return AddressList(ABOUT, read_published(APPLE.splitlines())[0])


def holds(networks: Prefixes, address: str) -> bool:
    parsed = parse_address(address)
    assert parsed is not None
    return parsed in networks


def test_published_file_is_read() -> None:
    """Apple's form: the prefix up to the first comma, both families, no header line; networks that touch are one."""
    networks, count = read_published(["# a remark", "", *APPLE.splitlines()])
    assert (count, len(networks)) == (4, 3)
    for address, inside in (
        ("172.224.224.0", True),
        ("172.224.224.33", True),
        ("172.224.224.34", False),
        ("172.224.223.255", False),
        ("2a02:26f7:c8:4000:ffff:ffff:ffff:ffff", True),
        ("2a02:26f7:c8:4001::", False),
        ("2606:54c0:7600:1::7", True),
    ):
        assert holds(networks, address) is inside


@pytest.mark.parametrize(
    ("lines", "why"),
    [
        ([], "no network"),
        (["<html>", "<body>Not found</body>"], "no network"),
        (["192.0.2.0/24", "what?"], "are no networks"),
        (["0.0.0.0/0"], "too wide"),
        (["16.0.0.0/7"], "too wide"),
        (["2000::/15"], "too wide"),
    ],
)
def test_what_is_no_list_is_refused(lines: list[str], why: str) -> None:
    """An error page, a file of another kind, or one that says that everybody is Apple."""
    with pytest.raises(ListDamaged, match=why):
        read_published(lines)


def test_widest_networks_that_are_believed() -> None:
    """At the limit: a /8 and a /16."""
    assert read_published(["17.0.0.0/8", "2a02::/16"])[1] == 2


def test_a_few_bad_lines_are_passed_over() -> None:
    """One line in a hundred may be broken; the rest is used."""
    lines = [f"10.{n}.0.0/24" for n in range(0, 200, 2)]
    assert read_published([*lines, "oops"])[1] == 100


def test_snapshot_is_the_same_list() -> None:
    """What was written is read: where it comes from, and every network."""
    again = from_snapshot(to_snapshot(made()))
    assert again.about == ABOUT
    assert [list(column) for column in again.networks.six.columns] == [list(c) for c in made().networks.six.columns]
    assert holds(again.networks, "172.224.224.7")


@given(st.binary(max_size=400), st.integers(0, 300))
def test_any_octets_are_a_list_or_damaged(junk: bytes, keep: int) -> None:
    """Whatever the octets, also behind a good beginning: a list or ListDamaged, and nothing else."""
    for raw in (junk, to_snapshot(made())[:keep] + junk):
        with contextlib.suppress(ListDamaged):
            from_snapshot(raw)


@given(st.data())
def test_a_flipped_octet_is_found(data: st.DataObject) -> None:
    """A snapshot with one other octet in its numbers is damaged, not another list."""
    raw = bytearray(to_snapshot(made()))
    body_at = raw.index(b"\n", raw.index(b"\n") + 1) + 1
    at = data.draw(st.integers(body_at, len(raw) - 1))
    raw[at] ^= data.draw(st.integers(1, 255))
    try:
        again = from_snapshot(bytes(raw))
    except ListDamaged:
        return
    assert list(again.networks.six.columns[0]) == list(made().networks.six.columns[0])  # only deflate's own padding


def test_a_header_cannot_make_us_hold_more_than_it_says() -> None:
    """A small file that inflates to much, or a header that promises much, is refused."""
    raw = to_snapshot(made())
    with pytest.raises(ListDamaged, match="length"):
        from_snapshot(raw.replace(b'"four": 1', b'"four": 2'))
    with pytest.raises(ListDamaged, match="header"):
        from_snapshot(raw.replace(b'"four": 1', b'"four": 999999999'))


def test_three_hundred_thousand_networks_are_small() -> None:
    """By count: 32 octets a network in the arrays, under 10 MB in all, and a look-up of at most 19 steps."""
    six = [((0x2A0226F7 << 96) + (n << 65), (0x2A0226F7 << 96) + (n << 65) + (1 << 64) - 1) for n in range(240_000)]
    four = [((0xAC000000 + 4 * n) << 64, (0xAC000000 + 4 * n + 1) << 64) for n in range(60_000)]
    networks = Prefixes.of_numbers(four, six)
    columns = (*networks.four.columns, *networks.six.columns)
    assert len(networks) == 300_000
    assert sum(column.itemsize * len(column) for column in columns) == 300_000 * 32
    assert sum(map(sys.getsizeof, columns)) < 12_000_000  # arrays keep a little room to grow
    assert len(networks).bit_length() == 19
    assert ip_address("2a02:26f7::1") in networks
    assert ip_address("172.0.0.2") not in networks


# ---------------------------------------------------------------------------------------------------- fetching


@dataclass
class Publisher:
    """A server of a list on loopback, which says what it is told to say."""

    text: str = APPLE
    etag: str = '"1"'
    status: int = 200
    asked: list[str] = field(default_factory=list)
    url: str = ""

    async def answer(self, request: web.BaseRequest) -> web.StreamResponse:
        self.asked.append(request.headers.get("If-None-Match", ""))
        if self.status == 200 and self.etag and self.asked[-1] == self.etag:
            return web.Response(status=304)
        return web.Response(status=self.status, text=self.text, headers={"ETag": self.etag} if self.etag else {})


@pytest.fixture
async def publisher() -> AsyncIterator[Publisher]:
    it = Publisher()
    runner = web.ServerRunner(web.Server(it.answer))
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    it.url = f"http://127.0.0.1:{runner.addresses[0][1]}/egress.csv"
    yield it
    await runner.cleanup()


Update = Callable[[], Awaitable[list_files.Updated]]


@pytest.fixture
def folder(tmp_path: Path) -> ListFolder:
    return ListFolder(tmp_path / "lists")


@pytest.fixture
def fetch(publisher: Publisher, folder: ListFolder, clock: Clock) -> Update:
    return lambda: update(folder, "apple-relay", publisher.url, clock=clock)


async def test_update_keeps_a_snapshot(folder: ListFolder, fetch: Update, clock: Clock) -> None:
    """The list is fetched, kept with its ETag, and read again without the network."""
    updated = await fetch()
    assert (updated.changed, updated.about.prefixes, updated.about.etag) == (True, 4, '"1"')
    found = folder.load("apple-relay")
    assert found is not None
    assert (found.about, holds(found.networks, "172.224.224.1")) == (updated.about, True)
    assert folder.changed_at("apple-relay") == clock()


async def test_what_did_not_change_is_not_sent_again(
    publisher: Publisher, folder: ListFolder, fetch: Update, clock: Clock
) -> None:
    """The ETag is sent along; 304 leaves the snapshot and notes that it is up to date."""
    await fetch()
    clock.now += 86_400
    assert not (await fetch()).changed
    assert publisher.asked == ["", '"1"']
    assert folder.changed_at("apple-relay") == clock()
    found = folder.load("apple-relay")
    assert found is not None
    assert found.about.loaded_at == clock() - 86_400
    publisher.etag, publisher.text = '"2"', APPLE + "198.51.100.0/24,FR,,,\n"
    assert (await fetch()).about.prefixes == 5


async def test_another_source_is_asked_without_the_etag(
    publisher: Publisher, folder: ListFolder, fetch: Update, clock: Clock
) -> None:
    """An ETag belongs to its URL."""
    await fetch()
    await update(folder, "apple-relay", publisher.url + "?2", clock=clock)
    assert publisher.asked == ["", ""]


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"status": 503}, "answered 503"),
        ({"text": "<html>Not here</html>"}, "no network"),
        ({"text": ""}, "no network"),
        ({"text": "0.0.0.0/0"}, "too wide"),
    ],
)
async def test_last_good_list_stays(
    publisher: Publisher, folder: ListFolder, fetch: Update, change: dict[str, object], why: str
) -> None:
    """An error, an error page or a list that cannot be true: said in a sentence, and the snapshot is as it was."""
    await fetch()
    before = folder.path("apple-relay").read_bytes()
    publisher.etag = '"2"'
    for name, value in change.items():
        setattr(publisher, name, value)
    with pytest.raises(ListTrouble, match=why):
        await fetch()
    assert folder.path("apple-relay").read_bytes() == before


async def test_too_much_is_not_read(fetch: Update, monkeypatch: pytest.MonkeyPatch) -> None:
    """A server that sends on and on is left."""
    monkeypatch.setattr(list_files, "MAX_OCTETS", len(APPLE) - 1)
    with pytest.raises(ListTrouble, match="sends more"):
        await fetch()


async def test_nobody_there(folder: ListFolder, clock: Clock) -> None:
    """A server that cannot be reached is told in a sentence."""
    with pytest.raises(ListTrouble, match=r"http://127\.0\.0\.1:1/x"):
        await update(folder, "apple-relay", "http://127.0.0.1:1/x", clock=clock)


async def test_damaged_snapshot_is_fetched_anew(publisher: Publisher, folder: ListFolder, fetch: Update) -> None:
    """A snapshot that cannot be read is told as such, and the next update replaces it without asking by its ETag."""
    await fetch()
    folder.path("apple-relay").write_bytes(b"junk")
    with pytest.raises(ListDamaged, match="no address list"):
        await asyncio.to_thread(folder.load, "apple-relay")
    assert (await fetch()).changed
    assert publisher.asked == ["", ""]
    assert replace(ABOUT, source=publisher.url) == folder.load("apple-relay").about  # type: ignore[union-attr]

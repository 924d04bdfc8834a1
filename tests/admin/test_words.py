"""Every word of the pages exists in each language: looked for in the templates and in the code itself."""

import re
from pathlib import Path

import pytest
from jinja2 import Environment, nodes

from admin import event_story
from admin.pages.render import MAIL, OPERATE
from admin.pages.said import SAID
from store.languages import LANGUAGES
from store.nouns import Role
from store.queries.standing import Standing

ROOT = Path(__file__).parents[2]
TEMPLATES = sorted((ROOT / "admin/templates").glob("*.html"))
OTHERS = [code for code in LANGUAGES if code != "en"]


def in_templates() -> set[str]:
    """Every text that a template hands to _ or _n as it stands."""
    found = set()
    for path in TEMPLATES:
        tree = Environment().parse(path.read_text(encoding="utf-8"))
        for call in tree.find_all(nodes.Call):
            if isinstance(call.node, nodes.Name) and call.node.name in ("_", "_n"):
                count = 1 if call.node.name == "_" else 2
                found |= {each.value for each in call.args[:count] if isinstance(each, nodes.Const)}
                found |= {
                    branch.value
                    for each in call.args[:count]
                    if isinstance(each, nodes.CondExpr)
                    for branch in (each.expr1, each.expr2)
                    if isinstance(branch, nodes.Const)
                }
    return found


def in_code() -> set[str]:
    """What templates are given to say."""
    words = {place.word for place in (*MAIL, *OPERATE)} | set(SAID.values()) | {standing.word for standing in Standing}
    words |= {role.value for role in Role} | {"All", "Server", "Port", "Encryption", "Attempts", "Rule"}
    stories = (*event_story._WORDS.values(), *event_story._OPENED.values())
    return words | {text for story in stories for text in (story[0], story[3])}


WORDS = sorted(in_templates() | in_code())


@pytest.mark.parametrize("code", OTHERS)
def test_no_word_is_missing(code: str) -> None:
    """A page in another language has no English left in it."""
    assert [word for word in WORDS if word not in LANGUAGES[code].sentences] == []


def test_there_is_something_to_look_at() -> None:
    """The search has not gone blind."""
    assert len(WORDS) > 150


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: path.name)
def test_templates_bring_no_script_and_no_style_of_their_own(path: Path) -> None:
    """The policy forbids both; and nothing in them is marked as safe."""
    text = path.read_text(encoding="utf-8")
    assert not re.search(r"<script(?![^>]*\bsrc=)|<style|\sstyle=|\son\w+=|\|\s*safe", text)

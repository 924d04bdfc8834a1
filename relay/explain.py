"""
What a reply or a report says, as lines: the engines of ``homing explain`` and ``homing inspect``.

Neither opens the store.
"""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from bounce.inspect_files import explain_lines, inspect_files
from relay.tail import printable
from store.nouns import Reason
from store.reasons import text as reason_text


def explain_as_json(replies: Iterable[str]) -> Iterator[str]:
    """Give one JSON object for each reply: ``{"reason", "permanent", "status", "rule"}``."""
    for finding in explain_lines(replies):
        yield _line(finding)


def explain_as_text(replies: Iterable[str]) -> Iterator[str]:
    """Give a few plain lines for each reply: the reason, what to do, and the rule that said so."""
    for finding in explain_lines(replies):
        told = reason_text(Reason(finding["reason"]))
        lasting = "for good" if finding["permanent"] else "for now"
        yield f"{finding['reason']} ({lasting}): {told.sentence}"
        yield f"  What to do: {told.advice}"
        yield f"  Rule: {finding['rule'] or 'none fits'}"


def inspect_as_json(files: Sequence[Path]) -> Iterator[str]:
    """Give one JSON object for each file: ``{"file", "kind", "recipients": [...]}``."""
    for report in inspect_files(files):
        yield _line(report)


def _line(told: Mapping[str, Any]) -> str:
    """Write JSON that people can read; escaped where it holds what is no text: a file name that is not UTF-8."""
    line = json.dumps(told, ensure_ascii=False)
    try:
        line.encode("utf-8")
    except UnicodeEncodeError:
        return json.dumps(told)
    return line


def inspect_as_text(files: Sequence[Path]) -> Iterator[str]:
    """Give a few plain lines for each file: what it is, and about whom."""
    for report in inspect_files(files):
        yield f"{printable(report['file'])}: {report.get('error') or report['kind']}"
        for recipient in report["recipients"]:
            address = printable(recipient["address"] or "address not told")
            what = ", ".join(filter(None, (recipient["action"], recipient["reason"])))
            yield f"  {address}: {what}. {reason_text(Reason(recipient['reason'])).sentence}"
            if recipient["diagnostic"]:
                yield f"    It said: {printable(recipient['diagnostic'])}"
            if recipient["rule"]:
                yield f"    Rule: {recipient['rule']}"

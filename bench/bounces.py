"""
Score the readers of bounces and the classifier against labelled mails and replies, and measure their speed.

    python -m bench.bounces FOLDER [--half 0|1] [--rows N]

FOLDER holds ``dev/labels.jsonl`` beside its mails and ``smtp_replies_dev.tsv``. Halves are by a hash of the file's
name (of the reply's text), so that rules written on one half can be scored on the other.
"""

import argparse
import hashlib
import json
import sys
import time
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bounce.classify import classify
from bounce.report import Report, read

# Reasons that suppress an address: a wrong one of these is a living person who gets no more mail.
SUPPRESSING = frozenset({"no_such_user", "account_disabled", "address_invalid", "domain_not_found", "complaint"})
GIANT = 100_000  # octets; larger mails are left out of the speed


@dataclass
class Score:
    """Counts; each figure is a pair of how many were right and how many were asked."""

    counts: Counter[str] = field(default_factory=Counter)
    per: dict[str, Counter[str]] = field(default_factory=lambda: defaultdict(Counter))
    rows: list[str] = field(default_factory=list)

    def add(self, name: str, right: bool, *groups: str) -> None:  # noqa: FBT001 the one thing that is counted
        """Count one question."""
        for counts in (self.counts, *(self.per[group] for group in groups)):
            counts[name + "/of"] += 1
            counts[name] += right

    def percent(self, name: str, counts: Counter[str] | None = None) -> float:
        """How many of a hundred were right; 100 when nothing was asked."""
        counts = self.counts if counts is None else counts
        return 100.0 * counts[name] / counts[name + "/of"] if counts[name + "/of"] else 100.0


def half_of(name: str, split: int = 0) -> int:
    """Say which half of a split a name belongs to; the number of a split stands for one way to halve."""
    salted = f"{split} {name}" if split else name
    return hashlib.sha1(salted.encode(), usedforsecurity=False).digest()[0] % 2


def score_mails(folder: Path, half: int | None = None, split: int = 0) -> Score:
    """Read every labelled mail of ``folder``/dev, or those of one half, and compare."""
    score = Score()
    for line in (folder / "dev" / "labels.jsonl").read_text(encoding="utf-8").splitlines():
        label = json.loads(line)
        if half is None or half_of(label["file"], split) == half:
            _score_mail(score, label, (folder / "dev" / label["file"]).read_bytes())
    return score


def _score_mail(score: Score, label: dict[str, Any], raw: bytes) -> None:
    try:
        report = read(raw)
    except Exception as wrong:  # noqa: BLE001 a crash is a figure of the score
        score.rows.append(f"CRASH {label['file']}: {wrong!r}")
        score.add("no crash", right=False)
        return
    score.add("no crash", True)
    kind_right = report.kind in label["kinds"]
    score.add("kind", kind_right, label["set"])
    if not kind_right:
        said = [(r.address, r.rule) for r in report.recipients]
        score.rows.append(f"kind      {label['file']}: {report.kind}, not {label['kinds']} {said}")
    told = {"bounce", "delayed", "complaint"} & {label["kinds"][0]}
    if told and report.recipients:
        _score_recipients(score, label, report)
    elif told and not kind_right:
        for _ in label["recipients"]:
            score.add("recall", label["any_address"], label["set"])
            score.add("accepted", False, label["set"])
            score.add("strict", False, label["set"])
    elif report.kind in ("bounce", "complaint"):
        for entry in report.recipients:
            score.add("living", entry.reason not in SUPPRESSING, label["set"])
            if entry.reason in SUPPRESSING:
                score.rows.append(f"LIVING    {label['file']}: {entry.address} {entry.reason} {entry.rule}")


def _score_recipients(score: Score, label: dict[str, Any], report: Report) -> None:
    entries = [r for r in report.recipients if r.action not in ("delivered", "relayed", "expanded")]
    left = list(entries)
    for wanted in label["recipients"]:
        names = {wanted["address"].lower(), *(a.lower() for a in wanted["also"])}
        found = next((e for e in left if e.address.lower() in names), None)
        if found is None and label["any_address"] and left:
            found = left[0]
        if not label["any_address"]:
            score.add("recall", found is not None, label["set"])
        if found is None:
            score.rows.append(f"address   {label['file']}: {wanted['address']} not in {[e.address for e in entries]}")
            continue
        left.remove(found)
        _score_finding(score, label, wanted, found)
    if not label["any_address"]:
        for entry in entries:
            score.add("precision", entry not in left, label["set"])
        for entry in left:
            score.rows.append(f"extra     {label['file']}: {entry.address!r}")


def _score_finding(score: Score, label: dict[str, Any], wanted: dict[str, Any], found: Any) -> None:
    groups = (label["set"], "reason " + wanted["reason"])
    if "any" not in wanted["accept"]:
        accepted = found.reason in wanted["accept"]
        score.add("accepted", accepted, *groups)
        score.add("strict", found.reason == wanted["reason"], *groups)
        living = found.reason in SUPPRESSING and not SUPPRESSING & set(wanted["accept"])
        score.add("living", not living, *groups)
        score.add("dead", not (found.reason not in SUPPRESSING and set(wanted["accept"]) <= SUPPRESSING), *groups)
        if not accepted:
            mark = "LIVING   " if living else "reason   "
            score.rows.append(
                f"{mark} {label['file']}: {found.reason} by {found.rule!r}, not {wanted['accept']}: "
                f"{found.diagnostic[:160]}"
            )
    if wanted["permanent"] is not None:
        right = found.permanent == wanted["permanent"]
        score.add("permanent", right, *groups)
        if not right:
            score.rows.append(f"permanent {label['file']}: {found.permanent}: {found.status} {found.diagnostic[:120]}")
    if wanted["status_in_mail"]:
        right = found.status in (wanted["status"], *wanted["status_also"])
        score.add("status", right, *groups)
        if not right:
            score.rows.append(f"status    {label['file']}: {found.status!r}, not {wanted['status']!r}")


def score_replies(folder: Path, half: int | None = None, split: int = 0) -> Score:
    """Classify every labelled reply, or those of one half, and compare."""
    score = Score()
    for line in (folder / "smtp_replies_dev.tsv").read_text(encoding="utf-8").splitlines()[1:]:
        reason, accept, permanent, source, reply = line.split("\t")
        if half is not None and half_of(reply, split) != half:
            continue
        finding = classify(reply)
        groups = ("reason " + reason,)
        accepted = finding.reason in accept.split(",")
        living = finding.reason in SUPPRESSING and not SUPPRESSING & set(accept.split(","))
        score.add("accepted", accepted, *groups)
        score.add("strict", finding.reason == reason, *groups)
        score.add("living", not living, *groups)
        if not accepted:
            mark = "LIVING " if living else "reason "
            score.rows.append(f"{mark} {finding.reason} by {finding.rule!r}, not {accept}: {source}: {reply[:200]}")
        if permanent != "any":
            score.add("permanent", finding.permanent == (permanent == "true"), *groups)
    return score


def speed(folder: Path) -> float:
    """Give the mails a second that are read, giants left out, the best of three rounds on one core."""
    mails = [raw for path in sorted((folder / "dev").glob("*.eml")) if len(raw := path.read_bytes()) < GIANT]
    best = 0.0
    for _ in range(3):
        begun = time.process_time()
        for raw in mails:
            read(raw)
        best = max(best, len(mails) / (time.process_time() - begun))
    return best


def _say(line: str) -> None:
    sys.stdout.write(line + "\n")


def _show(title: str, score: Score, names: list[str], rows: int) -> None:
    _say(title)
    _say("  " + "  ".join(f"{name} {score.percent(name):.1f}" for name in names if score.counts[name + "/of"]))
    living = score.counts["living/of"] - score.counts["living"]
    _say(f"  living suppressed {living}, dead missed {score.counts['dead/of'] - score.counts['dead']}")
    for group in sorted(score.per):
        counts = score.per[group]
        asked = max((counts[name + "/of"] for name in names), default=0)
        _say(
            f"    {group:28} {asked:4}  "
            + "  ".join(f"{n} {score.percent(n, counts):.1f}" for n in names if counts[n + "/of"])
        )
    for row in sorted(score.rows)[:rows]:
        _say("  " + row)


def main() -> None:
    """Print the scores."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("folder", type=Path)
    options.add_argument("--half", type=int, choices=(0, 1))
    options.add_argument("--rows", type=int, default=40)
    given = options.parse_args()
    names = ["no crash", "kind", "recall", "precision", "accepted", "strict", "permanent", "status"]
    _show("mails", score_mails(given.folder, given.half), names, given.rows)
    _show("replies", score_replies(given.folder, given.half), ["accepted", "strict", "permanent"], given.rows)
    _say(f"speed: {speed(given.folder):.0f} mails/s on one core, mails of {GIANT} octets or more left out")


if __name__ == "__main__":
    main()

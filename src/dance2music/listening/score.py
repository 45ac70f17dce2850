"""Result files of a listening test to scores: who is left out and why, opinion scores and win rates with intervals, agreement of raters."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from dance2music import __version__
from dance2music.documents import json_value
from dance2music.errors import InputError
from dance2music.files import whole_file
from dance2music.listening.build import KEY_FORMAT, KEY_VERSION
from dance2music.listening.design import CLICK, NOISE, ORIGINAL, PARTS, SHIFTED
from dance2music.listening.statistics import Interval, krippendorff_alpha, mean_opinion_score, sign_test, wilson

RESULT_FORMAT = "dance2music-listening-result"
RESULT_VERSION = 1
SCORES_FORMAT = "dance2music-listening-scores"
CHECK_SHARE = 0.75
"""A listener who gets fewer of the attention checks right than this share is left out. Nothing else leads to that."""

MAX_FILE_BYTES = 10_000_000
COMMENT_LETTERS = 2000
_HIDDEN = (ORIGINAL, SHIFTED, CLICK, NOISE)


@dataclass(frozen=True)
class Vote:
    """One answer that counts: a rating of ``sources[0]`` (1 to 5), or for two sources 1.0 if the first was chosen and 0.0 if the second."""

    part: str
    listener: str
    clip: str
    sources: tuple[str, ...]
    value: float


@dataclass(frozen=True)
class Session:
    """What one listener sent: votes, and how the attention checks went."""

    name: str
    listener: int
    votes: tuple[Vote, ...]
    checks: int
    checks_right: int
    answered: int
    items: int
    comment: str
    finished: str

    @property
    def attentive(self) -> bool:
        """Whether the listener's votes count: `CHECK_SHARE` of the checks were right (any share where there were none)."""
        return self.checks_right >= CHECK_SHARE * self.checks


def read_key(path: Path) -> dict[str, Any]:
    """The key that `listening.build.build` wrote.

    Raises
    ------
    InputError
        If it cannot be read or is no key.
    """
    key = _read_json(path, KEY_FORMAT, KEY_VERSION, "the key that dance2music listen build wrote")
    if not all(isinstance(key.get(name), kind) for name, kind in (("test", str), ("media", dict), ("sessions", list), ("config", dict))):
        raise InputError(f"{path}: incomplete; expected the key that dance2music listen build wrote; copy it again")
    try:
        for medium in key["media"].values():
            if not isinstance(medium["beeps"], int) or not isinstance(medium["clip"], str) or not isinstance(medium["source"], str):
                raise TypeError("a sample of another kind")
        for trial in (trial for session in key["sessions"] for trial in session):
            known = isinstance(trial["part"], str) and trial["part"] in PARTS
            if not known or not 1 <= len([key["media"][name] for name in trial["samples"]]) <= 2 or not isinstance(trial["training"], bool):
                raise TypeError("an item of another kind")
        if not isinstance(key["clips"], dict) or not all(part in PARTS for part in key["config"]["parts"]):
            raise TypeError("clips or parts of another kind")
    except (KeyError, TypeError, ValueError) as error:
        raise InputError(f"{path}: damaged ({error}); expected the key that dance2music listen build wrote; copy it again") from error
    return key


def read_session(path: Path, key: dict[str, Any]) -> Session:
    """One result file, held against the key.

    Raises
    ------
    InputError
        If it is damaged, of another test, or has answers that the page cannot give.
    """
    expected = "expected the file that the page saved"
    data = _read_json(path, RESULT_FORMAT, RESULT_VERSION, "the file that the page of a listening test saved")
    if data.get("test") != key["test"]:
        raise InputError(
            f"{path}: belongs to test {str(data.get('test'))[:40]!r}; expected test {key['test'][:40]!r} of the key; choose the other key"
        )
    listener, session = data.get("listener"), data.get("session")
    if not isinstance(listener, int) or isinstance(listener, bool) or not 1 <= listener <= len(key["sessions"]):
        raise InputError(f"{path}: listener {str(listener)[:40]}; expected 1 to {len(key['sessions'])}; {expected}")
    if not isinstance(session, str) or not session.isalnum() or not isinstance(data.get("answers"), list):
        raise InputError(f"{path}: no session or no answers; {expected}; ask the listener to send it again")
    trials = key["sessions"][listener - 1]
    votes, right, checks, seen = [], 0, 0, set()
    for answer in data["answers"]:
        number = answer.get("trial") if isinstance(answer, dict) else None
        if not isinstance(number, int) or isinstance(number, bool) or not 0 <= number < len(trials) or number in seen:
            raise InputError(f"{path}: answer to item {str(number)[:40]}; expected each of 0 to {len(trials) - 1} at most once; {expected}")
        seen.add(number)
        trial, value = trials[number], answer.get("answer")
        if answer.get("samples") != trial["samples"]:
            raise InputError(
                f"{path}: item {number} has samples {str(answer.get('samples'))[:80]}; expected those of listener {listener}; {expected}"
            )
        allowed: tuple[Any, ...] = ("A", "B") if len(trial["samples"]) == 2 else (1, 2, 3, 4, 5)
        if value is not None and (isinstance(value, bool) or value not in allowed):
            raise InputError(
                f"{path}: item {number} is answered with {str(value)[:40]}; expected one of {', '.join(map(str, allowed))}; {expected}"
            )
        if trial["training"]:
            continue
        media = [key["media"][name] for name in trial["samples"]]
        if any(m["beeps"] for m in media):
            checks += 1
            right += value == _right_answer(media)
        elif value is not None:  # null: the browser could not play it
            votes.append(_vote(trial["part"], session, media, value))
    comment = str(data.get("comment") or "")[:COMMENT_LETTERS]
    return Session(session, listener, tuple(votes), checks, right, len(seen), len(trials), comment, str(data.get("finished") or ""))


def score(paths: list[Path], key_path: Path) -> dict[str, Any]:
    """Scores of a listening test.

    Listeners below `CHECK_SHARE` in the attention checks are left out, of files of one session the fullest one counts; both are reported.

    Parameters
    ----------
    paths : result files.
    key_path : the key of the test.

    Returns
    -------
    dict as it is written by `write_scores`: ``listeners``, per rated part ``scores`` (source to mean, interval, n) with ``alpha``, for the
    preference part ``pairs`` and ``win_rates``, ``warnings``.

    Raises
    ------
    InputError
        As `read_key` and `read_session`, or if nobody is left.
    """
    if not paths:
        raise InputError("listen score: no result files; expected the files that listeners sent")
    key = read_key(key_path)
    sessions: dict[str, Session] = {}
    doubles = []
    for path in paths:
        session = read_session(path, key)
        known = sessions.get(session.name)
        if known is not None:
            doubles.append(session.name)
        if known is None or session.answered > known.answered:
            sessions[session.name] = session
    kept = [s for s in sessions.values() if s.attentive]
    dropped = [s for s in sessions.values() if not s.attentive]
    if not kept:
        raise InputError(f"listen score: all {len(dropped)} listeners failed the attention checks; expected at least one who passed")
    votes = [vote for session in kept for vote in session.votes]
    parts = {part: _part(part, [vote for vote in votes if vote.part == part], key) for part in key["config"]["parts"]}
    return {
        "format": SCORES_FORMAT,
        "version": 1,
        "software": __version__,
        "test": key["test"],
        "focus": key["config"].get("focus", ""),
        "rule": f"left out: listeners with fewer than {CHECK_SHARE:.0%} of the attention checks right",
        "listeners": {
            "counted": [_who(s) for s in kept],
            "left_out": [{**_who(s), "why": f"{s.checks_right} of {s.checks} attention checks right"} for s in dropped],
            "sent_twice": sorted(set(doubles)),
        },
        "clips": len(key["clips"]),
        "parts": parts,
        "warnings": _warnings(parts, kept, key),
    }


def write_scores(scores: dict[str, Any], path: Path) -> None:
    """Write what `score` gave as JSON, whole or not at all; undefined numbers are null."""
    with whole_file(path) as temporary:
        temporary.write_text(json.dumps(scores, indent=2, allow_nan=False) + "\n", encoding="utf-8")


def _part(part: str, votes: list[Vote], key: dict[str, Any]) -> dict[str, Any]:
    if part == "preference":
        return _preferences(votes)
    sources = sorted({m["source"] for m in key["media"].values() if m["source"]}, key=lambda s: (s in _HIDDEN, s))
    scores = {}
    for source in sources:
        own = [vote for vote in votes if vote.sources == (source,)]
        if own:
            interval = mean_opinion_score(*_columns(own))
            scores[source] = {**_interval(interval), **_counts(own), "hidden": source in _HIDDEN}
    alpha = krippendorff_alpha(_matrix(votes)) if votes else math.nan
    return {"scores": scores, "alpha": _finite(alpha), "alpha_scale": "ordinal", "n": len(votes)}


def _preferences(votes: list[Vote]) -> dict[str, Any]:
    """Pairs in alphabetical order, shifted music last, each with the share of votes for its first; and each source against all others."""

    def place(source: str) -> tuple[bool, str]:
        return source == SHIFTED, source

    def turn(vote: Vote) -> Vote:
        ordered = vote.sources == tuple(sorted(vote.sources, key=place))
        return vote if ordered else Vote(vote.part, vote.listener, vote.clip, vote.sources[::-1], 1 - vote.value)

    turned = [turn(vote) for vote in votes]
    pairs = []
    for pair in sorted({vote.sources for vote in turned}):
        own = [vote for vote in turned if vote.sources == pair]
        pairs.append({"first": pair[0], "second": pair[1], **_wins(own)})
    rates = {}
    for source in sorted({name for vote in turned for name in vote.sources} - {SHIFTED}):
        own = [
            Vote(v.part, v.listener, v.clip, v.sources, v.value if v.sources[0] == source else 1 - v.value)
            for v in turned
            if source in v.sources and SHIFTED not in v.sources
        ]
        if own:
            rates[source] = _wins(own)
    chosen_a = int(sum(vote.value for vote in votes))
    alpha = krippendorff_alpha(_matrix(turned), ordinal=False) if turned else math.nan
    side = _interval(wilson(chosen_a, len(votes))) if votes else None
    return {"pairs": pairs, "win_rates": rates, "chosen_A": side, "alpha": _finite(alpha), "alpha_scale": "nominal", "n": len(votes)}


def _wins(votes: list[Vote]) -> dict[str, Any]:
    wins = int(sum(vote.value for vote in votes))
    clustered = mean_opinion_score(*_columns(votes))
    return {
        **_interval(wilson(wins, len(votes))),
        "low_by_bootstrap": clustered.low,
        "high_by_bootstrap": clustered.high,
        "p": sign_test(wins, len(votes)),
        "wins": wins,
        **_counts(votes),
    }


def _warnings(parts: dict[str, Any], kept: list[Session], key: dict[str, Any]) -> list[str]:
    """What a reader of the scores must know."""
    found = []
    for session in kept:
        if session.answered < session.items:
            found.append(f"listener {session.listener} ({session.name}): {session.answered} of {session.items} items answered")
        for part in key["config"]["parts"]:
            values = {vote.value for vote in session.votes if vote.part == part}
            if part != "preference" and len(values) == 1 and sum(vote.part == part for vote in session.votes) >= 8:
                found.append(f"listener {session.listener} ({session.name}): always answered {values.pop():g} in {part}")
    for part, scored in parts.items():
        scores = scored.get("scores", {})
        for control in (CLICK, NOISE, SHIFTED):
            for source, row in scores.items():
                if control in scores and source not in (CLICK, NOISE, SHIFTED) and scores[control]["value"] >= row["value"]:
                    found.append(
                        f"{part}: the control {control} ({scores[control]['value']:.2f}) is not below {source} ({row['value']:.2f})"
                    )
        for pair in scored.get("pairs", ()):
            if pair["second"] == SHIFTED and pair["low"] <= 0.5:
                found.append(
                    f"{part}: listeners do not tell {pair['first']} from the same music shifted in time ({pair['wins']} of {pair['n']}); "
                    "do not read differences in timing from this part"
                )
    if quiet := key.get("quieter_than_the_rest"):
        found.append(f"quieter than the rest: {', '.join(map(str, quiet))}")
    return found


def _right_answer(media: list[dict[str, Any]]) -> int | str:
    if len(media) == 1:
        return int(media[0]["beeps"])
    return "A" if media[0]["beeps"] else "B"


def _vote(part: str, session: str, media: list[dict[str, Any]], value: Any) -> Vote:
    number = float(value) if len(media) == 1 else float(value == "A")
    return Vote(part, session, media[0]["clip"], tuple(m["source"] for m in media), number)


def _columns(votes: list[Vote]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    return np.array([v.value for v in votes]), np.array([v.listener for v in votes]), np.array([v.clip for v in votes])


def _matrix(votes: list[Vote]) -> np.ndarray:
    """Ratings float [listeners, units], NaN where missing; a unit is one clip with its source or sources."""
    listeners = {name: i for i, name in enumerate(sorted({vote.listener for vote in votes}))}
    units = {unit: i for i, unit in enumerate(sorted({(vote.clip, vote.sources) for vote in votes}))}
    matrix = np.full((len(listeners), len(units)), np.nan)
    for vote in votes:
        matrix[listeners[vote.listener], units[vote.clip, vote.sources]] = vote.value
    return matrix


def _counts(votes: list[Vote]) -> dict[str, int]:
    return {"n": len(votes), "listeners": len({vote.listener for vote in votes}), "clips": len({vote.clip for vote in votes})}


def _interval(interval: Interval) -> dict[str, float]:
    return {"value": interval.value, "low": interval.low, "high": interval.high}


def _who(session: Session) -> dict[str, Any]:
    return {
        "listener": session.listener,
        "session": session.name,
        "checks_right": session.checks_right,
        "checks": session.checks,
        "answered": session.answered,
        "items": session.items,
        **({"comment": session.comment} if session.comment else {}),
    }


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None


def _read_json(path: Path, kind: str, version: int, expected: str) -> dict[str, Any]:
    try:
        if path.stat().st_size > MAX_FILE_BYTES and kind == RESULT_FORMAT:
            raise InputError(f"{path}: {path.stat().st_size} bytes; expected {expected}, of some kilobytes")
        data = json_value(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror}); expected {expected}; check the name") from error
    except (UnicodeDecodeError, json.JSONDecodeError, RecursionError) as error:
        raise InputError(f"{path}: damaged or no JSON; expected {expected}; copy it again") from error
    if not isinstance(data, dict) or data.get("format") != kind:
        raise InputError(f"{path}: is no such file; expected {expected}; check which file was given")
    if data.get("version") != version:
        raise InputError(
            f"{path}: version {str(data.get('version'))[:40]}; expected {version}; use the version of dance2music that made it"
        )
    return data

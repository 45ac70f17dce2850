"""Who is who: pieces of following (`crowd`) put together to people, through crossings, exits and entries.

While two people are close in the picture a follower may change from one to the other unseen. So pieces are cut where people were nearest
to each other, and all parts are linked anew, each end to at most one beginning, so that the whole costs least (assignment): what counts is
where a person was going, how large it was, and what it wears, all read while nobody else was near.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from dance2music.people.bodies import PATCHES, colour_distance, middle, trunk_length
from dance2music.people.crowd import Piece

_LIKELIEST = 16
"""Parts that a part may go on with, of all."""


@dataclass(frozen=True)
class LinkConfig:
    """What speaks against two parts being one person; costs are half squared deviations."""

    near: float = 0.8
    """People whose trunks are this near, in lengths of the trunk, are close: who is who is in doubt then."""
    merged: float = 0.35
    """So near they are nearly one, and no follower is to be believed."""
    fit_seconds: float = 1.2
    """How much of a part before or behind a doubt its place, size and velocity are read from."""
    place_sigma: float = 0.4
    """Lengths of the trunk that a place extrapolated over no time is off."""
    drift_sigma: float = 0.9
    """By so many lengths per second of the time between, more."""
    speed_sigma: float = 1.2
    """Lengths of the trunk per second by which a velocity changes."""
    size_sigma: float = 0.08
    """Change of the logarithm of the size."""
    colour_sigma: float = 0.08
    """Distance of the colours (`bodies.colour_distance`)."""
    other_colours: float = 0.2
    """Colours that change by so much from one look to the next may be those of somebody else, to whom the follower went over."""
    most_place: float = 8.0
    """Cost of a place that is quite another: people walk while they are not seen."""
    stay: float = 1.0
    """Cost of a follower that did not stay with whom it followed, where nothing was seen to go wrong."""
    stranger: float = 14.0
    """From this cost on two parts are two people."""
    least_seconds: float = 0.25
    """Parts shorter than this are left out."""


@dataclass
class Part:
    """A piece between two doubts.

    Frames ``start`` to ``stop`` of it; ``clean`` bool [T] tells those with nobody near, ``places`` float [T, 2] and ``sizes`` [T] where its
    trunk is and how long, NaN where it was not found, ``merged`` whether two people were nearly one where it begins.
    """

    piece: Piece
    start: int
    stop: int
    clean: np.ndarray
    places: np.ndarray
    sizes: np.ndarray
    merged: bool = False


@dataclass(frozen=True)
class _State:
    """One end of a part: time in seconds, place [2] and velocity [2] in pixels (per second), length of the trunk in pixels."""

    seconds: float
    place: np.ndarray
    velocity: np.ndarray
    size: float


class Stretch(NamedTuple):
    """Frames ``start`` to ``stop`` of a piece."""

    piece: Piece
    start: int
    stop: int


@dataclass(frozen=True)
class _States:
    """Several states: seconds [n], place and velocity [n, 2], size [n]."""

    seconds: np.ndarray
    place: np.ndarray
    velocity: np.ndarray
    size: np.ndarray

    @classmethod
    def of(cls, states: list[_State]) -> _States:
        """The states side by side."""
        return cls(*(np.array([getattr(state, name) for state in states]) for name in ("seconds", "place", "velocity", "size")))


def identities(pieces: Sequence[Piece], times: np.ndarray, config: LinkConfig = LinkConfig()) -> list[list[Stretch]]:
    """People: for each the stretches of pieces that are of it, in order of time.

    Parameters
    ----------
    pieces : what was followed.
    times : float [T], seconds of every frame of the video.
    config : LinkConfig.
    """
    parts = parts_of(pieces, config)
    least = config.least_seconds
    parts = [part for part in parts if times[part.stop - 1] - times[part.start] >= least or len(times) < 12]
    if not parts:
        return []
    before, behind = _links(parts, times, config)
    chains = []
    for i in range(len(parts)):
        if i in behind:
            continue
        chain = [i]
        while chain[-1] in before:
            chain.append(before[chain[-1]])
        chains.append([Stretch(parts[k].piece, parts[k].start, parts[k].stop) for k in chain])
    return chains


def parts_of(pieces: Sequence[Piece], config: LinkConfig = LinkConfig()) -> list[Part]:
    """The pieces, cut where two people were nearest to each other, and where the clothes change."""
    clean = [np.array([body is not None for body in piece.bodies]) for piece in pieces]
    cuts: list[set[int]] = [set() for _ in pieces]
    merged: set[tuple[int, int]] = set()
    where = [_where(piece) for piece in pieces]
    for i, a in enumerate(pieces):
        cuts[i] |= _changes(a, config.other_colours)
        for j in range(i + 1, len(pieces)):
            b = pieces[j]
            start, stop = max(a.start, b.start), min(a.stop, b.stop)
            if stop <= start:
                continue
            (at_a, size_a), (at_b, size_b) = (
                (at[start - piece.start : stop - piece.start], size[start - piece.start : stop - piece.start])
                for (at, size), piece in ((where[i], a), (where[j], b))
            )
            gap = np.linalg.norm(at_a - at_b, axis=1) / (0.5 * (size_a + size_b))
            gap = np.where(np.isfinite(gap), gap, np.inf)  # one of them was not found
            close = gap < config.near
            clean[i][start - a.start : stop - a.start] &= ~close
            clean[j][start - b.start : stop - b.start] &= ~close
            for begin, end in _runs(close):
                nearest = start + begin + int(np.argmin(gap[begin:end]))
                cuts[i].add(nearest)
                cuts[j].add(nearest)
                if gap[nearest - start] < config.merged:
                    merged |= {(i, nearest), (j, nearest)}
    found = []
    for i, piece in enumerate(pieces):
        edges = [piece.start, *sorted(frame for frame in cuts[i] if piece.start < frame < piece.stop), piece.stop]
        for begin, end in itertools.pairwise(edges):
            here = slice(begin - piece.start, end - piece.start)
            if np.isfinite(where[i][1][here]).any():
                found.append(Part(piece, begin, end, clean[i][here], where[i][0][here], where[i][1][here], (i, begin) in merged))
    return found


def _where(piece: Piece) -> tuple[np.ndarray, np.ndarray]:
    """Middle of the trunk [T, 2] and its length [T] in the frames of a piece; NaN where it was not found."""
    places, sizes = np.full((len(piece.bodies), 2), np.nan), np.full(len(piece.bodies), np.nan)
    for k, body in enumerate(piece.bodies):
        if body is not None:
            places[k], sizes[k] = middle(body), trunk_length(body)
    return places, sizes


def _changes(piece: Piece, least: float) -> set[int]:
    """Frames at which the colours of a piece change by so much, and stay changed for two looks and more."""
    frames = sorted(piece.colours)
    seen = [piece.colours[frame] for frame in frames]
    change = np.zeros(len(seen))
    for k in range(2, len(seen) - 1):
        change[k] = colour_distance(_median(seen[max(0, k - 3) : k]), _median(seen[k : k + 3]))
        change[k] *= 1.0 + 0.01 * colour_distance(seen[k - 1], seen[k])  # of equal ones the step itself
    peaks = [k for k in range(2, len(seen) - 1) if change[k] > least and change[k] == change[max(0, k - 2) : k + 3].max()]
    return {(frames[k - 1] + frames[k]) // 2 + 1 for k in peaks}


def _median(colours: Sequence[np.ndarray]) -> np.ndarray:
    """Median of colours [PATCHES, 3], of each patch where it was seen."""
    stack = np.stack(colours)
    seen = np.isfinite(stack).any(axis=0)
    return np.where(seen, np.nanmedian(np.where(seen, stack, 0.0), axis=0), np.nan)


def _runs(flags: np.ndarray) -> list[tuple[int, int]]:
    """Begin and end of each run of true values."""
    edges = np.flatnonzero(np.diff(np.concatenate([[False], flags, [False]]).astype(int)))
    return [(int(a), int(b)) for a, b in edges.reshape(-1, 2)]


def _links(parts: list[Part], times: np.ndarray, config: LinkConfig) -> tuple[dict[int, int], dict[int, int]]:
    """For each part the one that follows it, and the inverse: of each part to one of the likeliest or none, so that all costs least."""
    from scipy.sparse import csr_array
    from scipy.sparse.csgraph import min_weight_full_bipartite_matching

    n = len(parts)
    starts = _States.of([_state(part, times, config, last=False) for part in parts])
    worn = np.stack([_worn(part) for part in parts])
    begins, merged = np.array([part.start for part in parts]), np.array([part.merged for part in parts])
    pieces = np.array([id(part.piece) for part in parts])
    rows, columns, values = [], [], []
    for i, part in enumerate(parts):
        costs = _costs(_state(part, times, config, last=True), starts, worn[i], worn, config)
        whole = (pieces == pieces[i]) & (begins == part.stop) & ~merged
        costs = np.where(begins >= part.stop, costs + np.where(whole, 0.0, config.stay), np.inf)
        likely = np.argsort(costs, kind="stable")[:_LIKELIEST]
        likely = likely[costs[likely] < config.stranger]
        rows += [i] * (len(likely) + 1)
        columns += [*likely.tolist(), n + i]
        values += [*costs[likely].tolist(), config.stranger]
    table = csr_array((np.array(values) + 1.0, (rows, columns)), shape=(n, 2 * n))  # what costs nothing is no entry
    chosen = {int(i): int(j) for i, j in zip(*min_weight_full_bipartite_matching(table)) if j < n}
    return chosen, {j: i for i, j in chosen.items()}


def _costs(end: _State, starts: _States, worn: np.ndarray, others_worn: np.ndarray, config: LinkConfig) -> np.ndarray:
    """What speaks against a part that ends in one state, in colours [PATCHES, 3], going on as each of those that start in others, [n]."""
    size = np.sqrt(end.size * starts.size)
    seconds = np.maximum(starts.seconds - end.seconds, 0.0)
    half = 0.5 * seconds[:, None]
    off = end.place + half * end.velocity - (starts.place - half * starts.velocity)
    place = 0.5 * (np.linalg.norm(off, axis=1) / size / (config.place_sigma + config.drift_sigma * seconds)) ** 2
    speed = 0.5 * (np.linalg.norm(end.velocity - starts.velocity, axis=1) / size / config.speed_sigma) ** 2 * np.exp(-0.5 * seconds)
    larger = 0.5 * (np.log(end.size / starts.size) / (config.size_sigma + 0.05 * seconds)) ** 2
    apart = np.linalg.norm(worn - others_worn, axis=2)
    known = np.isfinite(apart)
    colour = np.where(known, apart, 0.0).sum(axis=1) / np.maximum(known.sum(axis=1), 1)
    return np.minimum(place + speed, config.most_place) + np.minimum(larger, config.most_place) + 0.5 * (colour / config.colour_sigma) ** 2


def _state(part: Part, times: np.ndarray, config: LinkConfig, *, last: bool) -> _State:
    """State at one end of a part, by its clean frames there, or, where it has none, by all."""
    frames = np.flatnonzero(part.clean)
    if not len(frames):
        frames = np.flatnonzero(np.isfinite(part.sizes))
    at = times[part.start + frames]
    edge = at[-1] if last else at[0]
    near = np.abs(at - edge) <= config.fit_seconds
    frames, at = frames[near], at[near] - edge
    places = part.places[frames]
    velocity = np.zeros(2)
    if len(at) > 3:
        velocity = np.polyfit(at, places, 1)[0] * min(1.0, float(np.ptp(at)) / (0.5 * config.fit_seconds))
    centre = float(at.mean())
    return _State(float(edge), places.mean(axis=0) - velocity * centre, velocity, float(np.median(part.sizes[frames])))


def _worn(part: Part) -> np.ndarray:
    """Colours [PATCHES, 3] of a part: medians over its clean frames, or all."""
    seen = {f: c for f, c in part.piece.colours.items() if part.start <= f < part.stop}
    clean = [c for f, c in seen.items() if part.clean[f - part.start]] or list(seen.values())
    return _median(clean) if clean else np.full((PATCHES, 3), np.nan)

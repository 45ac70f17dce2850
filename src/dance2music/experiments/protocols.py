"""The papers' protocols, each whole: every test segment of two seconds, denoised as the papers do, scored by the columns of their tables.

    matches --windows--> score_segment (in parallel) --Segment--> means over segments, intervals over clips --> Results --> results.json

D2M-GAN (Zhu et al. 2022, section 4.2): Beats Coverage and Hit, genre by retrieval from the training segments. Creative-GAN (Huang et al.
2023, section 4.2): Beats Coverage and Hit, Dist_m, Beat Alignment (Eq. 13). Only the generated music is denoised, as in D2M-GAN's released
code. A mean is over segments, as printed; intervals draw clips anew, since segments of one clip are alike.
"""

from __future__ import annotations

import platform
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

from dance2music.errors import InputError
from dance2music.evaluation.catalogue import METRICS
from dance2music.evaluation.controls import make_controls
from dance2music.evaluation.databases import database_of, database_rule, has_genres
from dance2music.evaluation.evaluate import LIBRARIES, Progress, begun, cut, place, seen_of, undefined
from dance2music.evaluation.features import Cache, HearingConfig, embedding, heard_rhythm
from dance2music.evaluation.jobs import (
    EvaluateConfig,
    Job,
    check_apart,
    clip_of,
    load,
    of_set,
    set_record,
    windows_of,
)
from dance2music.evaluation.results import CONTROLS, GENERATED, ClipValues, Interval, Results
from dance2music.evaluation.statistics import bootstrap_interval, bootstrap_set
from dance2music.evaluation.summary import Scored, beaten_by
from dance2music.experiments.formats import Sheet
from dance2music.experiments.tables import Measured, sheet_of
from dance2music.metrics import paper_rhythm as published
from dance2music.metrics.diversity import mean_distance_between
from dance2music.metrics.genre import Database, genre_right
from dance2music.metrics.published_tables import ALIGNMENT, COVERAGE, DIST, GENRE, HIT, PAPER_SECONDS, TABLES, Column, Row
from dance2music.metrics.rhythm import AIST_SIGMA_FRAMES, beat_alignment
from dance2music.music.beats import aist_beat_frames, as_heard
from dance2music.parallel import Engine, engine, one_thread
from dance2music.types import GENRES
from dance2music.work import Cancel

FORMS = {"smoothed": "beat_alignment", "aist": "beat_alignment_aist"}
"""Of Beat Alignment: the kinematic beats of any motion in seconds, or AIST++'s tool on SMPL joints at 60 fps."""
_ALL = 1_000_000


@dataclass(frozen=True)
class Protocol:
    """What a paper reports of generated music: columns, and the tables that print them, of which the first gives the title and the data."""

    columns: tuple[Column, ...]
    tables: tuple[str, ...]


PROTOCOLS = {
    "d2m-gan": Protocol((COVERAGE, HIT, GENRE), ("d2m-1", "d2m-3")),
    "creative-gan": Protocol((COVERAGE, HIT, DIST, ALIGNMENT), ("creative-2", "creative-4")),
}


@dataclass(frozen=True)
class ProtocolRequest:
    """A protocol of `PROTOCOLS` by name, and what it leaves open.

    Attributes
    ----------
    seconds : length of the segments; what the papers print is of 2 s but for a few rows.
    denoise : gate the generated music's noise before it is scored; None does so for a set whose codec's noise is still in it.
    alignment : key of `FORMS`.
    """

    name: str
    seconds: float = PAPER_SECONDS
    denoise: bool | None = None
    alignment: str = "smoothed"

    @property
    def columns(self) -> tuple[Column, ...]:
        """Those of the protocol, with the form of Beat Alignment that is asked for."""
        return tuple(replace(c, metric=FORMS[self.alignment]) if c is ALIGNMENT else c for c in PROTOCOLS[self.name].columns)

    def checked(self) -> ProtocolRequest:
        """The same. Raises InputError for an unknown name or form, and for no length."""
        if self.name not in PROTOCOLS:
            raise InputError(f"--protocol {self.name}: unknown; expected one of {', '.join(PROTOCOLS)}")
        if self.alignment not in FORMS:
            raise InputError(f"--beat-alignment {self.alignment}: unknown; expected one of {', '.join(FORMS)}")
        if not self.seconds > 0:
            raise InputError(f"--lengths {self.seconds:g}: expected a positive number of seconds")
        return self


def evaluate_protocol(
    request: ProtocolRequest,
    config: EvaluateConfig,
    out: str | Path,
    *,
    executor: str | Engine = "process",
    cancel: Cancel | None = None,
    progress: Progress | None = None,
    report: Callable[[Results, Path], object] | None = None,
) -> Results:
    """Score a folder of music, or a set of ``dance2music generate-set``, by a paper's protocol, and write ``OUT/results.json``.

    Parameters
    ----------
    request, config : what; of the config count folders, names, genres, database, VGGish, seed and workers. Of a set, references, motion,
        genres, songs and the database (the training split of the prepared folder that it was made from) are known.
    out, executor, cancel, progress : as `evaluate.evaluate`.
    report : writes ``OUT/report.html``.

    Raises
    ------
    InputError
        As `evaluate.evaluate`, and if there is no reference music, or all music is shorter than a segment.
    """
    request.checked()
    record = set_record(Path(config.generated))
    if record is not None and not config.database and has_genres(Path(record.prepared)):
        config = replace(config, database=record.prepared)
    check_apart(config, Path(out))
    gate, denoised = _gated(request, config)
    config = of_set(config)
    if not config.reference:
        raise InputError(f"--protocol {request.name}: needs the dances' own music to compare with; give --reference FOLDER")
    hearing, start = HearingConfig(config.vggish, codec=False), begun(config, out)
    matches, left_out, genres, jobs, store = start.matches, list(start.left_out), start.genres, start.jobs, start.store
    segments = [part for job in jobs for part in windows_of(job, request.seconds, most=_ALL)]
    found = {part.match.name for part in segments}
    left_out += [f"{job.match.generated}: shorter than {request.seconds:g} s" for job in jobs if job.match.name not in found]
    if not segments:
        raise InputError(f"{config.generated}: no music is as long as a segment of {request.seconds:g} s; give --lengths, or longer music")
    wants_genre = GENRE in request.columns
    database = _database(config, matches, genres, hearing, store, request.seconds) if wants_genre else None
    scored: list[Scored] = []
    score = partial(score_segment, hearing=hearing, cache_folder=store.folder, gate=gate, aist=request.alignment == "aist")
    for item, job in zip(engine(executor, config.workers).map(score, segments, cancel=cancel), segments):
        scored.append(
            replace(item, clip=replace(item.clip, dance=job.dance, segment=job.match.dance if job.dance != job.match.dance else ""))
        )
        if wants_genre:
            _add_genre(scored[-1], database, job)
        if progress is not None:
            progress(len(scored), len(segments))
    metrics = [column.metric for column in request.columns]
    systems = tuple(name for name in (GENERATED, *CONTROLS) if any(name in item.values for item in scored))
    summary = {metric: {system: _summary(scored, metric, system, config.seed) for system in systems} for metric in metrics}
    reasons = _reasons(request, config, scored, summary, database)
    results = Results(
        name=config.name or Path(config.generated).resolve().name,
        created=datetime.now(UTC).isoformat(timespec="seconds"),
        seed=config.seed,
        settings={
            "protocol": request.name, "segment_seconds": request.seconds, "denoised": denoised, "alignment": request.alignment,
            "start_bpm": config.start_bpm or "the piece's", "embedding": embedding(config.vggish).name,
            "database": database_rule(config) if database is not None else "none", "undefined": reasons,
            "d2m_detector": asdict(published.D2M_DETECTOR), "unit": "mean over segments; intervals draw clips anew",
        },
        versions={name: version(name) for name in LIBRARIES} | {"python": platform.python_version()},
        inputs={
            **{kind: getattr(config, kind) or None for kind in ("generated", "reference", "videos", "motion", "database", "genres")},
            "n_files": len(matches), "n_dances": len({job.dance for job in segments}), "left_out": left_out,
        },
        metrics={metric: METRICS[metric] for metric in metrics},
        systems=systems,
        clips=tuple(replace(item.clip, values=item.values) for item in scored),
        summary=summary,
        beaten_by={metric: row for metric in metrics if (row := beaten_by(metric, scored, summary[metric], seed=config.seed))},
    )  # fmt: skip
    place(results, start.folder, report)
    return results


def protocol_sheet(request: ProtocolRequest, measured: Sequence[Measured]) -> Sheet:
    """The columns of a protocol: the paper's rows of that length of music, ours below them, and what the paper does not have.

    Parameters
    ----------
    measured : rows of `tables.read_measured`.
    """
    request.checked()
    protocol = PROTOCOLS[request.name]
    rows: dict[str, Row] = {}
    for name in protocol.tables:
        places = [[c.metric for c in TABLES[name].columns].index(c.metric) for c in protocol.columns]
        for row in TABLES[name].rows:
            values = tuple(row.values[i] for i in places)
            if row.seconds == request.seconds and any(value is not None for value in values):
                rows.setdefault(row.key, replace(row, values=values))
    table = TABLES[protocol.tables[0]]
    kept = tuple(note for note in table.notes if "quality" not in note)
    notes = kept if rows else (f"the paper prints nothing for {request.seconds:g} s",)
    title = f"{table.address}, protocol over {request.seconds:g} s"
    return sheet_of(request.columns, list(rows.values()), measured, title=title, printed=table.data if rows else "none", notes=notes,
                    seconds=request.seconds)  # fmt: skip


def check_measured(request: ProtocolRequest, measured: Sequence[Measured]) -> None:
    """Refuse what was not measured by the protocol, which its table would take for that. Raises InputError that names the file."""
    for m in measured:
        if m.protocol != request.name:
            made = "by listeners" if m.listeners else f"by --protocol {m.protocol}" if m.protocol else "without a protocol"
            raise InputError(
                f"--measured {m.path}: was measured {made}; expected the results.json of evaluate --protocol {request.name}; "
                "make that, or give --table"
            )


def score_segment(job: Job, hearing: HearingConfig, cache_folder: Path | None, *, gate: bool, aist: bool) -> Scored:
    """Score the generated music of one segment and all its controls: rhythm, and the embedding of each.

    Parameters
    ----------
    job : with the window that the segment is.
    gate : denoise the generated music first. aist : Beat Alignment by AIST++'s tool too, where the motion is SMPL at 60 fps.
    """
    with one_thread():
        return _score(job, hearing, Cache(cache_folder), gate, aist)


def _score(job: Job, hearing: HearingConfig, store: Cache, gate: bool, aist: bool) -> Scored:
    from dance2music.music.audio import denoise

    m, window = job.match, job.window
    assert window is not None and m.reference is not None
    seen = seen_of(m, store, window)
    kinematic = None if seen is None else seen.kinematic_beats
    generated = as_heard(cut(load(m.generated), window))
    generated = denoise(generated) if gate else generated
    reference = as_heard(cut(load(m.reference), window))
    other = None if job.other is None else as_heard(load(job.other))
    music = {GENERATED: generated}
    music |= make_controls(generated, seed=job.seed, reference=reference, other=other, kinematic_beats=kinematic)
    truth, seconds = heard_rhythm(reference, hearing, store), window[1]
    bins = published.second_bins(truth.d2m_onsets, seconds)
    name = m.name if window[0] == 0 and _is_segment(m.name) else f"{m.name}_seg{round(window[0] / window[1]) + 1}"
    genre = None if job.genre < 0 else GENRES[job.genre]
    files = {kind: str(path) for kind in ("generated", "reference", "video", "motion") if (path := getattr(m, kind)) is not None}
    scored = Scored({}, {}, {}, {}, ClipValues(name, m.dance, m.take, genre, job.song, seconds, {}, {}, files))
    for system, audio in music.items():
        heard = heard_rhythm(audio, hearing, store)
        own = published.second_bins(heard.d2m_onsets, seconds)
        values = {"beats_coverage": published.beats_coverage(bins, own), "beats_hit": published.beats_hit(bins, own)}
        if seen is not None:
            values["beat_alignment"] = beat_alignment(seen.kinematic_beats, heard.beats) if len(seen.kinematic_beats) else float("nan")
        if aist and seen is not None and seen.aist_beats_frames is not None:
            frames = seen.aist_beats_frames
            beats = aist_beat_frames(audio, start_bpm=job.start_bpm)
            found = beat_alignment(frames, beats, sigma_seconds=AIST_SIGMA_FRAMES) if len(frames) else float("nan")
            values["beat_alignment_aist"] = found
        scored.values[system], scored.pieces[system] = values, heard.piece
        scored.clip.events.setdefault(f"{system}_onsets", np.round(heard.d2m_onsets, 4).tolist())
    return scored


def _gated(request: ProtocolRequest, config: EvaluateConfig) -> tuple[bool, str]:
    """Whether to denoise here, and what is said of it."""
    record = set_record(Path(config.generated))
    if record is not None and record.denoised:
        if request.denoise:
            raise InputError(f"--denoise: {config.generated} was denoised when it was made; leave it out")
        return False, "denoised when it was made"
    gate = record is not None and record.noisy if request.denoise is None else request.denoise
    if gate:
        return True, "denoised here"
    return (
        False,
        "not denoised: no codec made it" if record is not None and not record.noisy else "taken as it is, --denoise if it was not yet",
    )


def _database(
    config: EvaluateConfig, matches: list[Any], genres: dict[str, str | None], hearing: HearingConfig, store: Cache, seconds: float
) -> Database | None:
    """The training split's segments; never the references, with which the protocol has nothing to do."""
    if not config.database:
        return None
    return database_of(config, matches, genres, hearing, store, window_seconds=seconds)


def _add_genre(scored: Scored, database: Database | None, job: Job) -> None:
    """Genre accuracy of a segment and its controls, NaN where none can be right or wrong."""
    for system, piece in scored.pieces.items():
        songs = {job.song or job.dance} | ({job.other_song} if system == "other_song" and job.other_song else set())
        nowhere = Database(np.zeros((0, len(piece))), np.zeros(0, int), ())
        value = genre_right(database or nowhere, piece, job.genre, songs=songs, silent=system == "silence")
        scored.values[system]["genre_retrieval"] = value


def _summary(scored: Sequence[Scored], metric: str, system: str, seed: int) -> Interval:
    """Mean over segments; its interval draws clips with all their segments."""
    rows: dict[str, list[int]] = {}
    if metric == "dist_m":
        items = [item for item in scored if system in item.pieces and item.clip.take <= 1]
        pieces = np.array([item.pieces[system] for item in items])
    else:
        items = [item for item in scored if np.isfinite(item.values.get(system, {}).get(metric, np.nan))]
    for i, item in enumerate(items):
        rows.setdefault(item.clip.dance, []).append(i)
    clips = list(rows.values())
    if metric == "dist_m":
        dances = np.array([item.clip.dance for item in items])

        def statistic(drawn: np.ndarray) -> float:
            chosen = [i for clip in np.unique(drawn) for i in clips[clip]]
            return mean_distance_between(pieces[chosen], dances[chosen].tolist())

        found = bootstrap_set(statistic, len(clips), seed=seed)
        return replace(found, n=len(items))
    values = np.array([item.values[system][metric] for item in items])
    if len(clips) < 2 or len(clips) == len(items):
        return bootstrap_interval(values, seed=seed) if len(clips) != 1 else Interval(float(values.mean()), np.nan, np.nan, len(values))
    found = bootstrap_set(lambda drawn: float(np.mean([values[i] for clip in drawn for i in clips[clip]])), len(clips), seed=seed,
                          resamples=1000)  # fmt: skip
    return replace(found, n=len(values))


def _reasons(
    request: ProtocolRequest,
    config: EvaluateConfig,
    scored: list[Scored],
    summary: dict[str, dict[str, Interval]],
    database: Database | None,
) -> dict[str, str]:
    """Why a column has no value."""
    lacking = {metric for metric, row in summary.items() if not np.isfinite(row[GENERATED].mean)}
    reasons = {}
    if GENRE.metric in lacking:
        told = undefined(scored, database).get(GENRE.metric, "no segment has a genre that the database could tell")
        told = told if config.database else "no database; give --database PREPARED, or a folder of the training music"
        reasons[GENRE.metric] = told if any(item.clip.genre for item in scored) else "no dance's genre is known; give --genres"
    if DIST.metric in lacking:
        reasons[DIST.metric] = "fewer than two dances"
    elif DIST.metric in summary and not np.isfinite(summary[DIST.metric][GENERATED].low):
        reasons[DIST.metric] = "two dances have one distance, and no interval"
    for metric in FORMS.values():
        if metric in lacking:
            unseen = not (config.motion or config.videos)
            needs = "SMPL motion at 60 fps; give --motion with it" if metric == "beat_alignment_aist" else "a dancer who moves"
            reasons[metric] = "no dance; give --motion or --videos" if unseen else f"needs {needs}"
    return reasons


def _is_segment(name: str) -> bool:
    return clip_of(name) != name

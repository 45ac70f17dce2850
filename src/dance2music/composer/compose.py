"""The rule-based composer: dance music in ten genres on any beat grid.

`compose` writes a `Score` for a beat grid (of a dance, or steady), with form, harmony, five roles and, where the dance's energy and accents
are given, dynamics, breakdowns and hits that follow them. `compose_corpus_piece` walks the 60 slots (10 genres by 6 tempi) of the AIST
Dance DB for training. The players are in `parts`, the tables in `styles`.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from dance2music.composer.genres import GenreStyle
from dance2music.composer.harmony import SCALES, parse_progression
from dance2music.composer.parts import FILL_STARTS, STEPS_PER_BAR, TUTTI, Bar, Bassist, Comper, Drummer, Padder, Player, Soloist
from dance2music.composer.phrases import KINDS, phrases_of
from dance2music.composer.styles import STYLES
from dance2music.errors import InputError
from dance2music.rhythm.sections import section_at
from dance2music.seeds import Corpus
from dance2music.types import BEATS_PER_BAR, GENRES, STEPS_PER_BEAT, Note, Rhythm, Score, Section, Track

MIN_DURATION_SECONDS, MAX_DURATION_SECONDS = 0.25, 3600.0
_ENERGY_LIMITS = {"intro": (0.3, 0.6), "break": (0.2, 0.4), "drop": (0.72, 1.0), "outro": (0.3, 0.7)}
"""Least and most energy of a bar by its section; of others 0.3 to 1."""
_FORMED_LEAD_CHANCE = 0.92


def compose(
    genre: int,
    *,
    seed: int,
    variation: int = 0,
    beat_times_seconds: np.ndarray | None = None,
    downbeat: int = 0,
    tempo_bpm: float | None = None,
    duration_seconds: float = 10.0,
    energy: np.ndarray | None = None,
    accents: np.ndarray | None = None,
    key: int | None = None,
    sections: Sequence[Section] = (),
) -> Score:
    """Write a piece.

    Parameters
    ----------
    genre : int, index into `GENRES`.
    seed : int >= 0; the same arguments give the same score.
    variation : int >= 0; other than 0, a piece of the same form, harmony, groove and instruments with other lines.
    beat_times_seconds : float array [n_beats >= 2], increasing, or None for a steady grid from 0 s.
    downbeat : int, index of the first downbeat in it.
    tempo_bpm : float, of the steady grid; by default one of the genre's six tempi. Not together with ``beat_times_seconds``.
    duration_seconds : float, length of the piece.
    energy : float array [n_beats] in 0..1 or None
        Energy of the dance per beat of the grid: thins the music out below 0.3, adds layers above 0.7. None: the composer draws sections.
    accents : float array [4 * n_beats] in 0..1 or None
        Stress per 16th from the first beat of the grid: hits above 0.6, with cymbals or toms above 0.85.
    key : int 0..11, pitch class of the tonic (C = 0), by default drawn.
    sections : the form, see `rhythm.sections`; by default the composer draws one. Breaks and builds have other material than the rest, and
        nearly every piece has a melody whose motifs return. Roles, fills at borders and the ending are for `shape.shaped` to write.

    Returns
    -------
    Score with at most one track per role, every note starting within the clip.

    Raises
    ------
    InputError
        If an argument is out of range or the lengths do not fit.
    """
    if not 0 <= genre < len(GENRES):
        raise InputError(f"genre: {genre}; expected 0..{len(GENRES) - 1} ({', '.join(GENRES)}); choose one of them")
    if not MIN_DURATION_SECONDS <= duration_seconds <= MAX_DURATION_SECONDS:
        raise InputError(
            f"duration_seconds: {duration_seconds}; expected {MIN_DURATION_SECONDS} to {MAX_DURATION_SECONDS}; shorten or lengthen the clip"
        )
    style = STYLES[genre]
    form_rng, drum_rng, bass_rng, chord_rng, lead_rng, pad_rng = (
        np.random.default_rng(s) for s in np.random.SeedSequence([genre, seed]).spawn(6)
    )
    drawn_tempo = float(form_rng.choice(style.tempi_bpm))
    if beat_times_seconds is None:
        bpm = drawn_tempo if tempo_bpm is None else float(tempo_bpm)
        if not 20.0 <= bpm <= 400.0:
            raise InputError(f"tempo_bpm: {bpm}; expected 20 to 400; give a playable tempo")
        beat_times_seconds = np.arange(int(np.ceil(duration_seconds * bpm / 60.0)) + 2) * (60.0 / bpm)
        downbeat = 0
    elif tempo_bpm is not None:
        raise InputError(f"tempo_bpm: {tempo_bpm} together with a beat grid; the grid has its own tempo; give one of them")
    grid = _checked_grid(beat_times_seconds, downbeat)
    n_beats = len(grid)
    energy = _checked_curve(energy, n_beats, "energy")
    accents = _checked_curve(accents, n_beats * STEPS_PER_BEAT, "accents")

    key = int(form_rng.choice(style.keys)) if key is None else int(key) % 12
    minor = bool(form_rng.random() < _minor_share(genre))
    swing = float(form_rng.choice(style.swings))
    score = Score([], grid, downbeat, float(duration_seconds), genre, key, minor, swing, style.swing_unit_beats)
    first_beat, last_beat = _beats_of(grid, downbeat, 0.0), _beats_of(grid, downbeat, duration_seconds)
    bars = _plan_bars(style, form_rng, minor, first_beat, last_beat, downbeat, energy, accents, sections)

    if variation:
        new = [np.random.default_rng(s) for s in np.random.SeedSequence([genre, seed, variation]).spawn(5)]
        bass_rng, chord_rng, lead_rng, pad_rng = new[1:]
    scale = SCALES[(style.scale, minor)]
    players: dict[str, Player] = {
        "drums": Drummer(style, drum_rng),
        "bass": Bassist(style, bass_rng),
        "chords": Comper(style, chord_rng),
        "lead": Soloist(style, lead_rng, scale),
        "pad": Padder(style, pad_rng),
    }
    if variation:
        players["drums"].rng = new[0]  # who has chosen the groove by now
    _perform(style, players, bars, form_rng)
    shift = (key + 5) % 12 - 5
    for role, player in players.items():
        is_drum = role == "drums"
        program = 0 if is_drum else int(form_rng.choice(style.programs[role]))
        notes = _tidy(player.notes, score, 0 if is_drum else shift, one_voice=role in ("bass", "lead"))
        score.tracks.append(Track(role, program, notes, is_drum))
    return score


def compose_corpus_piece(index: int, *, duration_seconds: float = 20.0) -> Score:
    """Piece ``index`` of the endless training corpus: slot ``index % 60`` of the grid of 10 genres by 6 tempi, variation ``index // 60``.

    The clip starts anywhere within a bar, as excerpts do; variations other than 0 change the tempo by up to 3 %, so that a corpus holds
    more than 6 tempi per genre.
    """
    assert index >= 0
    slot = index % (len(GENRES) * 6)
    genre, step = slot // 6, slot % 6
    rng = np.random.default_rng([index, Corpus.PIECE_TEMPO])
    bpm = STYLES[genre].tempi_bpm[step] * (1.0 if index < 60 else 1.0 + float(rng.uniform(-0.03, 0.03)))
    period = 60.0 / bpm
    n_beats = int(np.ceil(duration_seconds / period)) + BEATS_PER_BAR + 2
    lead_in = float(rng.uniform(0.0, 1.0))
    downbeat = int(rng.integers(0, BEATS_PER_BAR))
    grid = (np.arange(n_beats) - lead_in) * period
    return compose(genre, seed=index, beat_times_seconds=grid, downbeat=downbeat, duration_seconds=duration_seconds)


def _minor_share(genre: int) -> float:
    return {"krump": 1.0, "la-hip-hop": 0.85, "break": 0.5, "lock": 0.35, "ballet-jazz": 0.35, "street-jazz": 0.45}.get(GENRES[genre], 0.7)


def _checked_grid(beat_times_seconds: np.ndarray, downbeat: int) -> np.ndarray:
    grid = np.asarray(beat_times_seconds, dtype=np.float64)
    if grid.ndim != 1 or len(grid) < 2 or not np.all(np.isfinite(grid)) or not np.all(np.diff(grid) > 0):
        raise InputError(f"beat_times_seconds: shape {grid.shape}; expected at least two increasing finite times; check the beat grid")
    if not 0 <= downbeat < len(grid):
        raise InputError(f"downbeat: {downbeat}; expected an index into the {len(grid)} beats; check the beat grid")
    return grid


def _checked_curve(curve: np.ndarray | None, length: int, name: str) -> np.ndarray | None:
    if curve is None:
        return None
    curve = np.asarray(curve, dtype=np.float64)
    if curve.shape != (length,):
        raise InputError(f"{name}: shape {curve.shape}; expected ({length},), to fit the beat grid; resample it")
    return np.clip(np.nan_to_num(curve), 0.0, 1.0)


def _beats_of(grid: np.ndarray, downbeat: int, seconds: float) -> float:
    rhythm = Rhythm(grid, downbeat, 0.0, 1.0, np.zeros(0))
    return float(rhythm.beat_at(np.array([seconds]))[0])


def _plan_bars(
    style: GenreStyle,
    rng: np.random.Generator,
    minor: bool,
    first_beat: float,
    last_beat: float,
    downbeat: int,
    energy: np.ndarray | None,
    accents: np.ndarray | None,
    sections: Sequence[Section],
) -> list[Bar]:
    """Form: the sections that are given or drawn ones of 4 or 8 bars, their harmony, energy per bar, fills, stops and hits."""
    first = int(np.floor(first_beat / BEATS_PER_BAR + 1e-9))
    last = max(first + 1, int(np.ceil(last_beat / BEATS_PER_BAR - 1e-9)))
    span = last - first
    section_bars = 4 if span <= 20 or rng.random() < 0.3 else 8
    pool = [parse_progression(text) for text in (style.minor if minor else style.major)]
    order = rng.permutation(len(pool))
    progressions = [pool[order[0]], pool[order[1 % len(pool)]] if rng.random() < 0.6 else pool[order[0]]]
    phase = int(rng.integers(0, 2)) * section_bars
    bars: list[Bar] = []
    drawn = _drawn_sections(style, rng, (last - first) // section_bars + 2)
    labels = {
        beat // BEATS_PER_BAR: phrase.kind + len(KINDS) * phrase.letter
        for phrase in phrases_of(sections)
        for beat in range(phrase.begin_beat, phrase.end_beat, BEATS_PER_BAR)
    }
    for index in range(first, last):
        where = index + phase
        number = where // section_bars
        label, level, breakdown = drawn[(number - (first + phase) // section_bars) % len(drawn)]
        if breakdown and where % section_bars >= section_bars // 2:
            # The second half of a breakdown is the way back.
            level, breakdown = 0.5, False
        place = where % section_bars
        section = section_at(sections, index * BEATS_PER_BAR)
        if section is not None:
            label, level, breakdown = labels.get(index, 0), section.level, section.name == "break"
            place = index - section.begin_beat // BEATS_PER_BAR
        progression = progressions[label] if label < len(KINDS) else pool[order[(1 + label // len(KINDS)) % len(pool)]]
        chords = progression[place % len(progression)]
        following = progression[(place + 1) % len(progression)][0]
        if energy is None:
            bar_energy = float(np.clip(level + 0.06 * (place / section_bars) + rng.normal(0, 0.03), 0, 1))
        else:
            beats = [b + downbeat for b in range(index * BEATS_PER_BAR, (index + 1) * BEATS_PER_BAR)]
            bar_energy = float(np.mean([energy[min(max(b, 0), len(energy) - 1)] for b in beats]))
            breakdown = breakdown if section is not None else bar_energy < 0.15
        if section is not None:
            low, high = _ENERGY_LIMITS.get(section.name, (0.3, 1.0))
            bar_energy = float(np.clip(0.5 * (bar_energy + section.level), low, high))
        bar = Bar(index, label, bar_energy, chords, following, breakdown=breakdown)
        bar.place = None if section is None else place
        bar.crash = place == 0 and not breakdown and index > first and section is None
        end_of_section, end_of_phrase = place == section_bars - 1 and section is None, place % 4 == 3
        if end_of_section or (end_of_phrase and rng.random() < 0.5) or (place % 2 == 1 and rng.random() < 0.12):
            bar.fill = int(rng.choice(style.fills))
            bar.fill_from = max(8 if end_of_section and rng.random() < 0.6 else 12, FILL_STARTS[bar.fill])
        if energy is None and section is None and place % 4 == 3 and not breakdown and rng.random() < style.stop_chance:
            bar.fill = None
            if rng.random() < 0.5:
                bar.tutti = TUTTI[int(rng.integers(len(TUTTI)))]
            else:
                bar.stop_from = int(rng.choice([9, 13, 13]))
                bar.hits[bar.stop_from - 1] = 1.0
        if accents is not None:
            _add_hits(bar, accents, downbeat)
        elif rng.random() < 0.25:
            bar.hits[int(rng.choice([6, 10, 14]))] = 0.75
        bars.append(bar)
    return bars


def _drawn_sections(style: GenreStyle, rng: np.random.Generator, count: int) -> list[tuple[int, float, bool]]:
    """(material, energy, breakdown) per section."""
    result: list[tuple[int, float, bool]] = []
    for i in range(count):
        label = i % 2 if rng.random() < 0.75 else (i + 1) % 2
        breakdown = i > 0 and rng.random() < style.break_chance
        level = float(rng.uniform(0.15, 0.3)) if breakdown else float(rng.choice([0.45, 0.6, 0.75, 0.9], p=[0.2, 0.35, 0.3, 0.15]))
        result.append((label, level, breakdown))
    return result


def _add_hits(bar: Bar, accents: np.ndarray, downbeat: int) -> None:
    """The dancer's strongest moments of the bar, at most four and no two adjacent."""
    start = (bar.index * BEATS_PER_BAR + downbeat) * STEPS_PER_BEAT
    values = {s: float(accents[start + s]) for s in range(STEPS_PER_BAR) if 0 <= start + s < len(accents)}
    for step in sorted(values, key=lambda s: (-values[s], s)):
        if values[step] < 0.6 or len(bar.hits) >= 4:
            break
        if step - 1 not in bar.hits and step + 1 not in bar.hits:
            bar.hits[step] = values[step]


def _perform(style: GenreStyle, players: dict[str, Player], bars: list[Bar], rng: np.random.Generator) -> None:
    """Who plays in which bar."""
    formed = any(bar.place is not None for bar in bars)
    with_pad, with_lead = rng.random() < style.pad_chance, rng.random() < (_FORMED_LEAD_CHANCE if formed else style.lead_chance)
    lead_in_a = bool(rng.random() < 0.6) or formed
    for bar in bars:
        players["drums"].play(bar)
        players["bass"].play(bar)
        players["chords"].play(bar)
        if (with_pad and bar.energy > 0.25) or bar.breakdown:
            players["pad"].play(bar)
        if with_lead and (bar.energy > 0.3 or formed) and (lead_in_a or bar.section == 1 or bar.energy > 0.7):
            players["lead"].play(bar)


def _tidy(notes: list[Note], score: Score, shift: int, *, one_voice: bool) -> list[Note]:
    """Transpose, keep what starts within the clip, drop doubles, end notes at the next of their pitch (or voice) and at the clip's end."""
    if not notes:
        return []
    best: dict[tuple[float, int], Note] = {}
    for note in notes:
        note = note._replace(pitch=note.pitch + shift)
        at = (round(note.start_beats, 6), -1 if one_voice else note.pitch)
        if at not in best or note.velocity > best[at].velocity:
            best[at] = note
    ordered = sorted(best.values(), key=lambda n: (n.start_beats, n.pitch))
    starts = score.time_at(np.array([n.start_beats for n in ordered]))
    end_beat = _end_beat(score)
    first_step = _first_step(score)
    result: list[Note] = []
    for i, note in enumerate(ordered):
        if starts[i] >= score.duration_seconds - 1e-3:
            break
        end = min(note.start_beats + note.duration_beats, end_beat)
        for k in range(i + 1, len(ordered)):
            later = ordered[k]
            if later.start_beats >= end:
                break
            if later.start_beats > note.start_beats and (one_voice or later.pitch == note.pitch):
                end = later.start_beats
                break
        start = note.start_beats
        if starts[i] < 0.0:
            # Held into the clip: it enters at the clip's first step, if enough is left.
            start = first_step
            if end - start < 0.5:
                continue
        result.append(note._replace(start_beats=start, duration_beats=max(end - start, 1e-3)))
    return result


def _first_step(score: Score) -> float:
    """Unswung position of the first 16th step at or after 0 s."""
    start = np.floor(_beats_of(score.beat_times_seconds, score.downbeat, 0.0)) + np.arange(0, 2 * STEPS_PER_BEAT) / STEPS_PER_BEAT
    return float(start[np.argmax(score.time_at(start) >= 0.0)])


def _end_beat(score: Score) -> float:
    """Unswung position whose time is the end of the clip."""
    low = _beats_of(score.beat_times_seconds, score.downbeat, score.duration_seconds) - 1.0
    fine = low + np.arange(0, 2.0, 1 / 256)
    return float(fine[np.searchsorted(score.time_at(fine), score.duration_seconds, side="right") - 1])

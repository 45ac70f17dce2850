"""A score as frames: what the performer hears of it, one column per codec frame.

Onsets are rounded to codec frames (`dance2music.music.synth.render` does the same with ``onset_grid_seconds``), so that a score
determines the sound of each frame. Rolls are built in windows: a window of a long score costs no more than a short score.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from dance2music.composer.genres import DRUM_LANES, PROGRAMS
from dance2music.methods.plan import PITCHED_ROLES
from dance2music.types import Score

PITCH_LOW, PITCH_HIGH = 22, 102
N_PITCHES = PITCH_HIGH - PITCH_LOW + 1
N_DRUM_CHANNELS = 2 * len(DRUM_LANES)
N_PITCH_CHANNELS = 2 * N_PITCHES
_DRUM_DECAY_SECONDS = 0.5
_PITCH_DECAY_SECONDS = 0.7
_LOOKBACK_SECONDS = 4.0


@dataclass(frozen=True)
class NoteTable:
    """All notes of a score in codec frames, sorted by onset; built once, cut into rolls window by window.

    ``role`` is -1 for drums, else an index into `PITCHED_ROLES`; ``pitch`` is the drum lane or the MIDI pitch; ``velocity`` is 0..1.
    """

    onset: np.ndarray
    offset: np.ndarray
    role: np.ndarray
    pitch: np.ndarray
    velocity: np.ndarray
    programs: np.ndarray


def note_table(score: Score, frame_rate: float) -> NoteTable:
    """Notes of ``score`` at ``frame_rate`` codec frames per second."""
    lane_of = {pitch: lane for lane, (_, pitch) in enumerate(DRUM_LANES)}
    rows: list[tuple[float, float, int, int, float]] = []
    programs = np.zeros(len(PITCHED_ROLES), dtype=np.int64)
    for track in score.tracks:
        if track.is_drum:
            rows += [
                (n.start_beats, n.start_beats + n.duration_beats, -1, lane_of[n.pitch], n.velocity / 127)
                for n in track.notes
                if n.pitch in lane_of
            ]
            continue
        role = PITCHED_ROLES.index(track.role)
        programs[role] = PROGRAMS.index(track.program)
        rows += [(n.start_beats, n.start_beats + n.duration_beats, role, n.pitch, n.velocity / 127) for n in track.notes]
    table = np.array(sorted(rows), dtype=np.float64).reshape(-1, 5)
    onset = np.round(score.time_at(table[:, 0]) * frame_rate).astype(np.int64)
    offset = np.round(score.time_at(table[:, 1]) * frame_rate).astype(np.int64)
    return NoteTable(
        onset=onset,
        offset=np.maximum(offset, onset + 1),
        role=table[:, 2].astype(np.int64),
        pitch=table[:, 3].astype(np.int64),
        velocity=table[:, 4],
        programs=programs,
    )


def frame_roll(table: NoteTable, start: int, n_frames: int, frame_rate: float) -> tuple[np.ndarray, np.ndarray]:
    """Frames ``start .. start + n_frames - 1`` of the roll.

    Returns
    -------
    drums : float32 [2 * n_lanes, n_frames]: per lane the velocity at its onset frame, and the same with a decaying tail.
    pitched : float32 [4, 2 * N_PITCHES, n_frames]: per role (`PITCHED_ROLES`) and pitch the velocity at the onset frame, and a tail that
        decays while the note is held.
    """
    n_lanes = len(DRUM_LANES)
    drums = np.zeros((2, n_lanes, n_frames), dtype=np.float32)
    pitched = np.zeros((len(PITCHED_ROLES), 2, N_PITCHES, n_frames), dtype=np.float32)
    first = int(np.searchsorted(table.onset, start - round(_LOOKBACK_SECONDS * frame_rate)))
    last = int(np.searchsorted(table.onset, start + n_frames))
    for i in range(first, last):
        role, pitch, velocity = int(table.role[i]), int(table.pitch[i]), np.float32(table.velocity[i])
        onset = int(table.onset[i]) - start
        if role < 0:
            end = min(n_frames, onset + round(2 * frame_rate))
            decay, tail, head = _DRUM_DECAY_SECONDS, drums[1, pitch], drums[0, pitch]
        else:
            end = min(n_frames, int(table.offset[i]) - start)
            pitch = min(max(pitch, PITCH_LOW), PITCH_HIGH) - PITCH_LOW
            decay, tail, head = _PITCH_DECAY_SECONDS, pitched[role, 1, pitch], pitched[role, 0, pitch]
        if end <= 0:
            continue
        if 0 <= onset < n_frames:
            head[onset] = max(head[onset], velocity)
        at = np.arange(max(onset, 0), end)
        tail[at] = velocity * np.exp((onset - at) / (decay * frame_rate), dtype=np.float32)
    return drums.reshape(2 * n_lanes, n_frames), pitched.reshape(len(PITCHED_ROLES), N_PITCH_CHANNELS, n_frames)

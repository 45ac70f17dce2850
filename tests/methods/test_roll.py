"""Rolls: onsets where the score has them, and windows that agree with the whole."""

from __future__ import annotations

import numpy as np

from dance2music.composer.compose import compose
from dance2music.composer.genres import DRUM_LANES
from dance2music.methods.plan import PITCHED_ROLES
from dance2music.methods.roll import PITCH_LOW, frame_roll, note_table
from dance2music.types import Note, Score, Track

FRAME_RATE = 100.0


def test_an_onset_falls_on_its_rounded_frame_and_its_tail_ends_with_the_note() -> None:
    score = Score([Track("bass", 33, [Note(1.0, 0.5, 40, 127)])], np.arange(8) * 0.5, 0, 3.0, genre=0, key=0, minor=True)
    _, pitched = frame_roll(note_table(score, FRAME_RATE), 0, 100, FRAME_RATE)
    bass = pitched[PITCHED_ROLES.index("bass")].reshape(2, -1, 100)
    assert np.flatnonzero(bass[0, 40 - PITCH_LOW]).tolist() == [50]
    assert np.flatnonzero(bass[1, 40 - PITCH_LOW]).tolist() == list(range(50, 75))
    assert pitched.sum() == bass.sum()


def test_windows_of_a_roll_agree_with_the_whole() -> None:
    table = note_table(compose(5, seed=2, duration_seconds=8.0), FRAME_RATE)
    whole = frame_roll(table, 0, 800, FRAME_RATE)
    for start in (0, 123, 640):
        part = frame_roll(table, start, 160, FRAME_RATE)
        for a, b in zip(whole, part):
            np.testing.assert_allclose(a[..., start : start + 160], b, atol=1e-6)


def test_every_drum_lane_has_an_onset_and_a_tail_channel() -> None:
    notes = [Note(float(i), 0.25, pitch, 100) for i, (_, pitch) in enumerate(DRUM_LANES)]
    score = Score([Track("drums", 0, notes, is_drum=True)], np.arange(40) * 0.5, 0, 10.0, genre=0, key=0, minor=False)
    drums, pitched = frame_roll(note_table(score, FRAME_RATE), 0, 1000, FRAME_RATE)
    assert (drums.max(axis=1) > 0).all() and not pitched.any()

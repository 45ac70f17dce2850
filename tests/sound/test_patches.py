"""Every instrument plays in tune, softly and hard, without clicks, and lets go."""

from __future__ import annotations

import numpy as np
import pytest

from dance2music.sound import patches
from dance2music.sound.patch import Patch, Tone
from dance2music.sound.patches import FAMILY_PATCHES, PROGRAM_PATCHES, program_patch
from dance2music.sound.voices import place_track
from dance2music.types import Note, Score, Track

RATE = 48000
ALL = {name: patch for name, patch in vars(patches).items() if isinstance(patch, Patch)}


@pytest.mark.parametrize("name", sorted(ALL))
def test_a_patch_is_in_tune(name: str) -> None:
    """The strongest bin near the pitch or one of its first partials is within 12 cents of it."""
    hz = 110.0 if "BASS" in name or "808" in name else 440.0
    sound = ALL[name].voice(Tone(hz, RATE, RATE))[1, 0].astype(np.float64)
    spectrum = np.abs(np.fft.rfft(sound[4800:] * np.hanning(RATE - 4800), 8 * RATE))
    best = []
    for partial in (0.5, 1.0, 2.0, 3.0, 4.0):
        axis = np.arange(len(spectrum)) / 8.0
        near = np.flatnonzero(np.abs(np.log2(np.maximum(axis, 1e-3) / (partial * hz))) < 0.05)
        at = near[np.argmax(spectrum[near])]
        best.append((spectrum[at], abs(1200 * np.log2(axis[at] / (partial * hz)))))
    # Detuned players and vibrato widen a line by some cents to both sides.
    assert max(best)[1] < 16.0


@pytest.mark.parametrize("name", sorted(ALL))
def test_a_patch_is_finite_centred_and_soft_differs_from_hard(name: str) -> None:
    sound = ALL[name].voice(Tone(130.8, 24000, RATE))
    assert sound.shape[0] == 2 and sound.shape[1] in (1, 2) and sound.shape[2] == 24000
    assert np.isfinite(sound).all() and sound.any()
    soft, hard = (layer / np.sqrt(np.mean(layer**2)) for layer in sound)
    assert np.sqrt(np.mean((soft - hard) ** 2)) > 0.01
    assert abs(hard[0].mean()) < 0.05


def test_any_program_has_a_patch() -> None:
    assert all(isinstance(program_patch(p), Patch) for p in range(-3, 300))
    assert len(FAMILY_PATCHES) == 16 and all(0 <= p < 128 for p in PROGRAM_PATCHES)


def played(notes: list[Note], patch: Patch, seconds: float = 1.5) -> np.ndarray:
    score = Score([Track("lead", 0, notes)], np.arange(8.0) * 0.5, 0, seconds, 0, 0, True)
    out = np.zeros((2, round(seconds * RATE)), dtype=np.float32)
    place_track(score.tracks[0], patch, score, out, sample_rate=RATE, seed=0)
    return out


def test_a_note_rings_past_its_end_and_then_stops() -> None:
    out = played([Note(0.0, 1.0, 60, 100)], patches.STRINGS)
    assert np.abs(out[:, 26000]).max() > 0.0
    assert not out[:, round((0.5 + patches.STRINGS.release_seconds) * RATE) + 2 :].any()


def test_louder_notes_are_louder_and_brighter() -> None:
    def bright(sound: np.ndarray) -> float:
        power = np.square(np.abs(np.fft.rfft(sound[0])))
        return float((np.arange(len(power)) * power).sum() / power.sum())

    soft, hard = (played([Note(0.0, 1.0, 60, v)], patches.PIANO) for v in (40, 120))
    assert np.abs(hard).max() > 3.0 * np.abs(soft).max()
    assert bright(hard) > 1.15 * bright(soft)


def test_a_gliding_bass_arrives_from_the_note_before() -> None:
    out = played([Note(0.0, 1.0, 33, 110), Note(1.0, 1.0, 45, 110)], patches.BASS_808)[0]
    gliding = out[24000 : 24000 + 960]
    settled = out[24000 + 9600 : 24000 + 10560]
    crossings = [int(np.count_nonzero(np.diff(np.signbit(x)))) for x in (gliding, settled)]
    assert crossings[0] < crossings[1]


def test_a_voice_of_one_is_cut_by_the_next_note() -> None:
    patch = patches.FINGER_BASS
    both = played([Note(0.0, 3.0, 33, 110), Note(1.0, 0.5, 45, 110)], patch)
    second = played([Note(1.0, 0.5, 45, 110)], patch)
    # Apart from the small differences between strokes, only the second sounds once it has begun.
    later = slice(24000 + 1200, 24000 + 6000)
    assert np.corrcoef(both[0, later], second[0, later])[0, 1] > 0.99

"""Sounds without a soundfont: the right pitch, drums that hit at once, and a stand-in where a soundfont is missing or silent."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from dance2music.composer.compose import compose_corpus_piece
from dance2music.music import synth
from dance2music.music.additive import drum, tone
from dance2music.types import Note, Score, Track

RATE = 22_050


@pytest.mark.parametrize("program", range(0, 128, 8))
@pytest.mark.parametrize("pitch", [33, 69, 100])
def test_a_tone_has_its_pitch_and_a_bounded_level(program: int, pitch: int) -> None:
    sound, release = tone(RATE, program, pitch, 0.5)
    assert len(sound) == round((0.5 + release) * RATE) and np.abs(sound).max() == pytest.approx(1.0)
    spectrum = np.abs(np.fft.rfft(sound * np.hanning(len(sound)), 1 << 16))
    hertz = 440 * 2 ** ((pitch - 69) / 12)
    assert spectrum.argmax() * RATE / (1 << 16) == pytest.approx(hertz, rel=0.02)


@pytest.mark.parametrize("pitch", [36, 38, 42, 46, 49, 45, 75])
def test_a_drum_hits_at_once_and_dies_away(pitch: int) -> None:
    sound = drum(RATE, pitch)
    energy = np.square(sound)
    assert np.abs(sound).argmax() < 0.06 * RATE and energy[: len(energy) // 2].sum() > 0.8 * energy.sum()
    assert np.array_equal(sound, drum(RATE, pitch))


def test_without_any_soundfont_music_is_still_played(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(synth, "_timgm", lambda: None)
    monkeypatch.setattr(synth, "_SYSTEM_FILES", {})
    score = compose_corpus_piece(3, duration_seconds=2.0)
    assert synth.find_soundfonts() == {} and synth.check_soundfont(None) == ("built-in", "")
    audio = synth.render(score)
    assert audio.samples.shape == (1, 2 * RATE) and float(np.sqrt(np.mean(audio.samples**2))) > 0.02
    assert np.array_equal(audio.samples, synth.render(score, soundfont=synth.BUILT_IN).samples)


def test_a_note_that_a_soundfont_lacks_is_played_by_the_stand_in(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    class Silent:
        def note(self, *_: object, **__: object) -> tuple[np.ndarray, float]:
            return np.zeros(0), 0.0

    monkeypatch.setattr(synth, "open_soundfont", lambda _: Silent())
    (tmp_path / "empty.sf2").touch()
    score = Score(
        [Track("lead", 40, [Note(0, 1, 60, 100)]), Track("drums", 0, [Note(1, 1, 42, 100)], True)], np.arange(4.0), 0, 2.0, 0, 0, False
    )
    stems = synth.render_stems(score, soundfont=tmp_path / "empty.sf2")
    assert all(np.abs(stems[role].samples).max() > 0.01 for role in ("lead", "drums"))

"""How a take ends, in every sound: it falls to silence after its last chord, or plays on to the end where it has none."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import tiny
from dance2music.music.audio import load_audio, save_audio
from dance2music.music.loudness import true_peak_db
from dance2music.rhythm.sections import energy_at_beats, plan_sections
from dance2music.takes.methods import load_method
from dance2music.takes.take import check_span, finished_take, make_takes
from dance2music.types import Conditioning

SECONDS = 6.0


def dance() -> Conditioning:
    return tiny.conditioning(SECONDS)


def playing_on() -> Conditioning:
    """The dance with sections that have no ending."""
    given = dance()
    return replace(given, sections=plan_sections(energy_at_beats(given), given.rhythm, given.duration_seconds, ending=False))


def test_without_a_desk_the_ending_falls_to_silence_too() -> None:
    (take,) = make_takes(load_method("composer", sound="soundfont"), dance(), seeds=[1])
    take = finished_take(take)
    samples, n = take.finished.samples, take.finished.samples.shape[-1]
    assert take.fade_seconds is not None and take.fade_seconds > 0.3
    assert np.abs(samples[:, -n // 60 :]).max() < 0.1 * np.abs(samples).max()


@pytest.mark.parametrize("sound", ["studio", "soundfont"])
def test_without_an_ending_the_music_is_as_loud_to_the_end_and_any_section_can_be_drawn_again(sound: str) -> None:
    (take,) = make_takes(load_method("composer", sound=sound), playing_on(), seeds=[1])
    take = finished_take(take)
    samples, n = take.finished.samples, take.finished.samples.shape[-1]
    half = [float(np.sqrt(np.mean(part**2))) for part in (samples, samples[:, -round(n / 2.0 / SECONDS) :])]
    assert half[1] > 0.5 * half[0]
    beat = 60.0 / take.conditioning.rhythm.tempo_bpm
    assert check_span(take, (SECONDS - 1.5 * beat, SECONDS)).end_seconds == SECONDS


@pytest.mark.parametrize("method", ["composer", "dance2music-offline"])
def test_without_a_desk_and_an_ending_nothing_fades_but_the_last_hundredth_of_a_second(method: str) -> None:
    (take,) = make_takes(load_method(method, sound="soundfont"), playing_on(), seeds=[1])
    take = finished_take(take, denoise=False)
    made, heard = (audio.samples[:, : -round(0.01 * audio.sample_rate)] for audio in (take.audio, take.finished))
    fifth = take.audio.sample_rate // 5
    assert made[:, -fifth:] @ heard[:, -fifth:].T > 0.999 * np.linalg.norm(made[:, -fifth:]) * np.linalg.norm(heard[:, -fifth:])


def test_encoded_for_a_video_a_master_has_no_peaks_over_what_players_take(tmp_path: Path) -> None:
    (take,) = make_takes(load_method("composer"), dance(), seeds=[1])
    music = finished_take(take).finished
    save_audio(music, tmp_path / "music.m4a")
    encoded = load_audio(tmp_path / "music.m4a", mono=False)
    assert true_peak_db(encoded) <= max(-1.0, true_peak_db(music) + 1.0)

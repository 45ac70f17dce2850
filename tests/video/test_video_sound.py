"""The sound of a video on the clock of its pictures."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import videos
from dance2music.errors import InputError
from dance2music.video.container import probe
from dance2music.video.sound import sound_of


def test_it_is_as_long_as_the_pictures_and_keeps_its_pitch(tmp_path: Path) -> None:
    info = probe(videos.write_video(tmp_path / "a.mp4", seconds=2.0))
    audio = sound_of(info, sample_rate=48_000)
    assert audio.sample_rate == 48_000 and audio.samples.shape == (1, round(info.duration_seconds * 48_000))
    assert abs(np.argmax(np.abs(np.fft.rfft(audio.samples[0]))) / audio.duration_seconds - 440) < 1


def test_it_begins_with_the_first_picture(tmp_path: Path) -> None:
    early, late = (
        sound_of(probe(videos.write_video(tmp_path / f"{start}.mp4", seconds=2.0, start_seconds=start)), sample_rate=44_100)
        for start in (0.0, 0.5)
    )
    n = min(early.samples.shape[-1], late.samples.shape[-1]) - 44_100
    assert n > 0
    # the tone runs from 0 on, so that half a second later it is at the phase of 220 whole periods more
    ahead = early.samples[0, 22_050 : 22_050 + n]
    assert np.corrcoef(ahead[2000:-2000], late.samples[0, 2000 : n - 2000])[0, 1] > 0.99


def test_a_video_without_sound_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="has no sound"):
        sound_of(probe(videos.write_video(tmp_path / "a.mp4", audio=False)), sample_rate=48_000)

"""The sound that a clip came with, for the page: heard beside the beats while these are corrected."""

from __future__ import annotations

from pathlib import Path

from dance2music.errors import InputError
from dance2music.music.audio import save_audio
from dance2music.types import Audio
from dance2music.video.container import VideoInfo
from dance2music.video.sound import sound_of

SAMPLE_RATE = 24_000
"""Hz, of one channel: enough to hear a beat by, and three minutes take about 9 MB."""


def keep_own_sound(info: VideoInfo, path: Path) -> bool:
    """Write the clip's own sound as flac, sample 0 with the first picture; False where it has none that can be read."""
    if not info.has_audio:
        return False
    try:
        sound = sound_of(info, sample_rate=SAMPLE_RATE)
    except InputError:  # a dance can be watched without
        return False
    save_audio(Audio(sound.samples.mean(axis=0, keepdims=True), sound.sample_rate), path)
    return True

"""The sound that a video has, on the clock of its pictures."""

from __future__ import annotations

import av
import numpy as np

from dance2music.errors import InputError
from dance2music.music.audio import resample
from dance2music.types import Audio
from dance2music.video.container import VideoInfo, open_video
from dance2music.work import check

JUMP_SECONDS = 0.02
"""A packet of sound whose time stamp is farther than this from the end of the one before it does not follow it: there is a gap."""


def sound_of(video: VideoInfo, *, sample_rate: int) -> Audio:
    """The sound of a video: sample 0 is heard as the first picture is shown, and it ends with the last one; silence where there is none.

    Parameters
    ----------
    video : what `container.probe` found.
    sample_rate : int, Hz, of the result.

    Returns
    -------
    Audio, float32 [1 or 2, round(duration * sample_rate)]; of more than two channels FFmpeg mixes two.

    Raises
    ------
    InputError
        If the video has no sound, or it cannot be decoded.
    """
    if not video.has_audio:
        raise InputError(f"{video.path}: has no sound; expected a video with a sound track; choose another")
    try:
        with open_video(video.path) as (container, _):
            stream = container.streams.audio[0]
            if stream.codec_context is None:
                raise ValueError("its codec is unknown")
            rate = stream.codec_context.sample_rate
            layout = "mono" if stream.codec_context.channels == 1 else "stereo"
            sound = np.zeros((1 if layout == "mono" else 2, round(video.duration_seconds * rate)), dtype=np.float32)
            resampler = av.AudioResampler(format="fltp", layout=layout, rate=rate)
            position: int | None = None
            for frame in container.decode(stream):
                check()
                if frame.pts is not None and frame.time_base is not None:
                    expected = round((float(frame.pts * frame.time_base) - video.start_seconds) * rate)
                    if position is None or abs(expected - position) > JUMP_SECONDS * rate:
                        position = expected
                for block in resampler.resample(frame):
                    samples = block.to_ndarray()
                    position = 0 if position is None else position
                    begin, end = max(position, 0), min(position + samples.shape[-1], sound.shape[-1])
                    if end > begin:
                        sound[:, begin:end] = samples[:, begin - position : end - position]
                    position += samples.shape[-1]
    except (av.FFmpegError, ValueError) as error:
        reason = str(getattr(error, "strerror", None) or error)
        raise InputError(f"{video.path}: its sound cannot be decoded ({reason}); convert it, or choose another video") from error
    if position is None:
        raise InputError(f"{video.path}: its sound track is empty; expected one with sound; choose another video")
    return resample(Audio(sound, rate), sample_rate)

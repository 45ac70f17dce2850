"""Sound and pictures of a listening test: every version of a clip equally long, equally loud, with the very same pictures."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import numpy as np

from dance2music.errors import InputError
from dance2music.evaluation.controls import fixed_clicks, shifted, white_noise
from dance2music.evaluation.matching import SOUND_SUFFIXES, VIDEO_SUFFIXES
from dance2music.files import whole_file
from dance2music.listening.design import CLICK, NOISE, SHIFTED, Sample
from dance2music.music.audio import fade, load_audio, save_audio
from dance2music.music.loudness import loudness, normalize_loudness
from dance2music.types import Audio

MIN_SECONDS = 1.0
FADE_IN_SECONDS, FADE_OUT_SECONDS = 0.005, 0.05
CONTROL_RATE = 44100
BEEP_HZ = 880.0
BEEP_SECONDS = 0.12
BEEP_STEP_SECONDS = 0.4
PICTURE_FPS = 60.0
PICTURE_CRF = 20
SOUND_BITRATE = 256_000


@dataclass(frozen=True)
class Clip:
    """One dance: its video, where there is one, and the file with the sound of every source (methods and the original)."""

    name: str
    video: Path | None
    sounds: dict[str, Path]
    seconds: float


def media_files(folder: Path) -> dict[str, list[Path]]:
    """Sound and video files of a folder by name without suffix (a trailing ``.music`` dropped), sound before video.

    Raises
    ------
    InputError
        If the folder is missing or holds neither.
    """
    if not folder.is_dir():
        raise InputError(f"{folder}: is no folder; expected a folder with sound or video files; check its name")
    suffixes = list(dict.fromkeys((*SOUND_SUFFIXES, *VIDEO_SUFFIXES)))
    files = [path for path in sorted(folder.iterdir()) if path.suffix.lower() in suffixes and path.is_file()]
    if not files:
        raise InputError(f"{folder}: holds no sound or video; expected files that end in {', '.join(suffixes)}")
    found: dict[str, list[Path]] = {}
    for path in sorted(files, key=lambda path: suffixes.index(path.suffix.lower())):
        found.setdefault(path.stem.removesuffix(".music"), []).append(path)
    return found


def find_clips(
    methods: dict[str, Path], original: Path | None, videos: Path | None, *, pictures: bool, common: bool = False, seconds: float = 0.0
) -> list[Clip]:
    """The clips for which every method has music, matched by file name.

    Parameters
    ----------
    methods : name to folder. The original, where given, counts as one more.
    videos : folder of the dances; the original's where None. Only looked at with ``pictures``.
    common : leave out clips that some method lacks, instead of an error.
    seconds : cut to this length; 0: the shortest version of a clip sets its length.

    Raises
    ------
    InputError
        If a method lacks a clip, nothing is in common, a dance has no video, or a clip is shorter than ``seconds`` or `MIN_SECONDS`.
    """
    folders = {name: media_files(folder) for name, folder in methods.items()}
    if original is not None:
        folders["original"] = media_files(original)
    every = set.union(*(set(files) for files in folders.values()))
    shared = set.intersection(*(set(files) for files in folders.values()))
    if not common or not shared:
        for name, files in folders.items():
            if missing := sorted(every - set(files)):
                some = ", ".join(missing[:5]) + (" ..." if len(missing) > 5 else "")
                raise InputError(
                    f"{name}: no sound for {some} ({len(missing)} of {len(every)} clips); expected files of the same names in all folders"
                    + ("" if not shared else "; add --common to leave such clips out")
                )
    dances = media_files(videos) if videos is not None else folders.get("original", {}) if pictures else {}
    clips = []
    for name in sorted(shared):
        video = next((path for path in dances.get(name, []) if path.suffix.lower() in VIDEO_SUFFIXES), None)
        if pictures and video is None:
            raise InputError(
                f"{name}: no video of this dance; expected {name}.mp4 in --videos or --original; give it, or leave out the parts with video"
            )
        sounds = {source: files[name][0] for source, files in folders.items()}
        video = video if pictures else None
        clips.append(Clip(name, video, sounds, _common_seconds(video, sounds, seconds)))
    return clips


def _common_seconds(video: Path | None, sounds: dict[str, Path], wanted: float) -> float:
    """Length of the shortest version of a clip, or the wanted one if all are as long."""
    from dance2music.video.frames import probe

    lengths = {str(path): load_audio(path).duration_seconds for path in sounds.values()}
    if video is not None:
        lengths[str(video)] = probe(video).duration_seconds
    shortest = min(lengths, key=lengths.__getitem__)
    least = max(wanted, MIN_SECONDS)
    if lengths[shortest] < least - BEEP_SECONDS:
        raise InputError(f"{shortest}: {lengths[shortest]:.2f} s long; expected at least {least:g} s; leave the clip out of all folders")
    return min(wanted or lengths[shortest], lengths[shortest])


def sound_of(clip: Clip, sample: Sample, rng: np.random.Generator, *, shifted_source: str, loudness_lufs: float) -> Audio:
    """The sound of a sample, as long as its clip, at the given loudness, faded in and out so that no cut clicks.

    Controls, as `evaluation.controls` makes them: the music of ``shifted_source`` from another place on, a click track at one tempo for
    every dance, white noise. Checks: see `beeps_in`.
    """
    if sample.beeps:
        music = normalize_loudness(_music(clip, next(iter(clip.sounds))), target_lufs=loudness_lufs)
        return beeps_in(music, sample.beeps, rng)
    seed = int(rng.integers(2**31))
    if sample.source == SHIFTED:
        audio = shifted(_music(clip, shifted_source), seed=seed)
    elif sample.source == CLICK:
        audio = fixed_clicks(clip.seconds, CONTROL_RATE)
    elif sample.source == NOISE:
        audio = white_noise(clip.seconds, CONTROL_RATE, seed=seed)
    else:
        audio = _music(clip, sample.source)
    return normalize_loudness(fade(audio, in_seconds=FADE_IN_SECONDS, out_seconds=FADE_OUT_SECONDS), target_lufs=loudness_lufs)


def beeps_in(music: Audio, beeps: int, rng: np.random.Generator) -> Audio:
    """Music that stops for a number of beeps, and does not go on: the later part of a clip, as much as the beeps need."""
    seconds = music.duration_seconds
    step = min(BEEP_STEP_SECONDS, 0.9 * seconds / beeps)
    begin = rng.uniform(0.05, 0.6) * (seconds - beeps * step)
    rate = music.sample_rate
    samples = music.samples.copy()
    samples[:, round(begin * rate) :] = 0.0
    time = np.arange(round(BEEP_SECONDS * rate)) / rate
    beep = (0.25 * np.sin(2 * np.pi * BEEP_HZ * time) * np.hanning(len(time)) ** 0.25).astype(np.float32)
    for n in range(beeps):
        at = round((begin + n * step + 0.25 * step) * rate)
        piece = samples[:, at : at + len(beep)]
        piece += beep[: piece.shape[-1]]
    return Audio(samples, rate)


def _music(clip: Clip, source: str) -> Audio:
    """Music of a source in one or two channels, cut or filled with silence to the length of the clip."""
    audio = load_audio(clip.sounds[source], mono=False)
    samples = audio.samples if len(audio.samples) <= 2 else audio.samples.mean(axis=0, keepdims=True)
    length = round(clip.seconds * audio.sample_rate)
    samples = samples[:, :length]
    return Audio(np.pad(samples, ((0, 0), (0, length - samples.shape[-1]))), audio.sample_rate)


def write_pictures(video: Path, path: Path, *, seconds: float, longest_side: int) -> tuple[int, int]:
    """The first seconds of a video as H.264 that every browser plays, upright, without sound and tags; gives its width and height."""
    import av

    from dance2music.video.frames import read_frames

    ticks = 90_000
    with whole_file(path) as temporary, av.open(f"file:{temporary}", "w", format="mp4") as out:
        stream = None
        for frame in read_frames(video, fps=PICTURE_FPS, longest_side=longest_side, threads=1):
            if frame.time_seconds >= seconds:
                break
            height, width = (side // 2 * 2 for side in frame.image.shape[:2])
            if stream is None:
                stream = out.add_stream("libx264", rate=Fraction(PICTURE_FPS))
                stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
                stream.codec_context.time_base = stream.time_base = Fraction(1, ticks)
                stream.options = {"preset": "veryfast", "crf": str(PICTURE_CRF), "threads": "1", "g": "60"}
            image = av.VideoFrame.from_ndarray(np.ascontiguousarray(frame.image[:height, :width]), "rgb24")
            image.time_base, image.pts = Fraction(1, ticks), round(frame.time_seconds * ticks)
            out.mux(stream.encode(image))
        assert stream is not None, "read_frames raises where there is no picture"
        out.mux(stream.encode())
    return stream.width, stream.height


def write_sample(audio: Audio, pictures: Path | None, path: Path) -> float:
    """Write one sample, with pictures where given, and return its loudness in LUFS."""
    if pictures is None:
        save_audio(audio, path, bitrate=SOUND_BITRATE)
    else:
        from dance2music.video.mux import mux

        mux(pictures, audio, path, bitrate=SOUND_BITRATE)
    return loudness(audio)


Progress = Callable[[str, float], None]

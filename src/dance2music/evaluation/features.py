"""What is heard in one piece of music and seen of one dance, computed once and kept on disk by the digest of its content.

An evaluation hears every clip eight times (itself and its controls), again for each length, and again after an interruption: all detectors
and embeddings run once per sound, and scores are computed from what they found.
"""

from __future__ import annotations

import hashlib
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np

from dance2music.errors import InputError
from dance2music.files import whole_file
from dance2music.metrics.genre import EmbeddedGenre, Embedding, VGGishEmbedding
from dance2music.music.beats import HEARD_RATE, as_heard
from dance2music.types import Audio, Motion

VERSION = 4
"""Raised when a detector or a measure here changes, so that what was kept is computed again."""

FRAMES_HZ = HEARD_RATE / 256
"""Rate whose multiples are looked for as a buzz: that of the embedded codec, and with its multiples of the papers' codecs at hop 128."""

CURVE_FPS = 30.0
CODEC_SECONDS = 4.0
"""Of longer music this much from the middle passes through the codec: it costs more than all else together."""

SCALARS = (
    "key_clarity", "chord_consonance", "groove_consistency", "self_similarity_structure", "tempo_stability", "pulse_clarity",
    "noise_likeness", "comb_db", "comb_share", "loudness_lufs", "codec_log_mel_l1",
)  # fmt: skip


@dataclass(frozen=True)
class HearingConfig:
    """What decides the numbers that are heard.

    Attributes
    ----------
    vggish : path of VGGish weights, or '' for the embedded genre classifier's penultimate layer as embedding.
    codec : also pass `CODEC_SECONDS` of everything through the embedded codec (half of the time).
    """

    vggish: str = ""
    codec: bool = True


@dataclass(frozen=True)
class AudioFeatures:
    """One piece as its detectors found it.

    Attributes
    ----------
    duration_seconds, tempo_bpm : float; tempo 0 where none was found.
    onsets, beats, d2m_onsets, loris_onsets : float64 [n], seconds (`music.beats`, `metrics.paper_rhythm`).
    piece : float32 [D], frames : float32 [k, D], embeddings.
    genre : int, what the embedded classifier hears, -1 for silence.
    scalars : the measures of `SCALARS`; NaN where undefined.
    """

    duration_seconds: float
    tempo_bpm: float
    onsets: np.ndarray
    beats: np.ndarray
    d2m_onsets: np.ndarray
    loris_onsets: np.ndarray
    piece: np.ndarray
    frames: np.ndarray
    genre: int
    scalars: dict[str, float]


@dataclass(frozen=True)
class MotionFeatures:
    """One dance: kinematic beats in seconds by the second reading, with its curve of speed; those of the first reading, by which takes of
    this package are ranked; AIST++'s own in frames at 60 fps where the motion is SMPL at that rate."""

    kinematic_beats: np.ndarray
    first_beats: np.ndarray
    aist_beats_frames: np.ndarray | None
    duration_seconds: float
    kinetic_velocity: np.ndarray
    kinetic_fps: float

    def window(self, start_seconds: float, duration_seconds: float) -> MotionFeatures:
        """The dance between two times, counted from the first."""

        def inside(times: np.ndarray, unit: float) -> np.ndarray:
            kept = times[(times >= start_seconds * unit) & (times < (start_seconds + duration_seconds) * unit)]
            return kept - start_seconds * unit

        first = round(start_seconds * self.kinetic_fps)
        return MotionFeatures(
            inside(self.kinematic_beats, 1.0),
            inside(self.first_beats, 1.0),
            None if self.aist_beats_frames is None else inside(self.aist_beats_frames, 60.0),
            duration_seconds,
            self.kinetic_velocity[first : first + round(duration_seconds * self.kinetic_fps)],
            self.kinetic_fps,
        )


class Cache:
    """Named arrays on disk by kind and key; with folder None nothing is kept. A damaged file is computed again."""

    def __init__(self, folder: Path | None) -> None:
        self.folder = folder

    def get(self, kind: str, key: str, compute: Callable[[], dict[str, np.ndarray]]) -> dict[str, np.ndarray]:
        """Arrays [...] that are kept under ``key``, else those of ``compute``, which are then kept."""
        if self.folder is None:
            return compute()
        path = self.folder / kind / f"{key}.npz"
        try:
            with np.load(path, allow_pickle=False) as data:
                return {name: data[name] for name in data.files}
        except FileNotFoundError:
            pass
        except (OSError, ValueError, KeyError, zipfile.BadZipFile):
            path.unlink(missing_ok=True)
        arrays = compute()
        path.parent.mkdir(parents=True, exist_ok=True)
        with whole_file(path) as temporary, temporary.open("wb") as stream:
            np.savez(stream, **arrays)  # type: ignore[arg-type]
        return arrays


def hear(audio: Audio, config: HearingConfig, cache: Cache) -> AudioFeatures:
    """Run every detector and embedding on a piece, or read what they found before.

    Parameters
    ----------
    audio : Audio; anything but mono at `HEARD_RATE` is turned into that first.
    config : HearingConfig.
    cache : Cache.
    """
    audio = as_heard(audio)
    arrays = cache.get("heard", _key(audio.samples.tobytes(), config), lambda: _hear(audio, config))
    values = arrays["values"]
    return AudioFeatures(
        duration_seconds=audio.duration_seconds,
        tempo_bpm=float(values[0]),
        genre=int(values[1]),
        scalars=dict(zip(SCALARS, (float(v) for v in values[2:]), strict=True)),
        **{name: arrays[name] for name in ("onsets", "beats", "d2m_onsets", "loris_onsets", "piece", "frames")},
    )


@dataclass(frozen=True)
class RhythmFeatures:
    """What a protocol needs of one piece: ``beats`` and ``d2m_onsets`` float64 [n] in seconds, the embedding ``piece`` float32 [D]."""

    beats: np.ndarray
    d2m_onsets: np.ndarray
    piece: np.ndarray


def heard_rhythm(audio: Audio, config: HearingConfig, cache: Cache) -> RhythmFeatures:
    """The part of `hear` that a paper's protocol needs, in far less time. Parameters as there."""
    from dance2music.metrics.paper_rhythm import published_onsets
    from dance2music.music.beats import beat_times

    audio = as_heard(audio)

    def compute() -> dict[str, np.ndarray]:
        beats = np.asarray(beat_times(audio)[1], dtype=np.float64)
        return {"beats": beats, "d2m_onsets": published_onsets(audio), "piece": embedding(config.vggish).piece(audio)}

    arrays = cache.get("rhythm", _key(audio.samples.tobytes(), config), compute)
    return RhythmFeatures(arrays["beats"], arrays["d2m_onsets"], arrays["piece"])


def embed_piece(audio: Audio, config: HearingConfig, cache: Cache) -> np.ndarray:
    """Embedding float32 [D] of a whole piece: all that is needed of a database or of training music."""
    audio = as_heard(audio)
    key = _key(audio.samples.tobytes(), config)
    return cache.get("piece", key, lambda: {"piece": embedding(config.vggish).piece(audio)})["piece"]


def see(motion: Motion) -> MotionFeatures:
    """Kinematic beats of a dance."""
    from dance2music.dance.kinematics import AIST_FPS, body_size, kinematic_beats, kinematic_beats_aist
    from dance2music.dance.second_reading import second_beats, second_speed

    velocity = second_speed(motion) / (1.0 if motion.skeleton == "flow" else body_size(motion))
    step = max(1, round(motion.fps / CURVE_FPS))
    aist = motion.skeleton == "smpl-24" and abs(motion.fps - AIST_FPS) < 0.01
    return MotionFeatures(
        second_beats(motion),
        kinematic_beats(motion),
        kinematic_beats_aist(motion.joints).astype(np.float64) if aist else None,
        motion.duration_seconds,
        velocity[::step],
        motion.fps / step,
    )


def see_file(path: Path, cache: Cache, *, video: bool) -> MotionFeatures:
    """`see` of a video, which is watched by the pose estimator, or of a motion file; kept by the content of the file."""

    def compute() -> dict[str, np.ndarray]:
        if video:
            from dance2music.dance.watch import read_motion

            seen = see(read_motion(path, details=False))
        else:
            from dance2music.dance.motion_files import load_motion

            seen = see(load_motion(path))
        aist = {} if seen.aist_beats_frames is None else {"aist": seen.aist_beats_frames}
        about = np.array([seen.duration_seconds, seen.kinetic_fps])
        return {"kinematic": seen.kinematic_beats, "first": seen.first_beats, "velocity": seen.kinetic_velocity, "about": about, **aist}

    arrays = cache.get("seen_body", _file_key(path), compute)
    about = arrays["about"]
    return MotionFeatures(arrays["kinematic"], arrays["first"], arrays.get("aist"), float(about[0]), arrays["velocity"], float(about[1]))


@cache
def embedding(vggish: str) -> Embedding:
    """The embedding of a `HearingConfig`, loaded once."""
    return VGGishEmbedding(vggish) if vggish else EmbeddedGenre()


def _hear(audio: Audio, config: HearingConfig) -> dict[str, np.ndarray]:
    from dance2music.metrics import composition
    from dance2music.metrics.paper_rhythm import D2M_DETECTOR, LORIS_DETECTOR, detector_envelope, published_onsets
    from dance2music.metrics.quality import noise_likeness
    from dance2music.metrics.sound import frame_rate_comb
    from dance2music.music.beats import beat_times, onset_times
    from dance2music.music.loudness import SILENCE_LUFS, loudness

    if not audio.samples.shape[-1]:
        raise InputError("music: 0 samples; expected some sound")
    tempo, beats = beat_times(audio)
    envelope, comb = detector_envelope(audio), frame_rate_comb(audio, FRAMES_HZ)
    scalars = {
        "key_clarity": composition.key_clarity(audio),
        "chord_consonance": composition.chord_consonance(audio),
        "groove_consistency": composition.groove_consistency(audio, beats),
        "self_similarity_structure": composition.self_similarity_structure(audio),
        "tempo_stability": composition.tempo_stability(audio),
        "pulse_clarity": composition.pulse_clarity(audio),
        "noise_likeness": noise_likeness(audio),
        "comb_db": max(0.0, comb.level_db),
        "comb_share": comb.share,
        "loudness_lufs": max(SILENCE_LUFS, loudness(audio)),
        "codec_log_mel_l1": _codec_log_mel_l1(audio) if config.codec else float("nan"),
    }
    heard = embedding(config.vggish)
    return {
        "values": np.array([tempo, EmbeddedGenre().classify(audio), *(scalars[name] for name in SCALARS)], dtype=np.float64),
        "onsets": onset_times(audio),
        "beats": np.asarray(beats, dtype=np.float64),
        "d2m_onsets": published_onsets(audio, D2M_DETECTOR, envelope=envelope),
        "loris_onsets": published_onsets(audio, LORIS_DETECTOR, envelope=envelope),
        "piece": heard.piece(audio),
        "frames": heard.frames(audio),
    }


def _codec_log_mel_l1(audio: Audio) -> float:
    from dance2music.codec.embedded import embedded_codec
    from dance2music.metrics.quality import codec_reconstruction

    return codec_reconstruction(audio, embedded_codec(), middle_seconds=CODEC_SECONDS)["log_mel_l1"]


def _key(content: bytes, config: HearingConfig) -> str:
    """Digest of a sound together with all that decides what is heard in it."""
    from importlib.metadata import version

    named = f"{VERSION} {version('librosa')} {embedding(config.vggish).name} {config.codec} {_weights_digest()} ".encode()
    return hashlib.sha256(named + content).hexdigest()


@cache
def _weights_digest() -> str:
    """Of the embedded weights that are used here: other weights hear other things."""
    import json
    from importlib import resources

    listed = json.loads((resources.files("dance2music") / "weights" / "sha256.json").read_text(encoding="utf-8"))
    return str({name: digest for name, digest in listed.items() if name.startswith(("codec", "music_genre"))})


def _file_key(path: Path) -> str:
    """Digest of a file, or of all files of a folder (OpenPose), and of the version."""
    digest = hashlib.sha256(f"{VERSION} {path.suffix} ".encode())
    for file in sorted(path.iterdir()) if path.is_dir() else [path]:
        if file.is_file():
            digest.update(file.name.encode() if path.is_dir() else b"")
            digest.update(file.read_bytes())
    return digest.hexdigest()

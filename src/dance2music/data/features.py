"""What is kept of one clip: motion in the layouts of the published systems and of the embedded ones, optical flow, the music.

=================  ==================  ============================================================================================
``smpl``           [T, 219] at 60 fps  SMPL features as the released AIST++ data (`dance.smpl`); where the motion is 3-D
``keypoints``      [T, 75] at 30 fps   25 OpenPose joints x (x, y, confidence), y down, as the released TikTok data
``features``       [T, 80] at 30 fps   `dance.kinematics.motion_features`
``flow``           [T, 5] at 30 fps    `dance.flow.visual_features`; zeros without a video
``posture``        [T, 249] at 30 fps  `dance.posture.posture_features`: body, hands and face; only if asked for
``visual``         [S, D]              a vector per segment, where the data set or the user brings one (I3D, TSN: D = 2048)
``audio``          int16 [N]           music at 22,050 Hz, mono, its peak at full scale
=================  ==================  ============================================================================================

Released files keep their numbers; other sources are brought into the same layout: keypoints in pixels of a picture in which the torso
is 64 pixels long and the dancer's middle lies at (128, 128), rotations from positions (`dance.rotations`).
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from dance2music.dance.openpose import KEYPOINT_FPS, KEYPOINTS, openpose_layout
from dance2music.dance.smpl import SMPL_FEATURES
from dance2music.data.manifest import SAMPLE_RATE, SEGMENT_SECONDS, SLACK_SECONDS, Source, segments_within
from dance2music.errors import InputError
from dance2music.files import check_regular
from dance2music.types import Motion

SMPL_FPS, FEATURE_FPS = 60, 30
LAYOUT_FPS: dict[str, int] = {
    "smpl": SMPL_FPS, "keypoints": KEYPOINT_FPS, "features": FEATURE_FPS, "posture": FEATURE_FPS, "flow": FEATURE_FPS,
}  # fmt: skip
"""Frame rate of each array that has a time axis."""

SEGMENT_SAMPLES = round(SAMPLE_RATE * SEGMENT_SECONDS)
PEAK = 0.95
"""Peak of a segment's music, as the released code normalises it."""

_IN_SPACE = ("smpl-24", "ballroom-23", "coco-17", "body-25")
"""Skeletons whose third axis can be trusted; that of a single camera cannot."""


@dataclass(frozen=True)
class ClipFeatures:
    """Arrays of a clip, the seconds that motion and music share, and which segments lie in them, do not, or lack their visual vector."""

    arrays: dict[str, np.ndarray]
    duration_seconds: float
    segments: tuple[int, ...]
    unfit: tuple[int, ...]
    unseen: tuple[int, ...] = ()


def clip_features(source: Source, *, visual: bool = True, posture: bool = False) -> ClipFeatures:
    """Read a clip's files.

    Parameters
    ----------
    source : the clip.
    visual : also watch its video for optical flow, where there is one.
    posture : keep body, hands and face, too; a video is then watched by the slower estimator that sees all three.

    Raises
    ------
    InputError
        If a file is missing, unreadable or a pipe, the motion holds NaN, nobody is seen, or motion and music share less than a segment.
    """
    for kind, path in source.files.items():
        if path.exists() and not path.is_dir():
            check_regular(path, f"the {kind.rstrip('0123456789')} of {source.name}")
    arrays, seconds = _motion_arrays(source, visual=visual, posture=posture)
    audio = _music(source.music)
    seconds = min(seconds, len(audio) / SAMPLE_RATE)
    within = segments_within(seconds)
    if not within:
        raise InputError(f"{source.name}: motion and music share {seconds:.2f} s; expected at least a segment of {SEGMENT_SECONDS:g} s")
    wanted = within if source.segments is None else source.segments
    arrays["audio"] = audio[: round((seconds + SLACK_SECONDS) * SAMPLE_RATE)]
    segments, unfit = tuple(k for k in wanted if k in within), tuple(k for k in wanted if k not in within)
    unseen: tuple[int, ...] = ()
    if source.visual:
        vectors = dict(zip(source.visual_segments or wanted, source.visual, strict=True))
        segments, unseen = tuple(k for k in segments if k in vectors), tuple(k for k in segments if k not in vectors)
        if segments:
            arrays["visual"] = _stacked([_visual_vector(vectors[k]) for k in segments], source)
    if source.beat_times_seconds is not None:
        arrays["beat_times_seconds"] = np.asarray(source.beat_times_seconds)
    return ClipFeatures(arrays, seconds, segments, unfit, unseen)


def segment_frames(values: np.ndarray, k: int, layout: str) -> np.ndarray:
    """Segment K (from 1) of an array [T, F] of `LAYOUT_FPS`: float32 [2 s, F]; a missing end repeats the last frame."""
    count = round(LAYOUT_FPS[layout] * SEGMENT_SECONDS)
    at = np.minimum(np.arange((k - 1) * count, k * count), len(values) - 1)
    return np.asarray(values[at], dtype=np.float32)


def segment_audio(audio: np.ndarray, k: int) -> np.ndarray:
    """Segment K (from 1) of a clip's music: float32 [1, 44100], peak at `PEAK` (silence stays), zeros where the music ends."""
    part = audio[(k - 1) * SEGMENT_SAMPLES : k * SEGMENT_SAMPLES].astype(np.float32)
    part = np.pad(part, (0, SEGMENT_SAMPLES - len(part)))
    return np.asarray(part * np.float32(PEAK / max(float(np.abs(part).max()), 1.0)))[None]


def music_digest(audio: np.ndarray) -> str:
    """SHA-256, in hexadecimal, of the bytes of a clip's music [N]."""
    return hashlib.sha256(np.ascontiguousarray(audio).tobytes()).hexdigest()


def _stacked(vectors: list[np.ndarray], source: Source) -> np.ndarray:
    """Visual vectors float32 [S, D] of a clip, which must be of one width."""
    widths = {len(vector) for vector in vectors}
    if len(widths) > 1:
        raise InputError(f"{source.name}: visual vectors of {sorted(widths)} numbers; expected one width; make them with one network")
    return np.stack(vectors)


def _motion_arrays(source: Source, *, visual: bool, posture: bool) -> tuple[dict[str, np.ndarray], float]:
    """All arrays that the dance gives, and its seconds."""
    from dance2music.dance.flow import visual_features
    from dance2music.dance.kinematics import motion_features, resample
    from dance2music.dance.motion_files import load_motion
    from dance2music.dance.posture import posture_features
    from dance2music.dance.rotations import smpl_features_of_joints
    from dance2music.dance.skeleton import convert

    published: dict[str, np.ndarray] = {}
    if source.motion is None:
        motion = _watched(source, "holistic" if posture else "body")
    else:
        published = _published(source.motion)
        motion = load_motion(source.motion)
        if not published:
            _refuse_nan(source.motion, motion)
        if visual and source.video is not None:
            motion = _with_flow(motion, source.video)
    arrays = {"features": motion_features(motion, fps=FEATURE_FPS), "flow": visual_features(motion, fps=FEATURE_FPS)}
    if "keypoints" not in published:
        arrays["keypoints"] = openpose_layout(motion)
    if posture:
        arrays["posture"] = posture_features(motion, fps=FEATURE_FPS)
    if "smpl" not in published and motion.skeleton in _IN_SPACE and motion.joints.shape[2] == 3:
        arrays["smpl"] = smpl_features_of_joints(resample(convert(motion, "smpl-24"), SMPL_FPS).joints)
    arrays |= published
    bad = [name for name, values in arrays.items() if not np.isfinite(values).all()]
    assert not bad, f"{source.name}: {bad} are not finite"
    return arrays, motion.duration_seconds


def _published(path: Path) -> dict[str, np.ndarray]:
    """Arrays that a motion file holds in a published layout already, with their own numbers."""
    from dance2music.dance.motion_files import load_smpl
    from dance2music.dance.smpl import smpl_features

    suffix = path.suffix.lower()
    if suffix == ".npy":
        values = _array(path)
        _check_finite(path, values)
        if values.ndim == 2 and values.shape[1] == SMPL_FEATURES:
            return {"smpl": values.astype(np.float32)}
        if values.ndim == 2 and values.shape[1] == KEYPOINTS:
            return {"keypoints": values.astype(np.float32)}
        if values.ndim == 3 and values.shape[1:] == (25, 3):
            raise InputError(f"{path}: shape {values.shape}; expected keypoints as [T, 75]; reshape it")
        return {}
    parameters = load_smpl(path) if suffix in (".pkl", ".pickle", ".npz") else None
    if parameters is None:
        return {}
    poses, translation, scaling, fps = parameters
    _check_finite(path, np.concatenate([poses, translation], axis=1))
    return {"smpl": smpl_features(poses, translation, scaling=scaling)} if round(fps) == SMPL_FPS else {}


def _refuse_nan(path: Path, motion: Motion) -> None:
    """Refuse 3-D joints with gaps, which `load_motion` has filled: fine to dance to, but not to learn from unseen."""
    suffix = path.suffix.lower()
    if suffix == ".npz":
        with np.load(path, allow_pickle=False) as archive:
            if "joints" in archive.files:
                _check_finite(path, archive["joints"])
    elif suffix in (".pkl", ".pickle") and motion.joints.shape[2] == 3:
        _check_finite(path, np.where(motion.confidence > 0, 0.0, np.nan))


def _check_finite(path: Path, values: np.ndarray) -> None:
    bad = ~np.isfinite(values.reshape(len(values), -1)).all(axis=1)
    if bad.any():
        raise InputError(f"{path}: NaN or infinite motion in {int(bad.sum())} of {len(bad)} frames; expected numbers; leave the clip out")


def _array(path: Path) -> np.ndarray:
    """A plain array of numbers from disk."""
    try:
        with path.open("rb") as file:
            values: Any = np.load(file, allow_pickle=False)
    except (OSError, ValueError, EOFError) as error:
        raise InputError(f"{path}: cannot be read as an array ({str(error).splitlines()[0]}); expected .npy; get it again") from error
    if not isinstance(values, np.ndarray) or values.dtype.kind not in "fiu" or values.ndim == 0:
        raise InputError(f"{path}: holds no array of numbers; expected .npy; get it again")
    return values


def _visual_vector(path: Path) -> np.ndarray:
    """A visual vector float32 [D] from [D] or [1, D]."""
    with np.errstate(over="ignore"):
        values = _array(path).astype(np.float32)
    if values.size != values.shape[-1]:
        raise InputError(f"{path}: shape {values.shape}; expected one visual vector, [1, D] or [D]")
    bad = int((~np.isfinite(values)).sum())
    if bad:
        raise InputError(
            f"{path}: a visual vector with {bad} of {values.size} numbers that are none (NaN) or too large; expected all below 3.4e38; "
            "make it again with 'dance2music data visual'"
        )
    return values.reshape(-1)


def _music(path: Path) -> np.ndarray:
    """Music int16 [N], its peak at full scale."""
    from dance2music.music.audio import load_audio

    samples = load_audio(path, sample_rate=SAMPLE_RATE).samples[0]
    return np.round(samples * (32767.0 / max(float(np.abs(samples).max()), 1e-4))).astype(np.int16)


def _watched(source: Source, method: str) -> Motion:
    """The dance of a video by a pose estimator."""
    from dance2music.dance.pose import estimate
    from dance2music.video.frames import read_frames

    if source.video is None:
        raise InputError(f"{source.name}: neither motion nor video; expected one of them; complete the clip")
    motion = estimate(read_frames(source.video, threads=1), method=method)
    if motion.skeleton == "flow":
        raise InputError(f"{source.video}: no dancer is seen in it; expected one; leave the clip out")
    return motion


def _with_flow(motion: Motion, video: Path) -> Motion:
    """The motion with the flow energy of its video."""
    from dance2music.dance.flow import FLOW_SIDE, FlowMeter
    from dance2music.video.frames import read_frames

    meter = FlowMeter()
    for frame in read_frames(video, fps=FEATURE_FPS, longest_side=4 * FLOW_SIDE, threads=1):
        meter.add(frame.image, frame.time_seconds)
    grid = np.arange(len(motion.joints)) / motion.fps
    return replace(motion, flow_energy=meter.energy(grid).astype(np.float32))

"""Motion files: our npz, AIST++ pickles, OpenPose JSON, and plain arrays.

`array_files` reads tables and runs nothing that a file could hide. Arrays follow the convention of `Motion` (y up) but for OpenPose and
AIST++'s 2-D keypoints, which are in pixels with y down and are turned over here.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from contextvars import ContextVar
from pathlib import Path
from typing import Any

import numpy as np

from dance2music.dance.array_files import read_table
from dance2music.dance.openpose_files import read_openpose
from dance2music.dance.skeleton import SKELETONS
from dance2music.dance.smpl import AIST_FPS, SMPL_FEATURES, forward_kinematics, joints_of_features
from dance2music.errors import InputError
from dance2music.files import check_regular, exists, whole_file
from dance2music.types import Motion

logger = logging.getLogger(__name__)

DEFAULT_FPS = 30.0
"""Frame rate of files that do not tell theirs (OpenPose, plain arrays); AIST++ files have 60."""

MIN_KNOWN_SHARE = 0.3
"""With a pose in fewer frames than this, a motion file is refused."""

MAX_SECONDS = 605.0

_SUFFIXES = (".npz", ".npy", ".pkl", ".pickle")
_RATES = ("fps", "mocap_framerate", "mocap_frame_rate")
_POSE_WIDTHS = (66, 72, 156, 165)
"""Numbers per frame of SMPL without hands, SMPL, SMPL-H and SMPL-X, in axis-angles."""
_telling: ContextVar[bool] = ContextVar("telling", default=False)

_SKELETON_OF_COUNT = {
    len(s.joints): name
    for name, s in SKELETONS.items()
    if name in ("coco-17", "ballroom-23", "smpl-24", "body-25", "blazepose-33", "holistic-83")
}


def load_motion(path: str | Path, *, fps: float | None = None, camera: int = 0, tell_rate: bool = False) -> Motion:
    """Read a motion file.

    ==================================  =============================================================================================
    ``.npz``                            `save_motion`'s (without ``confidence`` [T, J] it is 1); or ``joints`` [T, J, 2|3] with ``fps``;
                                        or ``smpl_poses`` and ``smpl_trans``, or AMASS's ``poses``, ``trans``, ``mocap_framerate``
    ``.npy``                            [T, J, 2|3]; [T, 219] SMPL features (60 fps) and [T, 75] BODY-25 (30 fps) as published with D2M-GAN
    ``.pkl``                            AIST++ ``keypoints3d``, ``keypoints2d`` or ``smpl_poses`` with ``smpl_trans`` and ``smpl_scaling``
    folder                              OpenPose as it comes: one ``*.json`` per frame, BODY-25
    ==================================  =============================================================================================

    J tells the skeleton: 17 COCO, 23 ballroom, 24 SMPL, 25 BODY-25, 33 BlazePose, 83 holistic. Gaps (NaN, or no person in a frame) are
    interpolated and have confidence 0.

    Parameters
    ----------
    path : file, or folder of OpenPose files.
    fps : float or None, overrides the frame rate of the file.
    camera : int, which view of AIST++'s 2-D keypoints.
    tell_rate : whether a frame rate that had to be assumed is logged as a warning.

    Raises
    ------
    InputError
        If there is no such file, it is of another kind, holds no pose or anything but arrays, or its shapes do not fit.
    """
    path = Path(path)
    if fps is not None and not (np.isfinite(fps) and fps > 0):
        raise InputError(f"fps: {fps}; expected a positive number of frames per second")
    if not exists(path):
        raise InputError(f"{path}: does not exist; expected a motion file (.npz, .npy, .pkl) or a folder of OpenPose JSON files")
    held = _telling.set(tell_rate)
    try:
        if path.is_dir():
            return _openpose(path, fps)
        if path.suffix.lower() not in _SUFFIXES:
            hint = "; give the folder of the OpenPose files" if path.suffix.lower() == ".json" else ""
            raise InputError(
                f"{path}: unknown kind of motion file {path.suffix!r}; expected .npz, .npy, .pkl or a folder of OpenPose JSON files{hint}"
            )
        check_regular(path, "a motion file")
        table = read_table(path)
        if path.suffix.lower() == ".npy":
            return _array(path, table, fps)
        if path.suffix.lower() == ".npz" and not isinstance(table, Mapping):
            raise InputError(f"{path}: is a single array; name it .npy")
        return _skeletal(path, table, fps) if isinstance(table, Mapping) and "skeleton" in table else _named(path, table, fps, camera)
    except (OSError, ValueError, TypeError, KeyError, IndexError, MemoryError, OverflowError) as error:
        reason = " ".join(str(error).split())[:200] or type(error).__name__
        raise InputError(f"{path}: cannot be read as a motion file ({reason})") from error
    finally:
        _telling.reset(held)


def load_smpl(path: str | Path) -> tuple[np.ndarray, np.ndarray, float, float] | None:
    """SMPL parameters of a ``.pkl`` or ``.npz`` file: poses [T, 72], translation [T, 3], scaling, fps; None where it holds others.

    NaN stays NaN. Raises InputError as `load_motion`.
    """
    path = Path(path)
    table = read_table(path)
    if not isinstance(table, Mapping) or not {"smpl_poses", "smpl_trans"} <= table.keys():
        return None
    try:
        poses, translation, scaling = _smpl(path, table["smpl_poses"], table["smpl_trans"], table.get("smpl_scaling", 1.0))
        return poses, translation, scaling, _own_rate(path, table) or AIST_FPS
    except (ValueError, TypeError, OverflowError) as error:
        raise InputError(f"{path}: cannot be read as SMPL parameters ({' '.join(str(error).split())}); get it again") from error


def save_motion(motion: Motion, path: str | Path, **about: Any) -> None:
    """Write a Motion as npz, whole or not at all; `load_motion` gives it back unchanged.

    ``about`` are further values to keep in the same file, for other readers; `load_motion` leaves them alone.

    Raises
    ------
    InputError
        If ``path`` does not end in ``.npz`` or cannot be written.
    """
    path = Path(path)
    if path.suffix.lower() != ".npz":
        raise InputError(f"{path}: a motion is written as npz; choose a name that ends in .npz")
    arrays: dict[str, Any] = {
        "joints": motion.joints, "confidence": motion.confidence, "fps": np.float64(motion.fps),
        "skeleton": np.array(motion.skeleton), "source": np.array(motion.source),
    }  # fmt: skip
    if motion.flow_energy is not None:
        arrays["flow_energy"] = motion.flow_energy
    with whole_file(path) as temporary, temporary.open("wb") as file:
        np.savez_compressed(file, **arrays, **about)


def _skeletal(path: Path, arrays: Mapping[str, Any], fps: float | None) -> Motion:
    """Motion of a table that names its skeleton, as `save_motion` writes it."""
    skeleton = str(arrays["skeleton"])[:40]
    if skeleton not in SKELETONS:
        raise InputError(f"{path}: skeleton {skeleton!r}; expected one of {', '.join(SKELETONS)}")
    for name in ("joints", "fps"):
        if name not in arrays:
            raise InputError(f"{path}: has no {name!r}; expected joints, fps and skeleton as save_motion writes them")
    joints, flow, confidence = _numbers(path, arrays["joints"]), arrays.get("flow_energy"), arrays.get("confidence")
    if flow is not None:
        flow = _numbers(path, flow)
        if flow.shape != joints.shape[:1] or not np.isfinite(flow).all():
            raise InputError(f"{path}: flow_energy {flow.shape}; expected one finite number for each of {len(joints)} frames")
    confidence = None if confidence is None else _numbers(path, confidence)
    rate = fps or _own_rate(path, arrays)
    assert rate is not None, "there is one"
    return _motion(path, joints, confidence, rate, skeleton, flow=flow, source=str(arrays.get("source", ""))[:200])


def _own_rate(path: Path, arrays: Mapping[str, Any]) -> float | None:
    """The frame rate that a table tells; None where it tells none. Raises InputError where it is none."""
    name = next((name for name in _RATES if name in arrays), None)
    if name is None:
        return None
    values = np.asarray(arrays[name])
    if values.size != 1 or values.dtype.kind not in "fiu":
        raise InputError(f"{path}: {name} is no number; expected frames per second; give --fps")
    rate = float(values.reshape(()))
    if not 1.0 <= rate <= 1000.0:
        raise InputError(f"{path}: {name} {rate:g}; expected 1 to 1000 frames per second; give --fps")
    return rate


def _numbers(path: Path, values: Any) -> np.ndarray:
    values = np.asarray(values)
    if values.dtype.kind not in "fiu":
        raise InputError(f"{path}: numbers of type {values.dtype}; expected real numbers")
    return values.astype(np.float64)


def _named(path: Path, arrays: Any, fps: float | None, camera: int) -> Motion:
    """Motion of a table of named arrays: AIST++ files, AMASS files, and npz with joints."""
    if not isinstance(arrays, Mapping):
        held = "one array" if isinstance(arrays, np.ndarray) else type(arrays).__name__
        raise InputError(f"{path}: holds {held}; expected a table with keypoints3d, keypoints2d, smpl_poses or joints")
    own = fps or _own_rate(path, arrays)
    for name in ("joints", "keypoints3d_optim", "keypoints3d"):
        if name in arrays:
            return _array(path, arrays[name], own or _assumed(path, DEFAULT_FPS if name == "joints" else AIST_FPS))
    for names in (("smpl_poses", "smpl_trans"), ("poses", "trans")):
        if names[0] in arrays and names[1] in arrays:
            poses, translation, scaling = _smpl(path, arrays[names[0]], arrays[names[1]], arrays.get("smpl_scaling", 1.0))
            known = np.isfinite(np.concatenate([poses, translation], axis=1)).all(axis=1)
            joints = forward_kinematics(np.nan_to_num(poses), np.nan_to_num(translation), scaling=scaling)
            if names[0] == "poses":  # AMASS has z up
                joints = joints[..., [0, 2, 1]] * np.array([1.0, 1.0, -1.0], dtype=np.float32)
            return _motion(path, np.where(known[:, None, None], joints, np.nan), None, own or _assumed(path, AIST_FPS), "smpl-24")
    if "keypoints2d" in arrays:
        views = _numbers(path, arrays["keypoints2d"])
        if views.ndim != 4 or views.shape[2:] != (17, 3) or not 0 <= camera < len(views):
            raise InputError(f"{path}: keypoints2d {views.shape}, camera {camera}; expected [cameras, T, 17, 3] and one of its cameras")
        return _pixels(path, views[camera], own or _assumed(path, AIST_FPS), "coco-17")
    names_held = ", ".join(str(name)[:40] for name in list(arrays)[:6]) or "nothing"
    raise InputError(f"{path}: holds {names_held}; expected joints, keypoints3d, keypoints2d, or smpl_poses with smpl_trans")


def _smpl(path: Path, poses: Any, translation: Any, scaling: Any) -> tuple[np.ndarray, np.ndarray, float]:
    """SMPL parameters: poses [T, 72] and translation [T, 3] of any shape in which SMPL, SMPL-H and SMPL-X write them, scaling.

    Hands and faces are left out: SMPL-H and SMPL-X have the same 22 joints first, to which the two of SMPL's hands are added at rest.
    """
    poses, translation = _numbers(path, poses), _numbers(path, translation)
    if poses.ndim >= 3 and poses.shape[0] == 1:  # a batch of one
        poses, translation = poses[0], translation[0] if translation.ndim == 3 else translation
    width = int(np.prod(poses.shape[1:])) if poses.ndim > 1 else 0
    if width not in _POSE_WIDTHS or poses.ndim > 3 or len(poses) < 1 or translation.shape not in ((len(poses), 3), (len(poses), 1, 3)):
        raise InputError(
            f"{path}: smpl_poses {poses.shape}, smpl_trans {translation.shape}; expected [T, {' or '.join(map(str, _POSE_WIDTHS))}] "
            "(or joints by 3) and [T, 3]"
        )
    flat = poses.reshape(len(poses), width)
    flat = flat if width == 72 else np.concatenate([flat[:, :66], np.zeros((len(flat), 6))], axis=1)
    return flat, translation.reshape(len(poses), 3), float(_numbers(path, scaling).reshape(-1)[0])


def _array(path: Path, values: np.ndarray, fps: float | None) -> Motion:
    """Motion of one plain array."""
    values = _numbers(path, values)
    if values.ndim == 4 and values.shape[0] == 1:  # a batch of one
        values = values[0]
    if values.ndim == 2 and values.shape[1] == SMPL_FEATURES:
        known = np.isfinite(values).all(axis=1)
        joints = joints_of_features(np.nan_to_num(values))
        rate = fps or _assumed(path, AIST_FPS)
        return _motion(path, np.where(np.asarray(known)[:, None, None], joints, np.nan), None, rate, "smpl-24")
    if values.ndim == 2 and values.shape[1] == 75:
        return _pixels(path, values.reshape(-1, 25, 3), fps or _assumed(path, DEFAULT_FPS), "body-25")
    if values.ndim != 3 or values.shape[1] not in _SKELETON_OF_COUNT or values.shape[2] not in (2, 3):
        counts = ", ".join(f"{count} ({name})" for count, name in _SKELETON_OF_COUNT.items())
        raise InputError(f"{path}: array {values.shape}; expected [T, J, 2 or 3] with J one of {counts}, or [T, 219], or [T, 75]")
    return _motion(path, values, None, fps or _assumed(path, DEFAULT_FPS), _SKELETON_OF_COUNT[values.shape[1]])


def _pixels(path: Path, points: np.ndarray, fps: float, skeleton: str) -> Motion:
    """Motion of points [T, J, 3] given as x, y (pixels, y down) and confidence; a confidence of 0 means not found."""
    confidence = np.nan_to_num(points[..., 2])
    joints = points[..., :2] * [1.0, -1.0]
    joints = np.where(confidence[..., None] > 0, joints, np.nan)
    top = max(1.0, float(confidence.max(initial=0.0)))  # AIST++ has scores a little above 1
    return _motion(path, joints, confidence / top, fps, skeleton)


def _openpose(folder: Path, fps: float | None) -> Motion:
    frames, step = read_openpose(folder)
    return _pixels(folder, frames, (fps or _assumed(folder, DEFAULT_FPS)) / step, "body-25")


def _assumed(path: Path, fps: float) -> float:
    """The usual rate of a kind of file that does not tell its own, said."""
    logger.log(logging.WARNING if _telling.get() else logging.DEBUG, "%s: tells no frame rate; taken as %g frames/s (--fps)", path, fps)
    return fps


def _motion(
    path: Path,
    joints: np.ndarray,
    confidence: np.ndarray | None,
    fps: float,
    skeleton: str,
    *,
    flow: np.ndarray | None = None,
    source: str = "",
) -> Motion:
    """A checked Motion: shapes, frame rate, length; gaps interpolated joint by joint."""
    if joints.ndim != 3 or joints.shape[1] != len(SKELETONS[skeleton].joints) or joints.shape[2] not in (2, 3):
        raise InputError(f"{path}: joints {joints.shape}; expected [T, {len(SKELETONS[skeleton].joints)}, 2 or 3] for {skeleton}")
    if confidence is not None and confidence.shape != joints.shape[:2]:
        raise InputError(f"{path}: confidence {confidence.shape}; expected {joints.shape[:2]}")
    if len(joints) < 2:
        raise InputError(f"{path}: {len(joints)} frames; expected at least 2")
    if not np.isfinite(fps) or not 1.0 <= fps <= 1000.0:
        raise InputError(f"{path}: {fps} frames per second; expected 1 to 1000")
    if len(joints) / fps > MAX_SECONDS:
        raise InputError(f"{path}: {len(joints) / fps:.0f} s long; expected at most 10 minutes, cut it into parts")
    known = np.isfinite(joints).all(axis=2)
    share = float(known.any(axis=1).mean())
    if share < MIN_KNOWN_SHARE:
        raise InputError(
            f"{path}: a pose in {100 * share:.0f} % of {len(joints)} frames (the rest is NaN or nobody); expected at least 30 %"
        )
    given = np.ones(known.shape) if confidence is None else np.clip(np.nan_to_num(confidence), 0.0, 1.0)
    filled = np.array(joints, dtype=np.float64)
    frames = np.arange(len(joints))
    centre = np.nanmean(np.where(known[..., None], joints, np.nan), axis=(0, 1))
    for j in np.flatnonzero(~known.all(axis=0)):
        at = frames[known[:, j]]
        for axis in range(joints.shape[2]):
            filled[:, j, axis] = np.interp(frames, at, joints[at, j, axis]) if len(at) else centre[axis]
    return Motion(
        joints=filled.astype(np.float32),
        confidence=np.where(known, given, 0.0).astype(np.float32),
        fps=float(fps),
        skeleton=skeleton,
        flow_energy=None if flow is None else flow.astype(np.float32),
        source=source or path.name,
    )

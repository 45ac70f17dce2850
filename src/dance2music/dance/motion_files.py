"""Motion files: our npz, AIST++ pickles, OpenPose JSON, and plain arrays.

Nothing that a file could hide is run: npz and npy are read without pickle, and pickles by a reader that knows numpy arrays, plain
containers and numbers, and refuses everything else. Arrays follow the convention of `Motion` (y up) but for OpenPose and AIST++'s 2-D
keypoints, which are in pixels with y down and are turned over here.
"""

from __future__ import annotations

import io
import json
import pickle
import zipfile
import zlib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from dance2music.dance.skeleton import SKELETONS
from dance2music.dance.smpl import AIST_FPS, SMPL_FEATURES, forward_kinematics, joints_of_features
from dance2music.errors import InputError
from dance2music.files import whole_file
from dance2music.types import Motion

DEFAULT_FPS = 30.0
"""Frame rate of files that do not tell theirs (OpenPose, plain arrays); AIST++ files have 60."""

MIN_KNOWN_SHARE = 0.3
"""With a pose in fewer frames than this, a motion file is refused."""

MAX_SECONDS = 605.0

_SKELETON_OF_COUNT = {
    len(s.joints): name
    for name, s in SKELETONS.items()
    if name in ("coco-17", "ballroom-23", "smpl-24", "body-25", "blazepose-33", "holistic-83")
}


def load_motion(path: str | Path, *, fps: float | None = None, camera: int = 0) -> Motion:
    """Read a motion file.

    ==================================  =============================================================================================
    ``.npz``                            `save_motion`'s (without ``confidence`` [T, J] it is 1); or ``joints`` [T, J, 2|3] with ``fps``;
                                        or ``smpl_poses`` and ``smpl_trans``
    ``.npy``                            [T, J, 2|3]; [T, 219] SMPL features (60 fps) and [T, 75] BODY-25 (30 fps) as published with D2M-GAN
    ``.pkl``                            AIST++ ``keypoints3d``, ``keypoints2d`` or ``smpl_poses`` with ``smpl_trans`` and ``smpl_scaling``
    folder                              OpenPose: one ``*.json`` per frame, BODY-25
    ==================================  =============================================================================================

    J tells the skeleton: 17 COCO, 23 ballroom, 24 SMPL, 25 BODY-25, 33 BlazePose, 83 holistic. Gaps (NaN, or no person in a frame) are
    interpolated and have confidence 0.

    Parameters
    ----------
    path : file, or folder of OpenPose files.
    fps : float or None, overrides the frame rate of the file.
    camera : int, which view of AIST++'s 2-D keypoints.

    Raises
    ------
    InputError
        If there is no such file, it is of another kind, holds no pose or anything but arrays, or its shapes do not fit.
    """
    path = Path(path)
    if fps is not None and not (np.isfinite(fps) and fps > 0):
        raise InputError(f"fps: {fps}; expected a positive number of frames per second")
    if not path.exists():
        raise InputError(f"{path}: does not exist; expected a motion file (.npz, .npy, .pkl) or a folder of OpenPose JSON files")
    try:
        if path.is_dir():
            return _openpose(path, fps)
        suffix = path.suffix.lower()
        if suffix == ".npz":
            return _npz(path, fps, camera)
        if suffix == ".npy":
            with path.open("rb") as file:
                return _array(path, np.load(file, allow_pickle=False), fps)
        if suffix in (".pkl", ".pickle"):
            return _named(path, _read_pickle(path), fps, camera)
    except (OSError, ValueError, TypeError, KeyError, EOFError, MemoryError, OverflowError, zipfile.BadZipFile, zlib.error) as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise InputError(f"{path}: cannot be read as a motion file ({reason})") from error
    hint = "; give the folder of the OpenPose files" if path.suffix.lower() == ".json" else ""
    raise InputError(
        f"{path}: unknown kind of motion file {path.suffix!r}; expected .npz, .npy, .pkl or a folder of OpenPose JSON files{hint}"
    )


def load_smpl(path: str | Path) -> tuple[np.ndarray, np.ndarray, float, float] | None:
    """SMPL parameters of a ``.pkl`` or ``.npz`` file: poses [T, 72], translation [T, 3], scaling, fps; None where it holds others.

    NaN stays NaN. Raises InputError as `load_motion`.
    """
    path = Path(path)
    try:
        if path.suffix.lower() == ".npz":
            with np.load(path, allow_pickle=False) as archive:
                arrays: Any = {name: archive[name] for name in archive.files}
        else:
            arrays = _read_pickle(path)
        if not isinstance(arrays, Mapping) or not {"smpl_poses", "smpl_trans"} <= arrays.keys():
            return None
        poses = np.asarray(arrays["smpl_poses"], dtype=np.float64)
        translation = np.asarray(arrays["smpl_trans"], dtype=np.float64)
        fps = float(np.asarray(arrays.get("fps", AIST_FPS)).reshape(()))
        scaling = float(np.asarray(arrays.get("smpl_scaling", 1.0)).reshape(-1)[0])
    except (OSError, ValueError, TypeError, EOFError, zipfile.BadZipFile, zlib.error) as error:
        raise InputError(f"{path}: cannot be read as SMPL parameters ({str(error).splitlines()[0]}); get it again") from error
    return poses.reshape(len(poses), -1), translation.reshape(len(translation), -1), scaling, fps


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


def _npz(path: Path, fps: float | None, camera: int) -> Motion:
    with np.load(path, allow_pickle=False) as archive:
        if not isinstance(archive, np.lib.npyio.NpzFile):
            raise InputError(f"{path}: is a single array; name it .npy")
        arrays = {name: archive[name] for name in archive.files}
    if "skeleton" not in arrays:
        return _named(path, arrays, fps, camera)
    skeleton = str(arrays["skeleton"])
    if skeleton not in SKELETONS:
        raise InputError(f"{path}: skeleton {skeleton!r}; expected one of {', '.join(SKELETONS)}")
    for name in ("joints", "fps"):
        if name not in arrays:
            raise InputError(f"{path}: has no {name!r}; expected joints, fps and skeleton as save_motion writes them")
    flow = arrays.get("flow_energy")
    if flow is not None and (flow.shape != arrays["joints"].shape[:1] or not np.isfinite(flow).all()):
        raise InputError(f"{path}: flow_energy {flow.shape}; expected one finite number for each of {len(arrays['joints'])} frames")
    rate = fps or float(arrays["fps"])
    return _motion(path, arrays["joints"], arrays.get("confidence"), rate, skeleton, flow=flow, source=str(arrays.get("source", "")))


def _named(path: Path, arrays: Any, fps: float | None, camera: int) -> Motion:
    """Motion of a table of named arrays: AIST++ files, and npz with joints."""
    if not isinstance(arrays, Mapping):
        raise InputError(f"{path}: holds {type(arrays).__name__}; expected a table with keypoints3d, keypoints2d, smpl_poses or joints")
    own = float(np.asarray(arrays["fps"]).reshape(())) if "fps" in arrays else None
    for name in ("joints", "keypoints3d_optim", "keypoints3d"):
        if name in arrays:
            rate = fps or own or (DEFAULT_FPS if name == "joints" else AIST_FPS)
            return _array(path, np.asarray(arrays[name]), rate)
    rate = fps or own or AIST_FPS
    if "smpl_poses" in arrays and "smpl_trans" in arrays:
        poses, translation = np.asarray(arrays["smpl_poses"], dtype=np.float64), np.asarray(arrays["smpl_trans"], dtype=np.float64)
        known = np.isfinite(np.concatenate([poses.reshape(len(poses), -1), translation.reshape(len(translation), -1)], axis=1)).all(axis=1)
        scaling = float(np.asarray(arrays.get("smpl_scaling", 1.0)).reshape(-1)[0])
        joints = forward_kinematics(np.nan_to_num(poses), np.nan_to_num(translation), scaling=scaling)
        return _motion(path, np.where(np.asarray(known)[:, None, None], joints, np.nan), None, rate, "smpl-24")
    if "keypoints2d" in arrays:
        views = np.asarray(arrays["keypoints2d"], dtype=np.float64)
        if views.ndim != 4 or views.shape[2:] != (17, 3) or not 0 <= camera < len(views):
            raise InputError(f"{path}: keypoints2d {views.shape}, camera {camera}; expected [cameras, T, 17, 3] and one of its cameras")
        return _pixels(path, views[camera], rate, "coco-17")
    names = ", ".join(str(name) for name in list(arrays)[:6]) or "nothing"
    raise InputError(f"{path}: holds {names}; expected joints, keypoints3d, keypoints2d, or smpl_poses with smpl_trans")


def _array(path: Path, values: np.ndarray, fps: float | None) -> Motion:
    """Motion of one plain array."""
    values = np.asarray(values)
    if values.dtype.kind not in "fiu":
        raise InputError(f"{path}: numbers of type {values.dtype}; expected real numbers")
    values = values.astype(np.float64)
    if values.ndim == 2 and values.shape[1] == SMPL_FEATURES:
        known = np.isfinite(values).all(axis=1)
        joints = joints_of_features(np.nan_to_num(values))
        return _motion(path, np.where(np.asarray(known)[:, None, None], joints, np.nan), None, fps or AIST_FPS, "smpl-24")
    if values.ndim == 2 and values.shape[1] == 75:
        return _pixels(path, values.reshape(-1, 25, 3), fps or DEFAULT_FPS, "body-25")
    if values.ndim != 3 or values.shape[1] not in _SKELETON_OF_COUNT or values.shape[2] not in (2, 3):
        counts = ", ".join(f"{count} ({name})" for count, name in _SKELETON_OF_COUNT.items())
        raise InputError(f"{path}: array {values.shape}; expected [T, J, 2 or 3] with J one of {counts}, or [T, 219], or [T, 75]")
    return _motion(path, values, None, fps or DEFAULT_FPS, _SKELETON_OF_COUNT[values.shape[1]])


def _pixels(path: Path, points: np.ndarray, fps: float, skeleton: str) -> Motion:
    """Motion of points [T, J, 3] given as x, y (pixels, y down) and confidence; a confidence of 0 means not found."""
    confidence = np.nan_to_num(points[..., 2])
    joints = points[..., :2] * [1.0, -1.0]
    joints = np.where(confidence[..., None] > 0, joints, np.nan)
    top = max(1.0, float(confidence.max(initial=0.0)))  # AIST++ has scores a little above 1
    return _motion(path, joints, confidence / top, fps, skeleton)


def _openpose(folder: Path, fps: float | None) -> Motion:
    files = sorted(folder.glob("*.json"))
    if not files:
        raise InputError(f"{folder}: no .json files; expected OpenPose output, one file per frame")
    frames = np.full((len(files), 25, 3), np.nan)
    last: np.ndarray | None = None
    for i, file in enumerate(files):
        try:
            table = json.loads(file.read_text(encoding="utf-8"))
            people = [np.array(p["pose_keypoints_2d"], dtype=np.float64) for p in table["people"]]
        except (ValueError, KeyError, TypeError) as error:
            raise InputError(f"{file}: is no OpenPose frame; expected people with pose_keypoints_2d (BODY-25, 75 numbers)") from error
        if any(p.shape != (75,) for p in people):
            raise InputError(
                f"{file}: pose_keypoints_2d has {len(people[0])} numbers; expected 75 (BODY-25), run OpenPose with its default model"
            )
        bodies = [p.reshape(25, 3) for p in people if (p.reshape(25, 3)[:, 2] > 0).any()]
        if bodies:
            last = frames[i] = _same_person(bodies, last)
    return _pixels(folder, frames, fps or DEFAULT_FPS, "body-25")


def _same_person(bodies: list[np.ndarray], last: np.ndarray | None) -> np.ndarray:
    """The body nearest to the last one; at first the largest."""

    def middle(body: np.ndarray) -> np.ndarray:
        return body[body[:, 2] > 0, :2].mean(axis=0)

    if last is None:
        return max(bodies, key=lambda b: float(np.ptp(b[b[:, 2] > 0, 1])))
    return min(bodies, key=lambda b: float(np.linalg.norm(middle(b) - middle(last))))


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


class _Maker:
    """A function that a pickle may call, and can do nothing else with."""

    __slots__ = ("make",)

    def __init__(self, make: Callable[..., Any]) -> None:
        self.make = make

    def __call__(self, *args: Any) -> Any:
        return self.make(*args)

    def __setstate__(self, state: Any) -> None:
        raise pickle.UnpicklingError("it changes what it should only call")


class _Dtype:
    """Stands for a numpy dtype while a pickle is read: numpy's own would trust the state in the file."""

    __slots__ = ("dtype",)

    def __init__(self, code: str, *_: Any) -> None:
        self.dtype = np.dtype(str(code))
        if self.dtype.kind not in "fiub":
            raise pickle.UnpicklingError(f"it holds an array of {self.dtype}; only arrays of numbers are read")

    def __setstate__(self, state: tuple[Any, ...]) -> None:
        if state[1] in ("<", ">", "|", "="):
            self.dtype = self.dtype.newbyteorder(state[1])


class _Array:
    """Stands for a numpy array while a pickle is read."""

    __slots__ = ("value",)

    def __init__(self, *_: Any) -> None:
        self.value = np.zeros(0)

    def __setstate__(self, state: tuple[Any, ...]) -> None:
        _, shape, dtype, fortran, data = state
        self.value = _from_buffer(data, dtype, shape, "F" if fortran else "C").value


def _from_buffer(data: Any, dtype: _Dtype, shape: tuple[int, ...], order: str) -> _Array:
    array = _Array()
    array.value = np.frombuffer(data, dtype=dtype.dtype).reshape(shape, order="F" if order == "F" else "C")
    return array


def _scalar(dtype: _Dtype, data: bytes) -> float:
    return float(np.frombuffer(data, dtype=dtype.dtype, count=1)[0])


def _latin1(text: str, encoding: str) -> bytes:
    return text.encode("latin1" if encoding == "latin1" else "ascii")


class _ArrayUnpickler(pickle.Unpickler):
    """Unpickles numpy arrays of numbers, plain containers, numbers and texts; a pickle that names anything else is refused."""

    allowed: ClassVar[dict[tuple[str, str], Callable[..., Any]]] = {
        ("numpy.core.multiarray", "_reconstruct"): _Array,
        ("numpy.core.multiarray", "scalar"): _scalar,
        ("numpy.core.numeric", "_frombuffer"): _from_buffer,
        ("numpy", "ndarray"): _Array,
        ("numpy", "dtype"): _Dtype,
        ("_codecs", "encode"): _latin1,
    }

    def find_class(self, module: str, name: str) -> Any:
        maker = self.allowed.get((module.replace("numpy._core", "numpy.core"), name))
        if maker is None:
            raise pickle.UnpicklingError(f"it asks for {module}.{name}; only arrays of numbers are read")
        return _Maker(maker)


def _read_pickle(path: Path) -> Any:
    try:
        table = _ArrayUnpickler(io.BytesIO(path.read_bytes()), encoding="latin1").load()
    except (pickle.UnpicklingError, AttributeError, IndexError, ImportError, RecursionError) as error:
        raise InputError(f"{path}: cannot be read as a motion file ({error})") from error
    if isinstance(table, _Array):
        raise InputError(f"{path}: holds one array; expected a table with keypoints3d, keypoints2d or smpl_poses")
    if isinstance(table, dict):
        return {name: value.value if isinstance(value, _Array) else value for name, value in table.items()}
    return table

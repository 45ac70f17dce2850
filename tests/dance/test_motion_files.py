from __future__ import annotations

import json
import os
import pickle
import resource
import time
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from dance2music.dance.motion_files import load_motion, load_smpl, save_motion
from dance2music.dance.smpl import forward_kinematics, smpl_features
from dance2music.errors import InputError
from dance2music.types import Motion

SHARED = Path(os.environ.get("DANCE2MUSIC_SHARED", Path(__file__).parents[3] / "shared"))
RNG = np.random.default_rng(0)


def dump(path: Path, value: Any, protocol: int = 2) -> Path:
    path.write_bytes(pickle.dumps(value, protocol=protocol))
    return path


def test_a_saved_motion_comes_back_unchanged(tmp_path: Path) -> None:
    motion = Motion(
        RNG.normal(size=(9, 33, 3)).astype(np.float32), RNG.uniform(size=(9, 33)).astype(np.float32), 29.97, "blazepose-33",
        RNG.uniform(size=9).astype(np.float32), "a test",
    )  # fmt: skip
    save_motion(motion, tmp_path / "m.npz")
    back = load_motion(tmp_path / "m.npz")
    assert np.array_equal(back.joints, motion.joints) and np.array_equal(back.confidence, motion.confidence)
    assert (back.fps, back.skeleton, back.source) == (29.97, "blazepose-33", "a test")
    assert back.flow_energy is not None and np.array_equal(back.flow_energy, motion.flow_energy)
    assert [p.name for p in tmp_path.iterdir()] == ["m.npz"]


def test_motions_are_saved_as_npz_only(tmp_path: Path) -> None:
    motion = Motion(np.zeros((2, 15, 2), np.float32), np.ones((2, 15), np.float32), 30.0, "body-15")
    with pytest.raises(InputError, match="ends in"):
        save_motion(motion, tmp_path / "m.pkl")


@pytest.mark.parametrize("protocol", [2, 4, 5])
def test_aist_pickles_of_every_protocol_are_read(tmp_path: Path, protocol: int) -> None:
    points = RNG.normal(size=(20, 17, 3))
    motion = load_motion(dump(tmp_path / "a.pkl", {"keypoints3d": points * 0, "keypoints3d_optim": points}, protocol))
    assert motion.skeleton == "coco-17" and motion.fps == 60.0
    assert np.allclose(motion.joints, points, atol=1e-6)


@pytest.mark.parametrize("order", ["C", "F"])
def test_smpl_pickles_go_through_forward_kinematics(tmp_path: Path, order: Any) -> None:
    poses = np.asarray(RNG.normal(0, 0.4, (12, 72)), order=order)
    translation = RNG.normal(size=(12, 3))
    table = {"smpl_loss": 0.1, "smpl_poses": poses, "smpl_trans": translation * 93.0, "smpl_scaling": np.array([93.0])}
    motion = load_motion(dump(tmp_path / "s.pkl", table))
    assert motion.skeleton == "smpl-24" and motion.fps == 60.0
    assert np.allclose(motion.joints, forward_kinematics(poses, translation), atol=1e-5)


def test_the_camera_of_2d_keypoints_can_be_chosen_and_y_points_up(tmp_path: Path) -> None:
    views = RNG.uniform(1, 100, (9, 10, 17, 3))
    views[..., 2] = 0.5
    file = dump(tmp_path / "k.pkl", {"keypoints2d": views, "det_scores": np.ones((9, 10)), "timestamps": np.arange(10) * 16667})
    motion = load_motion(file, camera=3)
    assert np.allclose(motion.joints[..., 0], views[3, ..., 0], atol=1e-4) and np.allclose(
        motion.joints[..., 1], -views[3, ..., 1], atol=1e-4
    )
    assert np.allclose(motion.confidence, 0.5)
    with pytest.raises(InputError, match="camera 9"):
        load_motion(file, camera=9)


class Evil:
    def __init__(self, marker: Path) -> None:
        self.marker = marker

    def __reduce__(self) -> Any:
        return os.system, (f"touch {self.marker}",)


def test_a_pickle_that_wants_to_run_something_is_refused(tmp_path: Path) -> None:
    marker = tmp_path / "ran"
    for protocol in (0, 2, 5):
        file = dump(tmp_path / "evil.pkl", {"keypoints3d": Evil(marker)}, protocol)
        with pytest.raises(InputError, match=r"system; only arrays of numbers"):
            load_motion(file)
    assert not marker.exists()


@pytest.mark.parametrize(
    "text",
    [
        b"cbuiltins\neval\n(S'1'\ntR.",
        b"cnumpy\nload\n(S'x'\ntR.",
        b"cnumpy\ndtype\n(S'O8'\ntR.",
        b"cnumpy\nndarray\n}S'shape'\nI1\nsb.",
        b"cnumpy.core.multiarray\n_reconstruct\n(cnumpy\nndarray\n(I9999999999\ntS'O'\ntR.",
        b"garbage",
        b"",
    ],
)
def test_crafted_and_broken_pickles_are_one_line_errors(tmp_path: Path, text: bytes) -> None:
    file = tmp_path / "x.pkl"
    file.write_bytes(text)
    with pytest.raises(InputError) as caught:
        load_motion(file)
    assert "\n" not in str(caught.value) and "x.pkl" in str(caught.value)


def test_arrays_of_objects_are_refused_in_pickles_and_npz(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="array of object"):
        load_motion(dump(tmp_path / "o.pkl", {"keypoints3d": np.array([{}, 1], dtype=object)}))
    np.savez(tmp_path / "o.npz", joints=np.array([{}, 1], dtype=object), fps=30.0)
    with pytest.raises(InputError, match="cannot be read"):
        load_motion(tmp_path / "o.npz")


def openpose(folder: Path, frames: list[list[np.ndarray]]) -> Path:
    folder.mkdir()
    for i, people in enumerate(frames):
        table = {"version": 1.3, "people": [{"pose_keypoints_2d": p.reshape(-1).tolist()} for p in people]}
        (folder / f"dance_{i:012d}_keypoints.json").write_text(json.dumps(table))
    return folder


def test_openpose_follows_one_person_and_fills_gaps(tmp_path: Path) -> None:
    big = np.column_stack([np.full(25, 100.0), np.linspace(0, 200, 25), np.full(25, 0.8)])
    small = np.column_stack([np.full(25, 300.0), np.linspace(50, 100, 25), np.full(25, 0.9)])
    frames = [[small, big], [big + np.array([1, 0, 0]), small], [], [small, big + np.array([3, 0, 0])]]
    motion = load_motion(openpose(tmp_path / "op", frames), fps=25.0)
    assert motion.skeleton == "body-25" and motion.fps == 25.0
    assert np.allclose(motion.joints[:, 0, 0], [100, 101, 102, 103])
    assert np.allclose(motion.confidence[:, 0], [0.8 / 1, 0.8, 0.0, 0.8], atol=1e-6)
    assert motion.joints[0, -1, 1] == -200.0


def test_bad_openpose_folders_are_named(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match="json files"):
        load_motion(tmp_path / "empty")
    with pytest.raises(InputError, match="has 54 numbers; expected 75"):
        load_motion(openpose(tmp_path / "coco", [[np.ones((18, 3))]]))
    with pytest.raises(InputError, match="in 0 % of 3 frames"):
        load_motion(openpose(tmp_path / "nobody", [[], [], []]))
    (tmp_path / "text").mkdir()
    (tmp_path / "text" / "a.json").write_text("[1, 2]")
    with pytest.raises(InputError, match="no OpenPose frame"):
        load_motion(tmp_path / "text")


def test_published_arrays_are_known_by_their_width(tmp_path: Path) -> None:
    poses, translation = RNG.normal(0, 0.3, (120, 72)), RNG.normal(size=(120, 3))
    np.save(tmp_path / "aist.npy", smpl_features(poses, translation))
    motion = load_motion(tmp_path / "aist.npy")
    assert motion.skeleton == "smpl-24" and motion.duration_seconds == 2.0
    assert np.allclose(motion.joints, forward_kinematics(poses, translation), atol=1e-5)
    np.save(tmp_path / "tiktok.npy", RNG.uniform(0.1, 1, (60, 75)))
    motion = load_motion(tmp_path / "tiktok.npy")
    assert motion.skeleton == "body-25" and motion.duration_seconds == 2.0


@pytest.mark.parametrize("joints", [17, 23, 24, 25, 33, 83])
@pytest.mark.parametrize("dims", [2, 3])
def test_plain_arrays_are_known_by_their_joints(tmp_path: Path, joints: int, dims: int) -> None:
    np.save(tmp_path / "x.npy", RNG.normal(size=(5, joints, dims)))
    motion = load_motion(tmp_path / "x.npy", fps=20.0)
    assert motion.skeleton.endswith(str(joints)) and motion.fps == 20.0 and motion.joints.shape == (5, joints, dims)


def test_an_npz_with_a_skeleton_need_not_have_a_confidence(tmp_path: Path) -> None:
    joints = RNG.normal(size=(9, 15, 2))
    joints[4, 3] = np.nan
    np.savez(tmp_path / "m.npz", joints=joints, fps=25.0, skeleton="body-15")
    motion = load_motion(tmp_path / "m.npz")
    assert (motion.skeleton, motion.fps) == ("body-15", 25.0)
    assert motion.confidence[4, 3] == 0.0 and np.delete(motion.confidence.ravel(), 4 * 15 + 3).tolist() == [1.0] * (9 * 15 - 1)
    np.savez(tmp_path / "none.npz", joints=joints, skeleton="body-15")
    with pytest.raises(InputError, match="has no 'fps'"):
        load_motion(tmp_path / "none.npz")


def test_gaps_of_nan_are_interpolated_without_confidence(tmp_path: Path) -> None:
    values = np.repeat(np.arange(10.0)[:, None, None], 17, axis=1).repeat(2, axis=2)
    values[3:5] = np.nan
    values[7, 2] = np.inf
    np.save(tmp_path / "gap.npy", values)
    motion = load_motion(tmp_path / "gap.npy")
    assert np.allclose(motion.joints[:, 2, 0], np.arange(10.0))
    assert (motion.confidence[3:5] == 0).all() and motion.confidence[7, 2] == 0 and motion.confidence[7, 3] == 1


@pytest.mark.parametrize(
    ("values", "match"),
    [
        (np.full((10, 17, 3), np.nan), "in 0 % of 10 frames"),
        (np.zeros((0, 17, 3)), "0 frames"),
        (np.zeros((1, 17, 3)), "1 frames"),
        (np.zeros((10, 16, 3)), "expected"),
        (np.zeros((10, 17, 4)), "expected"),
        (np.zeros(10), "expected"),
        (np.zeros((20000, 17, 2)), "at most 10 minutes"),
        (np.array(["a"]), "expected real numbers"),
    ],
)
def test_arrays_that_are_no_motion_are_one_line_errors(tmp_path: Path, values: np.ndarray, match: str) -> None:
    np.save(tmp_path / "bad.npy", values)
    with pytest.raises(InputError, match=match) as caught:
        load_motion(tmp_path / "bad.npy")
    assert "\n" not in str(caught.value)


def test_broken_files_are_one_line_errors(tmp_path: Path) -> None:
    save_motion(Motion(np.zeros((9, 15, 2), np.float32), np.ones((9, 15), np.float32), 30.0, "body-15"), tmp_path / "ok.npz")
    whole = (tmp_path / "ok.npz").read_bytes()
    for name, data in {"cut.npz": whole[:200], "text.npz": b"hello", "empty.npz": b"", "text.npy": b"hello", "empty.npy": b""}.items():
        (tmp_path / name).write_bytes(data)
        with pytest.raises(InputError, match="cannot be read") as caught:
            load_motion(tmp_path / name)
        assert "\n" not in str(caught.value)
    with pytest.raises(InputError, match="does not exist"):
        load_motion(tmp_path / "nothing.npz")
    (tmp_path / "a.mp4").write_bytes(b"x")
    with pytest.raises(InputError, match="unknown kind"):
        load_motion(tmp_path / "a.mp4")
    with pytest.raises(InputError, match="fps: 0"):
        load_motion(tmp_path / "ok.npz", fps=0.0)


def test_npz_with_unknown_content_says_what_it_holds(tmp_path: Path) -> None:
    np.savez(tmp_path / "other.npz", apples=np.zeros(3))
    with pytest.raises(InputError, match="holds apples"):
        load_motion(tmp_path / "other.npz")
    np.savez(tmp_path / "alien.npz", skeleton="cat-4", joints=np.zeros((3, 4, 2)))
    with pytest.raises(InputError, match="'cat-4'"):
        load_motion(tmp_path / "alien.npz")


def test_shared_sequences_are_read() -> None:
    aist, ballroom = sorted((SHARED / "data" / "aistpp").glob("*.npz")), sorted((SHARED / "data" / "ballroom").glob("*.npz"))
    if not aist or not ballroom:
        pytest.skip("the shared motion files are not here; set DANCE2MUSIC_SHARED")
    assert {(m.skeleton, m.fps) for m in map(load_motion, aist)} == {("smpl-24", 60.0)}
    assert {(m.skeleton, m.fps) for m in map(load_motion, ballroom)} == {("ballroom-23", 25.0)}


BODY = np.column_stack([np.full(25, 100.0), np.linspace(0, 200, 25), np.full(25, 0.8)])


def frame(folder: Path, name: str, x: float | None = None, *, others: int = 0) -> None:
    """An OpenPose file: somebody at x, or nobody; beside ``others`` whom nothing is known of."""
    people = [{"pose_keypoints_2d": []} for _ in range(others)]
    if x is not None:
        people.append({"pose_keypoints_2d": (BODY + np.array([x, 0, 0])).reshape(-1).tolist()})
    folder.mkdir(exist_ok=True)
    (folder / name).write_text(json.dumps({"version": 1.3, "people": people}))


def test_openpose_folders_are_taken_as_they_come(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Numbers without zeros before them, numbers without a file, a second person without points, files of other kinds, a torn end."""
    folder = tmp_path / "op"
    for number in range(1, 120):
        if number not in (7, 8, 60):
            frame(folder, f"{number}_keypoints.json", float(number), others=number % 3)
    (folder / "120_keypoints.json").write_text('{"people": [{"pose_key')
    (folder / "._1_keypoints.json").write_bytes(b"\0\5\x16\7")
    (folder / "meta.json").write_text('{"fps": 25}')
    (folder / "notes.txt").write_text("x")
    motion = load_motion(folder, tell_rate=True)
    assert len(motion.joints) == 120
    assert np.allclose(motion.joints[:119, 0, 0] - motion.joints[0, 0, 0], np.arange(119))
    assert np.flatnonzero(motion.confidence[:, 0] == 0).tolist() == [6, 7, 59, 119]
    assert "tells no frame rate; taken as 30 frames/s" in caplog.text
    assert "1 files are no frames and left out (meta.json)" in caplog.text and "1 files are torn" in caplog.text


def test_every_second_openpose_frame_is_half_the_rate(tmp_path: Path) -> None:
    for number in range(100, 200, 2):
        frame(tmp_path / "op", f"a_{number:012d}_keypoints.json", float(number))
    motion = load_motion(tmp_path / "op", fps=50.0)
    assert (len(motion.joints), motion.fps) == (50, 25.0)


def test_openpose_folders_that_are_no_recording_are_named(tmp_path: Path) -> None:
    for name in ("a_1_keypoints.json", "b_1_keypoints.json"):
        frame(tmp_path / "two", name, 1.0)
    with pytest.raises(InputError, match="are both frame 1; expected one recording"):
        load_motion(tmp_path / "two")
    for name in ("1.json", "2.json", "999999999.json"):
        frame(tmp_path / "far", name, 1.0)
    with pytest.raises(InputError, match="frames 1 to 999999999; expected at most"):
        load_motion(tmp_path / "far")
    (tmp_path / "deep").mkdir()
    (tmp_path / "deep" / "1.json").write_text("[" * 100_000)
    with pytest.raises(InputError, match="no OpenPose frame"):
        load_motion(tmp_path / "deep")


@pytest.mark.parametrize(
    ("shape", "joints"),
    [((12, 72), 24), ((12, 24, 3), 24), ((12, 66), 22), ((12, 52, 3), 22), ((12, 156), 22), ((12, 165), 22), ((1, 12, 72), 24)],
)
def test_smpl_poses_of_every_usual_shape_are_read(tmp_path: Path, shape: tuple[int, ...], joints: int) -> None:
    flat = RNG.normal(0, 0.4, (12, 72))
    flat[:, 3 * joints :] = 0
    whole = np.concatenate([flat[:, : 3 * joints], RNG.normal(size=(12, 200))], axis=1)[:, : int(np.prod(shape)) // 12]
    translation = RNG.normal(size=(12, 3))
    given = translation[None] if shape[0] == 1 else translation
    np.savez(tmp_path / "s.npz", smpl_poses=whole.reshape(shape), smpl_trans=given, fps=30)
    motion = load_motion(tmp_path / "s.npz")
    assert motion.fps == 30.0 and np.allclose(motion.joints, forward_kinematics(flat, translation), atol=1e-5)
    parameters = load_smpl(tmp_path / "s.npz")
    assert parameters is not None and np.allclose(parameters[0], flat) and parameters[3] == 30.0


def test_amass_stands_upright(tmp_path: Path) -> None:
    poses = np.zeros((12, 156))
    poses[:, 0] = np.pi / 2  # its people stand along z
    np.savez(tmp_path / "amass.npz", poses=poses, trans=np.zeros((12, 3)), mocap_framerate=120.0, betas=np.zeros(16))
    motion = load_motion(tmp_path / "amass.npz")
    head, foot = motion.joints[0, 15], motion.joints[0, 10]
    assert motion.fps == 120.0 and head[1] - foot[1] > 1.4


@pytest.mark.parametrize("fps", [0.0, -3.0, np.nan, np.inf, 1e9, "30", [30, 30]])
def test_a_rate_that_is_none_is_named_and_not_replaced(tmp_path: Path, fps: Any) -> None:
    path = tmp_path / "m.npz"
    np.savez(path, joints=RNG.normal(size=(40, 17, 2)), fps=fps)
    with pytest.raises(InputError, match=r"m\.npz: fps .*; give --fps"):
        load_motion(path)
    assert load_motion(path, fps=20.0).fps == 20.0


def test_odd_smpl_shapes_are_named_with_the_file(tmp_path: Path) -> None:
    for n, (poses, translation) in enumerate((((12, 70), (12, 3)), ((12, 72), (11, 3)), ((12,), (12, 3)), ((0, 72), (0, 3)))):
        np.savez(tmp_path / f"{n}.npz", smpl_poses=np.zeros(poses), smpl_trans=np.zeros(translation))
        with pytest.raises(InputError, match=rf"{n}\.npz: smpl_poses \("):
            load_motion(tmp_path / f"{n}.npz")


def bomb(kind: str) -> bytes:
    """Pickles of a few hundred bytes that take gigabytes or hours where they are compared, printed or unfolded."""
    doubled = b"]q\0" + b"".join(b"h" + bytes([n]) + b"h" + bytes([n]) + b"\x86q" + bytes([n + 1]) for n in range(60))
    last = b"h" + bytes([60])
    return {
        "as a key": b"}" + doubled + last + b"K\1s.",
        "as a dtype": b"cnumpy\ndtype\n" + doubled + last + b"\x85R.",
        "as a value": b"}X\6\0\0\0joints" + doubled + last + b"s.",
        "as itself": b"}X\6\0\0\0joints]q\0h\0as.",
        "as lists": b"}X\6\0\0\0joints" + b"]" * 200 + b"a" * 199 + b"s.",
    }[kind]


@pytest.mark.parametrize("kind", ["as a key", "as a dtype", "as a value", "as itself", "as lists"])
def test_pickle_bombs_cost_nothing(tmp_path: Path, kind: str) -> None:
    (tmp_path / "bomb.pkl").write_bytes(bomb(kind))
    begun, before = time.perf_counter(), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises(InputError, match=r"bomb\.pkl"):
        load_motion(tmp_path / "bomb.pkl")
    assert time.perf_counter() - begun < 2.0 and resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 100_000


def test_an_npz_that_unpacks_to_gigabytes_is_refused(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "bomb.npz", "w", zipfile.ZIP_DEFLATED) as archive, archive.open("joints.npy", "w") as member:
        for _ in range(300):
            member.write(bytes(1 << 20))
    with pytest.raises(InputError, match=r"unpacks to 31\d MB"):
        load_motion(tmp_path / "bomb.npz")


def test_a_pipe_in_a_motion_file_s_place_is_refused_and_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "m.npz")
    with pytest.raises(InputError, match="no file that can be read twice"):
        load_motion(tmp_path / "m.npz")

"""Tiny data sets in the layouts in which the real ones unpack."""

from __future__ import annotations

import pickle
import tempfile
from functools import cache
from pathlib import Path

import numpy as np

from dance2music.music.audio import save_wav
from dance2music.synthetic.drawing import draw_video, example_dance
from dance2music.types import Audio
from dance2music.video.mux import mux

SAMPLE_RATE = 22050


def music(seconds: float, seed: int, *, sample_rate: int = SAMPLE_RATE) -> Audio:
    """Noise in pulses: every seed another."""
    rng = np.random.default_rng(seed)
    t = np.arange(round(seconds * sample_rate)) / sample_rate
    pulse = np.exp(-6 * (t % 0.5))
    return Audio((0.3 * pulse * rng.normal(size=len(t)))[None].clip(-1, 1).astype(np.float32), sample_rate)


def write_music(path: Path, seconds: float, seed: int) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    save_wav(music(seconds, seed), path)
    return path


def write_pickle(path: Path, table: object) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(pickle.dumps(table, protocol=4))
    return path


def smpl_parameters(frames: int, seed: int) -> dict[str, np.ndarray]:
    """A table as in ``motions/*.pkl`` of AIST++: float32 poses, translation in the units of its cameras, scaling [1]."""
    rng = np.random.default_rng(seed)
    swing = np.sin(2 * np.pi * np.arange(frames)[:, None] / 45 + rng.uniform(0, 6, (1, 72)))
    return {
        "smpl_poses": (0.3 * swing).astype(np.float32),
        "smpl_trans": (90.0 * (np.ones((frames, 3)) + 0.1 * swing[:, :3])).astype(np.float32),
        "smpl_scaling": np.array([92.5], dtype=np.float32),
        "smpl_loss": np.float64(0.5),
    }


@cache
def _drawn(seconds: float) -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        silent, sounding = Path(folder) / "silent.mp4", Path(folder) / "sounding.mp4"
        draw_video(example_dance(seconds)[0], silent, size=(160, 120), fps=30.0, seed=1)
        mux(silent, music(seconds, 77, sample_rate=44100), sounding)
        return sounding.read_bytes()


def write_dance_video(path: Path, seconds: float) -> Path:
    """A drawn dancer with sound."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(_drawn(seconds))
    return path


AIST_SEQUENCES = {
    "train": ("gBR_sBM_cAll_d04_mBR1_ch01", "gBR_sBM_cAll_d05_mBR1_ch02", "gHO_sFM_cAll_d20_mHO3_ch11", "gPO_sBM_cAll_d10_mPO2_ch05"),
    "val": ("gLO_sBM_cAll_d13_mLO2_ch01",),
    "test": ("gLO_sBM_cAll_d14_mLO2_ch02",),
}
"""The second training sequence is on the ignore list; the fourth has no motion; validation and test share a piece, as in AIST++."""


def write_aist(folder: Path, *, seconds: float = 4.5) -> Path:
    """``aist_plusplus_final`` with motions and splits, pieces as wav, and the video of the first sequence."""
    annotations = folder / "aist_plusplus_final"
    for split, names in AIST_SEQUENCES.items():
        path = annotations / "splits" / f"crossmodal_{split}.txt"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("".join(f"{name}\n" for name in names))
    (annotations / "ignore_list.txt").write_text(f"{AIST_SEQUENCES['train'][1]}\n")
    for i, name in enumerate(name for names in AIST_SEQUENCES.values() for name in names):
        if "mPO2" not in name:
            write_pickle(annotations / "motions" / f"{name}.pkl", smpl_parameters(round(60 * seconds), i))
        write_music(folder / "music" / f"{name.split('_')[4]}.wav", seconds + 3, i)
    write_dance_video(folder / "videos" / "gBR_sBM_c01_d04_mBR1_ch01.mp4", seconds)
    return folder


def write_released(folder: Path, data: str, clips: dict[str, tuple[str, ...]], *, width: int, frames: int) -> Path:
    """The released 2 s layout: lists and ``audio_s2``, ``motion_s2``, ``video_s2`` below ``data``'s folder."""
    root = {"aist": "aistplus", "tiktok": "tiktok"}[data]
    folder.mkdir(parents=True, exist_ok=True)
    for split, names in clips.items():
        inside = f"./{root}/%s_s2/{split}" if data == "aist" else f"./{root}/%s_s2"
        for kind, suffix in (("audio", "wav"), ("motion", "npy"), ("video", "npy")):
            lines = [f"{inside % kind}/{name}.{suffix}" for name in names]
            (folder / f"{data}_{kind}_{split}_segment.txt").write_text("\n".join(lines) + "\n")
        for i, name in enumerate(names):
            seed = sum(name.encode())
            write_music(folder / (inside % "audio") / f"{name}.wav", 2.0, seed)
            rng = np.random.default_rng(seed)
            for kind, values in (("motion", rng.uniform(0, 200, (frames, width))), ("video", np.full((1, 2048), float(i)))):
                path = folder / (inside % kind) / f"{name}.npy"
                path.parent.mkdir(parents=True, exist_ok=True)
                np.save(path, values.astype(np.float32))
    return folder


def write_pairs(folder: Path, names: tuple[str, ...], *, seconds: float = 4.0, first_seed: int = 0) -> Path:
    """Ballroom-like pairs: ``joints`` [T, 23, 3] float16 at 25 fps in npz, music of the same name."""
    folder.mkdir(parents=True, exist_ok=True)
    for i, name in enumerate(names, start=first_seed):
        rng = np.random.default_rng(i)
        rest = rng.uniform(-60, 60, (1, 23, 3))
        sway = 8 * np.sin(np.arange(round(25 * seconds))[:, None, None] / 5 + rng.uniform(0, 6, (1, 23, 3)))
        np.savez(folder / f"{name}.npz", joints=(rest + sway).astype(np.float16), center=np.zeros((len(sway), 3), np.float32), fps=25.0)
        write_music(folder / f"{name}.wav", seconds, 1000 + i)
    return folder

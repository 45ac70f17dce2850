"""What is fuzzed: for every kind of file that people hand in, a whole one, how it is damaged, and what reads it."""

from __future__ import annotations

import json
import pickle
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

import videos
from fuzz.mutate import altered, damaged


@dataclass(frozen=True)
class Kind:
    """A kind of file.

    Attributes
    ----------
    whole : writes a whole one into a folder and gives its path.
    read : reads one, raising InputError or nothing.
    damage : (bytes, seed) -> bytes of a damaged one.
    """

    whole: Callable[[Path], Path]
    read: Callable[[Path], object]
    damage: Callable[[bytes, int], bytes] = damaged


def _pickle(folder: Path) -> Path:
    chance = np.random.default_rng(0)
    table = {"keypoints3d": chance.normal(size=(40, 17, 3)), "smpl_scaling": np.array([93.0]), "fps": 60, "names": ["a", "b"]}
    (folder / "m.pkl").write_bytes(pickle.dumps(table, protocol=2))
    return folder / "m.pkl"


def _npz(folder: Path) -> Path:
    chance = np.random.default_rng(0)
    np.savez_compressed(folder / "m.npz", joints=chance.normal(size=(40, 17, 3)), fps=30.0, confidence=np.ones((40, 17)))
    return folder / "m.npz"


def _npy(folder: Path) -> Path:
    np.save(folder / "m.npy", np.random.default_rng(0).normal(size=(40, 24, 3)))
    return folder / "m.npy"


def _motion(path: Path) -> object:
    from dance2music.dance.motion_files import load_motion

    return load_motion(path)


def _openpose(folder: Path) -> Path:
    people = [{"person_id": [-1], "pose_keypoints_2d": [float(n) for n in range(75)]}] * 2
    (folder / "openpose").mkdir(exist_ok=True)
    for n in range(3):
        (folder / "openpose" / f"{n}.json").write_text(json.dumps({"version": 1.3, "people": people}))
    return folder / "openpose" / "1.json"


def _wav(folder: Path) -> Path:
    from dance2music.music.audio import save_wav
    from dance2music.types import Audio

    save_wav(Audio(np.sin(np.arange(9000) / 20)[None].astype(np.float32), 22050), folder / "a.wav")
    return folder / "a.wav"


def _compressed(suffix: str) -> Callable[[Path], Path]:
    def whole(folder: Path) -> Path:
        from dance2music.music.audio import save_audio
        from dance2music.types import Audio

        save_audio(Audio(np.sin(np.arange(24000) / 20)[None].astype(np.float32) * 0.3, 48000), folder / f"a{suffix}")
        return folder / f"a{suffix}"

    return whole


def _sound(path: Path) -> object:
    from dance2music.music.audio import load_audio

    return load_audio(path, sample_rate=22050)


def _midi(folder: Path) -> Path:
    from dance2music.composer.compose import compose_corpus_piece
    from dance2music.music.midi import save_midi

    save_midi(compose_corpus_piece(3, duration_seconds=4.0), folder / "a.mid")
    return folder / "a.mid"


def _read_midi(path: Path) -> object:
    from dance2music.music.midi import load_midi

    return load_midi(path)


def _soundfont(folder: Path) -> Path:
    """One preset, one instrument, one sample of a sine."""

    def chunk(name: bytes, data: bytes) -> bytes:
        return name + len(data).to_bytes(4, "little") + data + b"\0" * (len(data) % 2)

    from dance2music.music import soundfont

    tables = {
        b"phdr": [(b"one", 0, 0, 0, 0, 0, 0), (b"EOP", 0, 0, 1, 0, 0, 0)],
        b"pbag": [(0, 0), (1, 0)], b"pgen": [(41, 0), (0, 0)],
        b"inst": [(b"one", 0), (b"EOI", 1)], b"ibag": [(0, 0), (3, 0)], b"igen": [(54, 1), (58, 60), (53, 0), (0, 0)],
        b"shdr": [(b"sine", 0, 2000, 100, 1900, 22050, 60, 0, 0, 1), (b"EOS", 0, 0, 0, 0, 0, 0, 0, 0, 0)],
    }  # fmt: skip
    data = b"".join(chunk(name, np.array(rows, dtype=soundfont._TABLES[name]).tobytes()) for name, rows in tables.items())
    samples = (np.sin(np.arange(2046) / 10) * 20000).astype("<i2").tobytes()
    body = b"sfbk" + chunk(b"LIST", b"sdta" + chunk(b"smpl", samples)) + chunk(b"LIST", b"pdta" + data)
    (folder / "a.sf2").write_bytes(chunk(b"RIFF", body))
    return folder / "a.sf2"


def _play(path: Path) -> object:
    from dance2music.music.soundfont import open_soundfont

    font = open_soundfont(str(path))
    open_soundfont.cache_clear()
    return [font.note(22050, bank=0, program=0, pitch=pitch, velocity=90, seconds=0.5) for pitch in (30, 60, 100)]


def _model(folder: Path) -> Path:
    from dance2music.checkpoint import save_model
    from dance2music.codec.quantizer import CodebookConfig, ResidualQuantizerConfig
    from dance2music.codec.spectral import SpectralCodec, SpectralCodecConfig

    books = ResidualQuantizerConfig(n_codebooks=1, codebook=CodebookConfig(size=8, dim=8))
    config = SpectralCodecConfig(
        dim=8, n_mels=10, n_fft=64, hop_length=32, encoder_width=8, encoder_depth=1, decoder_width=8, decoder_depth=1, quantizer=books
    )
    save_model(folder / "m.safetensors", SpectralCodec(config), config)
    return folder / "m.safetensors"


def _read_model(path: Path) -> object:
    from dance2music.checkpoint import load_model

    return load_model(path)


def resigned(data: bytes, seed: int) -> bytes:
    """A model or take file whose metadata was altered by somebody who worked the digest out again."""
    from safetensors.torch import load, save

    from dance2music.checkpoint import content_digest

    length = int.from_bytes(data[:8], "little")
    metadata = dict(json.loads(data[8 : 8 + length])["__metadata__"])
    name = "take" if "take" in metadata else "config"
    tensors = load(data)
    metadata[name] = altered(metadata[name], seed)
    keys = ("format", "take") if name == "take" else ("format", "kind", "config", "provenance")
    try:
        metadata["digest"] = content_digest(tensors, metadata, keys)
        return save(tensors, metadata=metadata)
    except (UnicodeEncodeError, ValueError, TypeError):  # no text: no such file can be written
        return data


def _take(folder: Path) -> Path:
    from dance2music.generation import pipeline
    from dance2music.synthetic.drawing import example_dance
    from dance2music.takes.methods import load_method
    from dance2music.takes.take import make_takes

    conditioning = pipeline.condition(example_dance(3.0)[0], genre="house", tempo_bpm=120.0)
    take = make_takes(load_method("composer"), conditioning, seeds=[1])[0]
    take.save(folder / "a.take")
    return folder / "a.take"


def _read_take(path: Path) -> object:
    from dance2music.takes.take import load_take

    take = load_take(path)
    return take.music, take.conditioning


def _torch(folder: Path) -> Path:
    import torch

    torch.save({"model": {"a.weight": torch.ones(30, 20), "b": torch.zeros(7)}}, folder / "w.pt")
    return folder / "w.pt"


def _read_torch(path: Path) -> object:
    from dance2music.checkpoint import read_torch_state

    return read_torch_state(path)


def _read_checkpoint(path: Path) -> object:
    import torch

    from dance2music.train.checkpoints import CHECKPOINT, read_checkpoint

    path.replace(path.with_name(CHECKPOINT))
    return read_checkpoint(path.parent, device=torch.device("cpu"))


def _video(name: str, **settings: Any) -> Callable[[Path], Path]:
    def whole(folder: Path) -> Path:
        return videos.write_video(folder / name, seconds=1.2, **settings)

    return whole


def _watch(path: Path) -> object:
    from dance2music.types import Audio
    from dance2music.video.frames import check_mux, mux, probe, read_frames

    info = probe(path)
    out = path.with_name("out.mkv" if path.suffix == ".mkv" else "out.mp4")
    check_mux(info, out)
    for _ in read_frames(info):
        pass
    mux(info, Audio(np.zeros((1, 22050), np.float32), 22050), out)
    return info


def _json_text(data: bytes, seed: int) -> bytes:
    return altered(data.decode(), seed).encode("utf-8", "surrogatepass")


def _manifest(folder: Path) -> Path:
    from dance2music.data.manifest import MANIFEST

    row = {
        "name": "clip", "song": "song", "split": "train", "genre": "house", "tempo_bpm": 120.0, "duration_seconds": 4.0,
        "segments": [1, 2], "features": "clips/clip.npz", "arrays": {"audio": [88200], "smpl": [240, 219], "flow": [240, 8]},
        "sources": {"music": "a.wav"}, "music_sha256": "0", "key": "0", "codes": {},
    }  # fmt: skip
    (folder / "clips").mkdir(exist_ok=True)
    np.savez(
        folder / "clips" / "clip.npz",
        audio=np.zeros(88200, np.float32),
        smpl=np.zeros((240, 219), np.float32),
        flow=np.zeros((240, 8), np.float32),
    )
    (folder / MANIFEST).write_text(json.dumps(row) + "\n")
    return folder / MANIFEST


def _read_manifest(path: Path) -> object:
    from dance2music.data.dataset import PreparedSegments

    data = PreparedSegments(path.parent)
    return data[0]


def _composed(folder: Path) -> Path:
    row = {"name": "clip", "song": "s", "seed": 3, "split": "train", "audio": "clip.wav", "motion": "clip.npz", "genre": "house",
           "tempo_bpm": 120.0, "beat_times_seconds": [0.5, 1.0]}  # fmt: skip
    (folder / "manifest.jsonl").write_text(json.dumps(row) + "\n")
    return folder / "manifest.jsonl"


def _read_composed(path: Path) -> object:
    from dance2music.data.composed import list_composed

    return list_composed(path.parent)


def _taps(folder: Path) -> Path:
    (folder / "taps.txt").write_text("0.5\n1.0\n1.5 # three\n\n2.0\n2.5\n")
    return folder / "taps.txt"


def _read_taps(path: Path) -> object:
    from dance2music.rhythm.choices import read_taps

    return read_taps(path)


def _results(folder: Path) -> Path:
    from dance2music.evaluation.results import save_results
    from results_example import results

    columns = {"beat_f_70ms": (0.5, 0.6, 0.7), "loudness_lufs": (-14.0, -13.0, -15.0)}
    save_results(results("ours", columns), folder / "results.json")
    return folder / "results.json"


def _read_results(path: Path) -> object:
    from dance2music.evaluation.results import load_results
    from dance2music.experiments.compare import compare

    return compare(load_results(path), load_results(path))


def _key(folder: Path) -> Path:
    from dance2music.listening.build import KEY_FORMAT, KEY_VERSION

    media = {"a": {"beeps": 0, "clip": "c", "source": "ours"}, "b": {"beeps": 0, "clip": "c", "source": "cmt"}}
    trials = [{"training": False, "part": "preference", "samples": ["a", "b"]}, {"training": False, "part": "quality", "samples": ["a"]}]
    key = {"format": KEY_FORMAT, "version": KEY_VERSION, "test": "t", "media": media, "sessions": [trials],
           "config": {"parts": ["quality"]}, "methods": ["ours", "cmt"], "clips": {"c": 3.0}}  # fmt: skip
    (folder / "key.json").write_text(json.dumps(key))
    return folder / "key.json"


def _read_key(path: Path) -> object:
    from dance2music.listening.score import RESULT_FORMAT, RESULT_VERSION, score

    answers = [{"trial": 0, "answer": "A", "samples": ["a", "b"]}, {"trial": 1, "answer": 4, "samples": ["a"]}]
    result = {"format": RESULT_FORMAT, "version": RESULT_VERSION, "test": "t", "listener": 1, "session": "s", "answers": answers}
    path.with_name("answer.json").write_text(json.dumps(result))
    return score([path.with_name("answer.json")], path)


KINDS: dict[str, Kind] = {
    "pkl": Kind(_pickle, _motion),
    "npz": Kind(_npz, _motion),
    "npy": Kind(_npy, _motion),
    "openpose": Kind(_openpose, lambda path: _motion(path.parent), _json_text),
    "wav": Kind(_wav, _sound),
    "flac": Kind(_compressed(".flac"), _sound),
    "mp3": Kind(_compressed(".mp3"), _sound),
    "m4a": Kind(_compressed(".m4a"), _sound),
    "mid": Kind(_midi, _read_midi),
    "sf2": Kind(_soundfont, _play),
    "model": Kind(_model, _read_model),
    "model-signed": Kind(_model, _read_model, resigned),
    "take": Kind(_take, _read_take, resigned),
    "pt": Kind(_torch, _read_torch),
    "checkpoint": Kind(_torch, _read_checkpoint),
    "mp4": Kind(_video("a.mp4", b_frames=2), _watch),
    "mkv": Kind(_video("a.mkv"), _watch),
    "ts": Kind(_video("a.ts", start_seconds=5.0), _watch),
    "avi": Kind(_video("a.avi", codec="mpeg4"), _watch),
    "manifest": Kind(_manifest, _read_manifest, _json_text),
    "composed": Kind(_composed, _read_composed, _json_text),
    "taps": Kind(_taps, _read_taps),
    "results": Kind(_results, _read_results, _json_text),
    "key": Kind(_key, _read_key, _json_text),
}

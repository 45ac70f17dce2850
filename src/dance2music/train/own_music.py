"""A user's own music to train codecs on: the clips of a prepared folder, or the sound files of any folder."""

from __future__ import annotations

import hashlib
import logging
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from dance2music.data.dataset import mapped_npz
from dance2music.data.folder import drawn_split
from dance2music.data.lists import files_by_stem
from dance2music.data.manifest import MANIFEST, MUSIC_SUFFIXES, SAMPLE_RATE, read_manifest
from dance2music.errors import InputError
from dance2music.files import whole_file
from dance2music.scale.table import is_sharded
from dance2music.seeds import HELD_OUT_PIECES

logger = logging.getLogger(__name__)

_FULL_SCALE = 32767.0
_LEAST_SECONDS = 2.0
_LOOKED_AT = 8


@dataclass(frozen=True)
class OwnMusic:
    """`train.pieces.Pieces` of a user's music: seed ``s`` is the recording ``s`` modulo their number, cut at a place that it draws.

    Attributes
    ----------
    learnt, held_out : files of mono music: of a prepared clip (``.npz`` with ``audio`` int16 [N]), or int16 [N] as ``.npy``.
    """

    learnt: tuple[Path, ...]
    held_out: tuple[Path, ...]

    def __call__(self, seed: int, seconds: float, sample_rate: int) -> np.ndarray:
        """float32 [N] of ``seconds``; a recording that is shorter is repeated. Seeds from `seeds.HELD_OUT_PIECES` on are held out."""
        return self.cut(seed, round(seconds * sample_rate)).astype(np.float32) / np.float32(_FULL_SCALE)

    def cut(self, seed: int, n: int) -> np.ndarray:
        """int16 [n] of the recording of a seed."""
        held_out = seed >= HELD_OUT_PIECES
        files = self.held_out if held_out else self.learnt
        whole = _samples(files[(seed - HELD_OUT_PIECES if held_out else seed) % len(files)])
        start = int(np.random.default_rng(seed).integers(max(1, len(whole) - n + 1)))
        return np.asarray(np.resize(whole[start : start + n], n))

    def fingerprint(self) -> str:
        """What tells this music from other in a checkpoint: numbers of recordings, and a digest of their names and of some, whole."""
        digest = hashlib.sha256()
        for files in (self.learnt, self.held_out):
            digest.update("\n".join(file.stem for file in files).encode(errors="surrogateescape"))
            for file in files[:: max(1, len(files) // _LOOKED_AT)]:
                digest.update(_samples(file).tobytes())
        return f"{len(self.learnt)} recordings to learn from, {len(self.held_out)} held out, {digest.hexdigest()[:12]}"


def own_music(data: str | Path, folder: Path, sample_rate: int) -> OwnMusic:
    """Music of a folder that ``data prepare`` made, or of a folder of sound files, which are read into ``folder`` once.

    Songs of the training split are learnt from, those of validation and test are held out; of a plain folder by `data.folder.drawn_split`.
    Where nothing is held out, what is learnt from is measured on, and that is said.

    Raises
    ------
    InputError
        If the codec has another sampling rate, there is no music, or none to learn from.
    """
    data = Path(data)
    if sample_rate != SAMPLE_RATE:
        raise InputError(f"{data}: prepared music has {SAMPLE_RATE} Hz; expected a codec of that rate, not of {sample_rate} Hz")
    if is_sharded(data):
        raise InputError(f"{data}: holds shards; expected a folder with a file per clip; make one with 'dance2music data unpack'")
    if (data / MANIFEST).is_file():
        split = [(data / row.features, row.split) for row in read_manifest(data)]
    elif data.is_dir():
        split = [(file, drawn_split(file.stem)) for file in _read_all(data, folder)]
    else:
        raise InputError(f"{data}: no such folder; expected one of 'data prepare' or of music; check the path")
    learnt = tuple(file for file, name in split if name == "train")
    held_out = tuple(file for file, name in split if name != "train")
    if not learnt:
        raise InputError(f"{data}: has no music to learn from; expected some in the training split ({', '.join(MUSIC_SUFFIXES)})")
    logger.info("%s: %d recordings to learn from, %d held out", data, len(learnt), len(held_out))
    if not held_out:
        logger.warning("%s: nothing is held out; held-out scores are of music that the codec learns from", data)
    return OwnMusic(learnt, held_out or learnt)


def _read_all(data: Path, folder: Path) -> list[Path]:
    """Sound files as int16 arrays in ``folder``; what cannot be read is left out, and said."""
    from dance2music.music.audio import load_audio

    folder.mkdir(parents=True, exist_ok=True)
    made = []
    for name, path in sorted(files_by_stem(data, MUSIC_SUFFIXES).items()):
        target = folder / f"{name}.npy"
        if not target.exists():
            try:
                samples = load_audio(path, sample_rate=SAMPLE_RATE).samples[0]
            except InputError as error:
                logger.warning("left out: %s", error)
                continue
            if len(samples) < _LEAST_SECONDS * SAMPLE_RATE:
                logger.warning("left out: %s lasts less than %g s", path, _LEAST_SECONDS)
                continue
            with whole_file(target) as temporary, temporary.open("wb") as stream:
                np.save(stream, np.round(samples * (_FULL_SCALE / max(float(np.abs(samples).max()), 1e-4))).astype(np.int16))
        made.append(target)
    return made


def _samples(file: Path) -> np.ndarray:
    """int16 [N], mapped from disk."""
    return np.asarray(np.load(file, mmap_mode="r") if file.suffix == ".npy" else mapped_npz(file)["audio"])

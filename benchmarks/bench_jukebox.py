"""What JukeBox's VQ-VAE keeps of music at hops 8, 32 and 128, with its decoders before and after fine-tuning. Prints tables.

    python benchmarks/bench_jukebox.py [--vqvae FILE] [--pieces 32] [--music FOLDER] [--pictures FOLDER]

- Music: ``--pieces`` held-out composed pieces of 10 s, and the middle 10 s of the sound files of ``--music``, at a peak of 0.7.
- Distances: log-mel L1 (natural logarithm), SI-SDR, multi-resolution STFT (`metrics.quality`); means ± standard error.
- Bit rate: of all codes, and of their entropy over all of the music; codes in use: how many of the codebook occur.
- Time: of 10 s through encoder and decoder with ``--threads``.
"""

from __future__ import annotations

import argparse
import math
import time
from pathlib import Path

import numpy as np
import torch

from dance2music.checkpoint import load_embedded, load_model
from dance2music.codec.vqvae import VQVAE, one_level
from dance2music.files import whole_file
from dance2music.metrics.quality import log_mel_l1, multi_resolution_stft, si_sdr_db
from dance2music.music.audio import load_audio
from dance2music.train.pieces import HELD_OUT_SEED, composed_piece

PEAK = 0.7
SECONDS = 10.0


def scores(codec: VQVAE, audio: np.ndarray) -> tuple[dict[str, float], np.ndarray, np.ndarray]:
    """Distances of audio float32 [N] from itself after coding and decoding; the decoded audio; its codes [L]."""
    with torch.no_grad():
        codes = codec.code(torch.from_numpy(audio)[None])
        heard = codec.decode(codec.lookup(codes), len(audio))[0].numpy()
    distances = {
        "log-mel L1": log_mel_l1(audio, heard, codec.sample_rate),
        "SI-SDR, dB": si_sdr_db(audio, heard),
        "multi-resolution STFT": multi_resolution_stft(audio, heard),
    }
    return distances, heard, codes[0, 0].numpy()


def composed(n: int, sample_rate: int) -> list[np.ndarray]:
    """Held-out composed pieces."""
    return [at_peak(composed_piece(HELD_OUT_SEED + i, SECONDS, sample_rate)) for i in range(n)]


def recorded(folder: Path, sample_rate: int) -> list[np.ndarray]:
    """The middle of each sound file of a folder."""
    found = []
    for file in sorted(p for p in folder.iterdir() if p.suffix in (".wav", ".ogg", ".flac", ".mp3")):
        audio = load_audio(file, sample_rate=sample_rate).samples[0]
        first = max(0, (len(audio) - round(SECONDS * sample_rate)) // 2)
        found.append(at_peak(audio[first : first + round(SECONDS * sample_rate)]))
    return found


def at_peak(audio: np.ndarray) -> np.ndarray:
    """The same, as loud as every codec here is measured."""
    return (audio * (PEAK / max(float(np.abs(audio).max()), 1e-4))).astype(np.float32)


def row(codec: VQVAE, pieces: list[np.ndarray]) -> str:
    """The measured columns of a row of the table."""
    measured, codes = [], []
    for piece in pieces:
        distances, _, written = scores(codec, piece)
        measured.append(list(distances.values()))
        codes.append(written)
    values = np.array(measured)
    errors = values.std(axis=0, ddof=1) / len(values) ** 0.5
    counts = np.bincount(np.concatenate(codes), minlength=codec.codebook_size)
    shares = counts[counts > 0] / counts.sum()
    per_second = codec.sample_rate / codec.hop_length
    rate, used = per_second * math.log2(codec.codebook_size), -per_second * float((shares * np.log2(shares)).sum())
    cells = [f"{mean:.{digits}f} ± {error:.{digits}f}" for mean, error, digits in zip(values.mean(axis=0), errors, (3, 2, 3))]
    return " | ".join([*cells, str(int((counts > 0).sum())), f"{rate:.0f}", f"{used:.0f}"])


def seconds_of(codec: VQVAE, audio: np.ndarray) -> tuple[float, float]:
    """Wall seconds of encoder and codebook, and of the decoder."""
    sound = torch.from_numpy(audio)[None]
    with torch.no_grad():
        codes = codec.code(sound)
        started = time.perf_counter()
        codec.code(sound)
        coded = time.perf_counter()
        codec.decode(codec.lookup(codes))
        return coded - started, time.perf_counter() - coded


def picture(whole: VQVAE, audio: np.ndarray, path: Path) -> None:
    """Mel-spectrograms of a piece and of what each hop and stage makes of it."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    from dance2music.codec.mel import log_mel

    heard = {"original": audio}
    for level in whole.config.levels:
        for stage, untuned in (("before", True), ("after", False)):
            heard[f"hop {whole.config.hop_length_of(level)}, {stage} fine-tuning"] = scores(
                one_level(whole, level, untuned=untuned), audio
            )[1]
    figure = Figure(figsize=(14, 2 * len(heard)), layout="constrained")
    FigureCanvasAgg(figure)
    for axes, (name, sound) in zip(figure.subplots(len(heard), 1, sharex=True), heard.items()):
        bands = log_mel(torch.from_numpy(sound)[None], whole.sample_rate)[0].numpy()
        axes.imshow(bands, origin="lower", aspect="auto", cmap="magma", vmin=-9, vmax=3)
        axes.set(ylabel="mel band", title=name)
    with whole_file(path) as temporary:
        figure.savefig(temporary, dpi=70)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--vqvae", type=Path, help="model file with all levels; default: the embedded one")
    parser.add_argument("--pieces", type=int, default=32, help="held-out composed pieces")
    parser.add_argument("--music", type=Path, help="folder with sound files to measure as well")
    parser.add_argument("--pictures", type=Path, help="folder for mel-spectrograms of the first piece of each kind, to look at")
    parser.add_argument("--threads", type=int, default=2)
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    whole = load_model(arguments.vqvae, expected="vqvae") if arguments.vqvae else load_embedded("jukebox_vqvae", expected="vqvae")
    assert isinstance(whole, VQVAE)
    music = {"composed": composed(arguments.pieces, whole.sample_rate)}
    if arguments.music:
        music[arguments.music.name] = recorded(arguments.music, whole.sample_rate)
    print("| music | n | hop | decoder | log-mel L1 | SI-SDR, dB | multi-resolution STFT | codes in use | bit/s | bit/s by entropy |")
    print("|---|---|---|---|---|---|---|---|---|---|")
    for name, pieces in music.items():
        for level in whole.config.levels:
            for stage, untuned in (("before", True), ("after", False)):
                codec = one_level(whole, level, untuned=untuned)
                print(f"| {name} | {len(pieces)} | {codec.hop_length} | {stage} | {row(codec, pieces)} |", flush=True)
    print(f"\n10 s, {arguments.threads} threads\n| hop | parameters | encoded, s | decoded, s |\n|---|---|---|---|")
    for level in whole.config.levels:
        codec = one_level(whole, level)
        coded, decoded = seconds_of(codec, music["composed"][0])
        print(f"| {codec.hop_length} | {sum(p.numel() for p in codec.parameters())} | {coded:.2f} | {decoded:.2f} |")
    if arguments.pictures:
        arguments.pictures.mkdir(parents=True, exist_ok=True)
        for name, pieces in music.items():
            picture(whole, pieces[0], arguments.pictures / f"{name}.png")


if __name__ == "__main__":
    main()

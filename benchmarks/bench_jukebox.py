"""What JukeBox's VQ-VAE keeps of music at hops 8, 32 and 128, with its decoders before and after fine-tuning. Prints tables.

    python benchmarks/bench_jukebox.py [--vqvae FILE] [--pieces 32] [--music FOLDER] [--files 0] [--seconds 10]

- Music: ``--pieces`` held-out composed pieces of ``--seconds``, and as much from the middle of ``--files`` of the sound files of
  ``--music``, at a peak of 0.7.
- Distances: log-mel L1 (natural logarithm), SI-SDR, multi-resolution STFT (`metrics.quality`); means ± standard error.
- Bit rate: of all codes, and of their entropy over all of the music; codes in use: how many of the codebook occur.
- Hum: `metrics.sound.frame_rate_comb` of originals and of what is decoded, at the rates of strides of 8 to 128 samples, dB.
- Time: of one piece through encoder and decoder with ``--threads``. ``--pictures FOLDER`` draws mel-spectrograms of a piece of each kind.
"""

from __future__ import annotations

import argparse
import math
import time
from pathlib import Path

import numpy as np
import torch

from dance2music.checkpoint import load_embedded, load_model
from dance2music.codec.vqvae import VQVAE
from dance2music.codec.vqvae_weights import one_level
from dance2music.files import whole_file
from dance2music.metrics.quality import log_mel_l1, multi_resolution_stft, si_sdr_db
from dance2music.metrics.sound import frame_rate_comb
from dance2music.music.audio import load_audio
from dance2music.seeds import HELD_OUT_PIECES
from dance2music.train.pieces import composed_piece
from dance2music.types import Audio

PEAK = 0.7
STRIDES = (8, 16, 32, 64, 128)
"""Products of strides in samples at whose rates a decoder may hum."""
STAGES = {"before": True, "after": False}
"""Whether the decoder is the one before fine-tuning."""


def distances(audio: np.ndarray, heard: np.ndarray, sample_rate: int) -> list[float]:
    """Of decoded from original audio float32 [N], in the order of the table."""
    return [log_mel_l1(audio, heard, sample_rate), si_sdr_db(audio, heard), multi_resolution_stft(audio, heard)]


def decoded(codec: VQVAE, codes: torch.Tensor, n_samples: int) -> np.ndarray:
    """Audio float32 [N] of codes."""
    with torch.no_grad():
        return codec.decode(codec.lookup(codes), n_samples)[0, 0].numpy()


def composed(n: int, seconds: float, sample_rate: int) -> list[np.ndarray]:
    """Held-out composed pieces."""
    return [at_peak(composed_piece(HELD_OUT_PIECES + i, seconds, sample_rate)) for i in range(n)]


def recorded(folder: Path, n: int, seconds: float, sample_rate: int) -> list[np.ndarray]:
    """The middle of ``n`` sound files of a folder, evenly chosen; of all for 0."""
    files = sorted(p for p in folder.iterdir() if p.suffix in (".wav", ".ogg", ".flac", ".mp3"))
    found = []
    for index in np.linspace(0, len(files) - 1, min(n or len(files), len(files))).round().astype(int):
        audio = load_audio(files[index], sample_rate=sample_rate).samples[0]
        first = max(0, (len(audio) - round(seconds * sample_rate)) // 2)
        found.append(at_peak(audio[first : first + round(seconds * sample_rate)]))
    return found


def at_peak(audio: np.ndarray) -> np.ndarray:
    """The same, as loud as every codec here is measured."""
    return (audio * (PEAK / max(float(np.abs(audio).max()), 1e-4))).astype(np.float32)


def rows(whole: VQVAE, level: int, pieces: list[np.ndarray]) -> dict[str, str]:
    """The measured columns of the table for the decoder before and after fine-tuning."""
    codec = one_level(whole, level)
    with torch.no_grad():
        codes = [codec.code(torch.from_numpy(piece)[None, None]) for piece in pieces]
    counts = torch.bincount(torch.cat([code.flatten() for code in codes]), minlength=codec.codebook_size).double().numpy()
    shares = counts[counts > 0] / counts.sum()
    per_second = codec.sample_rate / codec.hop_length
    rate, used = per_second * math.log2(codec.codebook_size), -per_second * float((shares * np.log2(shares)).sum())
    result = {}
    for stage, untuned in STAGES.items():
        decoder = one_level(whole, level, untuned=untuned)
        heard = (decoded(decoder, code, len(piece)) for piece, code in zip(pieces, codes))
        values = np.array([distances(piece, sound, codec.sample_rate) for piece, sound in zip(pieces, heard)])
        errors = values.std(axis=0, ddof=1) / len(values) ** 0.5
        cells = [f"{mean:.{digits}f} ± {error:.{digits}f}" for mean, error, digits in zip(values.mean(axis=0), errors, (3, 2, 3))]
        result[stage] = " | ".join([*cells, str(int((counts > 0).sum())), f"{rate:.0f}", f"{used:.0f}"])
    return result


def hum(pieces: list[np.ndarray], sample_rate: int) -> str:
    """Cells of the table of combs: level at the rate of each of `STRIDES`, mean ± standard error over pieces."""
    cells = []
    for stride in STRIDES:
        levels = np.array([frame_rate_comb(Audio(piece[None], sample_rate), sample_rate / stride).level_db for piece in pieces])
        cells.append(f"{levels.mean():.1f} ± {levels.std(ddof=1) / len(levels) ** 0.5:.1f}")
    return " | ".join(cells)


def seconds_of(codec: VQVAE, audio: np.ndarray) -> tuple[float, float]:
    """Wall seconds of encoder and codebook, and of the decoder."""
    sound = torch.from_numpy(audio)[None, None]
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

    from dance2music.music.mel import log_mel

    heard = {"original": audio}
    for level in whole.config.levels:
        for stage, untuned in STAGES.items():
            codec = one_level(whole, level, untuned=untuned)
            with torch.no_grad():
                codes = codec.code(torch.from_numpy(audio)[None, None])
            heard[f"hop {codec.hop_length}, {stage} fine-tuning"] = decoded(codec, codes, len(audio))
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
    parser.add_argument("--files", type=int, default=0, help="so many of them; 0 for all")
    parser.add_argument("--seconds", type=float, default=10.0, help="length of a piece")
    parser.add_argument("--pictures", type=Path, help="folder for mel-spectrograms of the first piece of each kind, to look at")
    parser.add_argument("--threads", type=int, default=2)
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    whole = load_model(arguments.vqvae, expected="vqvae") if arguments.vqvae else load_embedded("jukebox_vqvae", expected="vqvae")
    assert isinstance(whole, VQVAE)
    music = {"composed": composed(arguments.pieces, arguments.seconds, whole.sample_rate)}
    if arguments.music:
        music[arguments.music.name] = recorded(arguments.music, arguments.files, arguments.seconds, whole.sample_rate)
    print("| music | n | hop | decoder | log-mel L1 | SI-SDR, dB | multi-resolution STFT | codes in use | bit/s | bit/s by entropy |")
    print("|---|---|---|---|---|---|---|---|---|---|")
    for name, pieces in music.items():
        for level in whole.config.levels:
            for stage, cells in rows(whole, level, pieces).items():
                print(f"| {name} | {len(pieces)} | {whole.config.hop_length_of(level)} | {stage} | {cells} |", flush=True)
    print(f"\n| music | n | hop, decoder | {' | '.join(f'{whole.sample_rate / stride:.0f} Hz' for stride in STRIDES)} |")
    print(f"|---|---|---|{'---|' * len(STRIDES)}")
    for name, pieces in music.items():
        print(f"| {name} | {len(pieces)} | original | {hum(pieces, whole.sample_rate)} |")
        for level in whole.config.levels:
            for stage, untuned in STAGES.items():
                codec = one_level(whole, level, untuned=untuned)
                with torch.no_grad():
                    heard = [decoded(codec, codec.code(torch.from_numpy(piece)[None, None]), len(piece)) for piece in pieces]
                print(f"| {name} | {len(pieces)} | {codec.hop_length}, {stage} | {hum(heard, whole.sample_rate)} |", flush=True)
    print(f"\n{arguments.seconds:g} s, {arguments.threads} threads\n| hop | parameters | encoded, s | decoded, s |\n|---|---|---|---|")
    for level in whole.config.levels:
        codec = one_level(whole, level)
        coding, decoding = seconds_of(codec, music["composed"][0])
        print(f"| {codec.hop_length} | {sum(p.numel() for p in codec.parameters())} | {coding:.2f} | {decoding:.2f} |")
    if arguments.pictures:
        arguments.pictures.mkdir(parents=True, exist_ok=True)
        for name, pieces in music.items():
            picture(whole, pieces[0], arguments.pictures / f"{name}.png")


if __name__ == "__main__":
    main()

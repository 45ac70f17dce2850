"""How well and how fast a codec keeps music: log-mel L1, SI-SDR, buzz at its frame rate, bit rate, time. Prints a table and one JSON line.

python benchmarks/bench_codec.py                                   the embedded codec on 64 held-out composed pieces per soundfont
python benchmarks/bench_codec.py --codec runs/codec/latest.safetensors --pieces 16
python benchmarks/bench_codec.py --music FOLDER                    and on the sound files of a folder
python benchmarks/bench_codec.py --codebooks 6                     with the first, coarsest codebooks only
python benchmarks/bench_codec.py --sound --codebooks 6 --threads 1 how it sounds, beside the truth: 8 held-out pieces of drawn soundfonts
"""

from __future__ import annotations

import argparse
import json
import math
import platform
import time
from collections import Counter
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch

from dance2music.checkpoint import load_embedded, load_model, read_provenance
from dance2music.metrics.sound import attack_seconds, frame_rate_comb
from dance2music.music.audio import load_audio
from dance2music.music.synth import find_soundfonts
from dance2music.seeds import HELD_OUT_PIECES
from dance2music.train.codec import coded, reconstruction_scores
from dance2music.train.pieces import composed_piece
from dance2music.types import Audio

SOUND_PIECES = 8


def summary(scores: list[dict[str, float]]) -> dict[str, float]:
    """Means and standard errors over pieces."""
    out: dict[str, float] = {"n": len(scores)}
    for name in scores[0]:
        values = np.array([score[name] for score in scores])
        out[name] = round(float(values.mean()), 4)
        out[f"{name}_se"] = round(float(values.std(ddof=1) / np.sqrt(len(values))), 4) if len(values) > 1 else 0.0
    return out


def used_bits_per_code(codec: Any, pieces: list[np.ndarray]) -> float:
    """Entropy of the codes, mean over codebooks: below log2(codebook size) where some codes are rare."""
    with torch.no_grad():
        codes = torch.cat([codec.quantize(codec.encode(torch.from_numpy(piece)[None, None])).codes for piece in pieces], dim=2)[0]
    entropies = []
    for row in codes:
        counts = np.array(list(Counter(row.tolist()).values()), dtype=float)
        shares = counts / counts.sum()
        entropies.append(float(-(shares * np.log2(shares)).sum()))
    return float(np.mean(entropies))


def seconds_per(function: Any, repeats: int = 5, clock: Any = time.perf_counter) -> float:
    """Median seconds of a call by a clock, after one that warms up."""
    function()
    times = []
    for _ in range(repeats):
        started = clock()
        function()
        times.append(clock() - started)
    return float(np.median(times))


def sound_scores(heard: Audio, codec: Any) -> dict[str, float]:
    """What needs no reference: the comb at the codec's frame rate, and attacks."""
    comb = frame_rate_comb(heard, codec.sample_rate / codec.hop_length)
    return {"comb_db": comb.level_db, "comb_share": comb.share, "attack_ms": 1000 * attack_seconds(heard)}


def print_sound(codec: Any, name: str, arguments: argparse.Namespace) -> None:
    """The table of `benchmarks/RESULTS.md` on how a decoder sounds, and one JSON line: means over pieces, of attacks the median."""
    music = [composed_piece(HELD_OUT_PIECES + i, arguments.seconds, codec.sample_rate) for i in range(arguments.pieces or SOUND_PIECES)]
    music = [piece * np.float32(0.7 / np.abs(piece).max()) for piece in music]
    n_codebooks, truth, scores = arguments.codebooks, [], []
    for piece in music:
        truth.append(sound_scores(Audio(piece[None], codec.sample_rate), codec))
        heard = sound_scores(coded(codec, piece, n_codebooks=n_codebooks), codec)
        scores.append(reconstruction_scores(codec, piece, n_codebooks=n_codebooks) | heard)
    rows = {"truth": summary(truth), name: summary(scores)}
    for label, found in (("truth", truth), (name, scores)):
        rows[label]["attack_ms"] = float(np.nanmedian([score["attack_ms"] for score in found]))
        del rows[label]["attack_ms_se"]
    with torch.no_grad():
        z = torch.zeros(1, codec.dim, round(arguments.seconds * codec.sample_rate / codec.hop_length))
        rows[name]["decode_seconds"] = seconds_per(lambda: codec.decode(z), repeats=9, clock=time.process_time)
    columns = {
        "comb_db": "comb, dB", "comb_share": "share", "log_mel_l1": "log-mel L1 by frame", "averaged_log_mel_l1": "of 8-frame averages",
        "si_sdr_db": "SI-SDR, dB", "attack_ms": "attack, ms", "decode_seconds": f"processor s for {arguments.seconds:g} s",
    }  # fmt: skip
    print(f"| Decoder (n = {len(music)}) | {' | '.join(columns.values())} |\n|{' --- |' * (len(columns) + 1)}")
    for label, row in rows.items():
        print(f"| {label} | {' | '.join(f'{row[key]:.3f}' if key in row else '-' for key in columns)} |")
    print(json.dumps({"bench": "sound of codec", "soundfonts": sorted(find_soundfonts()), "torch": torch.__version__, "scores": rows}))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--codec", help="model file; default: the embedded codec")
    parser.add_argument("--pieces", type=int, help="held-out pieces per soundfont, default 64; with --sound of drawn soundfonts, default 8")
    parser.add_argument("--seconds", type=float, default=10.0, help="length of each piece")
    parser.add_argument("--music", type=Path, help="folder with sound files to measure as well")
    parser.add_argument("--codebooks", type=int, help="keep only the first so many codebooks, 0: do not quantise; default: all")
    parser.add_argument("--sound", action="store_true", help="print how it sounds instead: comb, attacks and levels beside the truth's")
    parser.add_argument("--threads", type=int, default=2)
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    codec: Any = load_model(arguments.codec) if arguments.codec else load_embedded("codec")
    if arguments.sound:
        return print_sound(codec, arguments.codec or "embedded", arguments)

    rows: dict[str, dict[str, float]] = {}
    pooled: list[dict[str, float]] = []
    pieces: list[np.ndarray] = []
    for font in sorted(find_soundfonts()):
        render = partial(composed_piece, soundfont=font)
        music = [render(HELD_OUT_PIECES + i, arguments.seconds, codec.sample_rate) for i in range(arguments.pieces or 64)]
        scores = [reconstruction_scores(codec, piece, n_codebooks=arguments.codebooks) for piece in music]
        rows[f"composed, {font}"] = summary(scores)
        pooled += scores
        pieces += music[:16]
    rows["composed, all"] = summary(pooled)
    if arguments.music:
        files = sorted(p for p in arguments.music.iterdir() if p.suffix in (".wav", ".ogg", ".flac", ".mp3"))
        real = []
        for file in files:
            audio = load_audio(file, sample_rate=codec.sample_rate).samples[0]
            middle = len(audio) // 2
            half = round(arguments.seconds * codec.sample_rate / 2)
            excerpt = audio[max(0, middle - half) : middle + half]
            real.append(reconstruction_scores(codec, excerpt, n_codebooks=arguments.codebooks))
        rows[f"{arguments.music.name} ({len(real)} files)"] = summary(real)

    audio = torch.from_numpy(pieces[0])[None, None]
    with torch.no_grad():
        codes = codec.quantize(codec.encode(audio)).codes[:, : arguments.codebooks or None]
        encode_seconds = seconds_per(lambda: codec.quantize(codec.encode(audio)))
        decode_seconds = seconds_per(lambda: codec.decode(codec.lookup(codes), audio.shape[-1]))
    frame_rate = codec.sample_rate / codec.hop_length
    report = {
        "bench": "codec",
        "codec": arguments.codec or "embedded",
        "parameters": sum(p.numel() for p in codec.parameters()),
        "bits_per_second": round(frame_rate * codes.shape[1] * math.log2(codec.codebook_size)),
        "codebooks": codes.shape[1],
        "used_bits_per_code": round(used_bits_per_code(codec, pieces), 2),
        "encode_seconds": round(encode_seconds, 4),
        "decode_seconds": round(decode_seconds, 4),
        "piece_seconds": arguments.seconds,
        "threads": arguments.threads,
        "machine": platform.processor() or platform.machine(),
        "torch": torch.__version__,
        "step": read_provenance(arguments.codec).get("step") if arguments.codec else None,
        "scores": rows,
    }
    print(f"{'music':28} {'n':>4} {'log-mel L1 (ln)':>17} {'(log10)':>8} {'averaged':>8} {'SI-SDR dB':>15} {'comb dB':>7} {'share':>6}")
    for name, row in rows.items():
        mel, mel_se, ratio, ratio_se = (row[key] for key in ("log_mel_l1", "log_mel_l1_se", "si_sdr_db", "si_sdr_db_se"))
        sound = f"{row['comb_db']:7.1f} {row['comb_share']:6.3f}"
        print(
            f"{name:28} {row['n']:4} {mel:8.3f} ± {mel_se:.3f}  {mel / math.log(10):8.3f} {row['averaged_log_mel_l1']:8.3f} "
            f"{ratio:8.2f} ± {ratio_se:.2f} {sound}"
        )
    rate = report["bits_per_second"]
    print(f"{report['parameters']:,} parameters, {rate} bit/s ({report['used_bits_per_code']} bits used per code)")
    print(f"{arguments.seconds:g} s encoded in {encode_seconds:.3f} s, decoded in {decode_seconds:.3f} s, {arguments.threads} threads")
    print(json.dumps(report))


if __name__ == "__main__":
    main()

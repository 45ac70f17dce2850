"""Time and memory of `dance2music generate`, everything included, on two processors.

    python benchmarks/bench_speed.py [--seconds 10 60] [--methods planned] [--size 1920 1080] [--fps 60] [--runs 3]

Draws the video first (longer ones than 10 s show the same 10 s again and again), then runs the command in a process of its own that may use
two processors, once on the first video to warm up the disk's cache and then ``--runs`` times on each. Prints per length the median of wall
seconds after import (the report's total), seconds per stage, processor seconds after import, which other work on the machine disturbs
less, and peak memory.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from dance2music.takes.methods import DEFAULT

PROCESSORS = 2
DRAWN_SECONDS = 10.0
_WRAPPER = """
import resource, sys
import dance2music.generation.job, torch
from dance2music.cli.main import main
before = resource.getrusage(resource.RUSAGE_SELF)
try:
    main()
finally:
    after = resource.getrusage(resource.RUSAGE_SELF)
    print(after.ru_maxrss, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime, file=sys.stderr)
"""


def draw(path: Path, seconds: float, size: tuple[int, int], fps: float) -> None:
    """A drawn dance as a video file."""
    from dance2music.synthetic.drawing import Look, draw_video, example_dance

    motion, _ = example_dance(seconds)
    draw_video(motion, path, size=size, fps=fps, look=Look())


def repeat(source: Path, path: Path, times: int) -> None:
    """A video that shows another again and again, its pictures copied."""
    import av

    with av.open(str(path), "w") as out:
        stream = None
        for turn in range(times):
            with av.open(str(source)) as video:
                pictures = video.streams.video[0]
                stream = stream or out.add_stream_from_template(pictures, opaque=True)
                assert pictures.duration is not None
                for packet in video.demux(pictures):
                    if packet.dts is not None and packet.pts is not None:
                        packet.pts, packet.dts = packet.pts + turn * pictures.duration, packet.dts + turn * pictures.duration
                        packet.stream = stream
                        out.mux(packet)


def limited() -> None:
    """Allow this process two processors."""
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:PROCESSORS])


def run(video: Path, method: str) -> dict[str, Any]:
    """One run: the report, the peak memory of the process in MiB, and its processor seconds after import."""
    out = video.with_name("out.mp4")
    command = [sys.executable, "-c", _WRAPPER, "generate", str(video), "-o", str(out), "--method", method, "--genre", "house", "--json"]
    environment = {**os.environ, "OMP_NUM_THREADS": str(PROCESSORS)}
    done = subprocess.run(command, capture_output=True, text=True, check=True, preexec_fn=limited, env=environment)
    report: dict[str, Any] = json.loads(done.stdout)[0]
    peak_kib, processor_seconds = done.stderr.split()[-2:]
    return report | {"peak_mib": int(peak_kib) / 1024, "processor_seconds": float(processor_seconds)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, nargs="+", default=[10.0])
    parser.add_argument("--methods", nargs="+", default=[DEFAULT.name])
    parser.add_argument("--size", type=int, nargs=2, default=(1920, 1080))
    parser.add_argument("--fps", type=float, default=60.0)
    parser.add_argument("--runs", type=int, default=3)
    arguments = parser.parse_args()
    rows: list[dict[str, Any]] = []
    with tempfile.TemporaryDirectory() as folder:
        for seconds in arguments.seconds:
            video = Path(folder) / f"dance-{seconds:g}.mp4"
            draw(video, min(seconds, DRAWN_SECONDS), tuple(arguments.size), arguments.fps)
            if seconds > DRAWN_SECONDS:
                drawn = video.rename(video.with_stem("drawn"))
                repeat(drawn, video, round(seconds / DRAWN_SECONDS))
            if not rows:
                run(video, arguments.methods[0])
            for method in arguments.methods:
                reports = [run(video, method) for _ in range(arguments.runs)]
                stages = {name: statistics.median(r["seconds"][name] for r in reports) for name in reports[0]["seconds"]}
                peak = max(r["peak_mib"] for r in reports)
                busy = statistics.median(r["processor_seconds"] for r in reports)
                row: dict[str, Any] = {"seconds": seconds, "method": method, "runs": arguments.runs, "stages": stages, "peak_mib": peak}
                rows.append(row | {"processor_seconds": busy})
                print(json.dumps(rows[-1]), flush=True)
    print(f"\n{arguments.size[0]}x{arguments.size[1]}, {arguments.fps:g} frames/s, {PROCESSORS} processors, {os.uname().machine}")
    print("| length, s | method | total, s | of the length | processor, s | stages | peak memory, MiB |\n|---|---|---|---|---|---|---|")
    for row in rows:
        shown = ", ".join(f"{name} {value:.1f}" for name, value in row["stages"].items() if name != "total")
        total = row["stages"]["total"]
        shares = f"{total:.1f} | {total / row['seconds']:.2f} | {row['processor_seconds']:.1f}"
        print(f"| {row['seconds']:g} | {row['method']} | {shares} | {shown} | {row['peak_mib']:.0f} |")


if __name__ == "__main__":
    main()

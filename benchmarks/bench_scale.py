"""Many machines, measured on this one: `docs/scale.md` holds the figures.

    python benchmarks/bench_scale.py all|workers|deaths|index|reading|bucket|torchrun|plan [--clips 64] [--out runs/bench-scale]

workers   64 drawn clips of 20 s prepared with codes: serial, and on a Ray cluster of two nodes on this machine with 1 and 2 workers.
          Efficiency is the processor time of a clip, what is between clips included, serial over on the cluster; a worker's first clip
          loads everything and is told apart ("with loading" counts it).
deaths    a worker, a node and the driver killed in the middle of the same preparation: the files compared with the serial ones.
index     a manifest of 1,000,000 rows: opened, filtered by split, dealt out to 64 parts, in a process of its own; its seconds and memory.
reading   training segments out of one file per clip and out of shards, items per second and memory; and tars against Arrow.
bucket    an S3 server on this machine: shards prepared into it, 50 steps trained from it; the server away and back in the middle.
torchrun  two nodes on loopback, a process killed in the middle, a node gone for good: losses against those of a run in which none died.
plan      the simulator against measured runs of `workers`.

The extra ``scale`` is needed; for ``bucket`` moto[server] too.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from dance2music.data.maker import Maker, codec_label_of
from dance2music.data.manifest import ClipRow
from dance2music.data.prepare import PrepareConfig, list_clips, make_folders, prepare
from dance2music.parallel import Ray, Serial

COMMAND = [sys.executable, "-m", "dance2music"]
ROWS = 1_000_000
STORE_BYTES = 100_000_000


def files_of(folder: Path) -> dict[str, bytes]:
    """All files of a folder by relative path."""
    return {str(p.relative_to(folder)): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file() and not p.name.startswith(".")}


def corpus(out: Path, clips: int, seconds: float = 6.0) -> Path:
    """Drawn clips to prepare; made once."""
    from dance2music.synthetic.synthetic import write_corpus

    write_corpus(out / f"corpus-{seconds:g}", clips, 0, duration_seconds=seconds, filmed_share=0.0, workers=1)
    return out / f"corpus-{seconds:g}"


@contextmanager
def two_nodes() -> Iterator[Any]:
    """A Ray cluster of two nodes on this machine, a processor each."""
    from ray.cluster_utils import Cluster

    cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 1, "object_store_memory": STORE_BYTES, "include_dashboard": False})
    cluster.second = cluster.add_node(num_cpus=1, object_store_memory=STORE_BYTES)
    cluster.wait_for_nodes()
    try:
        yield cluster
    finally:
        cluster.shutdown()


def timed(maker: Maker, clip: Any) -> tuple[str, int, float, float, float, float]:
    """Make a clip: its name, the process, and its processor time before and after, when it began, and the seconds of the clock."""
    before, begun = time.process_time(), time.monotonic()
    maker(clip)
    return clip.name, os.getpid(), before, time.process_time(), begun, time.monotonic() - begun


def workers(out: Path, clips: int) -> dict[str, Any]:
    """Serial, one and two workers; a worker's first clip has to load everything, and is told apart."""
    source = corpus(out, clips, 20.0)
    listing = list_clips(source, "composed")
    told: dict[str, Any] = {}
    with two_nodes() as cluster:
        for name, engine in (("serial", Serial()), ("1 worker", Ray(1, cluster.address)), ("2 workers", Ray(2, cluster.address))):
            folder = out / name.replace(" ", "-")
            shutil.rmtree(folder, ignore_errors=True)
            make_folders(folder, "spectral")
            maker = Maker(folder, True, "spectral", codec_label_of("spectral"))
            begun = time.monotonic()
            by_worker: dict[int, list[tuple[str, int, float, float, float, float]]] = {}
            for span in engine.map(partial(timed, maker), listing.sources):
                by_worker.setdefault(span[1], []).append(span)
            seconds = time.monotonic() - begun
            own = list(by_worker.values())
            told[name] = {
                "wall_s": seconds,
                "processor_s": sum(spans[-1][3] - spans[0][2] for spans in own),
                "per_clip_processor_s": sum(spans[-1][3] - spans[0][3] for spans in own) / (clips - len(own)),
                "clips": sorted(len(spans) for spans in own),
                "first_done_s": [spans[0][4] + spans[0][5] - begun for spans in own],
                "clip_s": [round(span[5], 4) for spans in own for span in spans[1:]],
            }
            prepare(source, "composed", folder, PrepareConfig(codec="spectral"))
    whole = files_of(out / "serial")
    for name in ("1 worker", "2 workers"):
        told[name]["efficiency"] = told["serial"]["per_clip_processor_s"] / told[name]["per_clip_processor_s"]
        told[name]["efficiency_with_loading"] = told["serial"]["processor_s"] / told[name]["processor_s"]
        told[name]["same_bits"] = files_of(out / name.replace(" ", "-")) == whole
    told["bytes_per_clip"] = sum(len(data) for file, data in whole.items() if file.endswith(".npz")) / clips
    return told


def of_workers() -> list[int]:
    """Processes of Ray's actors on this machine that belong to this program."""
    found = []
    for path in Path("/proc").glob("[0-9]*"):
        try:
            if b"ray::Worker" in (path / "cmdline").read_bytes():
                found.append(int(path.name))
        except OSError:
            continue
    return found


def deaths(out: Path, clips: int) -> dict[str, Any]:
    """Somebody dies in the middle of a preparation."""
    source, told = corpus(out, clips), {}
    serial = out / "serial-deaths"
    shutil.rmtree(serial, ignore_errors=True)
    prepare(source, "composed", serial, PrepareConfig(codec="spectral"))
    whole = files_of(serial)
    for victim in ("worker", "node", "driver"):
        folder = out / f"death-{victim}"
        shutil.rmtree(folder, ignore_errors=True)
        words = [*COMMAND, "data", "prepare", str(source), "--dataset", "composed", "--out", str(folder), "--codec", "spectral"]
        with two_nodes() as cluster:
            words += ["--engine", "ray", "--workers", "2", "--address", cluster.address]
            run = subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
            while len(list((folder / "rows").glob("*.json"))) < clips // 4:
                time.sleep(0.02)
                assert run.poll() is None, run.communicate()[0]
            if victim == "worker":
                os.kill(of_workers()[0], signal.SIGKILL)
            elif victim == "node":
                cluster.remove_node(cluster.second, allow_graceful=False)
            else:
                run.kill()
            first = run.communicate()[0]
            there = len(list((folder / "rows").glob("*.json")))
            if victim == "driver":
                end = time.monotonic() + 30
                while of_workers() and time.monotonic() < end:
                    time.sleep(0.1)
                there = len(list((folder / "rows").glob("*.json")))
                left = len(of_workers())
                again = subprocess.run(words, capture_output=True, text=True, check=True)
                told[victim] = {"workers_left": left, "there": there, "second_run": again.stdout.strip().splitlines()[-1]}
            else:
                told[victim] = {"exit": run.returncode, "said": [line for line in first.splitlines() if line][-3:]}
        told[victim]["same_bits"] = files_of(folder) == whole
    return told


def fake_rows(n: int) -> Iterator[tuple[int, int, ClipRow]]:
    """Rows as AIST++ has them, 128 to a shard."""
    arrays = {name: [600, 219] for name in ("smpl", "keypoints", "features", "flow", "visual", "audio")}
    for i in range(n):
        split = "test" if i % 20 == 0 else "validation" if i % 20 == 1 else "train"
        row = ClipRow(f"gBR_sBM_cAll_d{i:08d}_mBR{i % 6}_ch01", f"mBR{i % 60}", split, "break", 120.0, 9.6, (1, 2, 3, 4), "", arrays, {},
                      f"{i:064x}", "", {"vqvae-hop128-0123456789ab": ""})  # fmt: skip
        yield i // 128, i % 128, row


def index(out: Path) -> dict[str, Any]:
    """A manifest of a million rows."""
    from dance2music.scale.places import Place
    from dance2music.scale.table import TABLE, write_table

    folder = out / "million"
    if not (folder / TABLE).is_file():
        with tempfile.TemporaryDirectory() as scratch:
            write_table(Place(str(folder)), fake_rows(ROWS), Path(scratch))
    code = (
        "import sys, time, resource; begun = time.monotonic()\n"
        "from dance2music.scale.places import Place; from dance2music.scale.table import ClipTable\n"
        "table = ClipTable(Place(sys.argv[1]), 'train'); opened = time.monotonic() - begun\n"
        "parts = [table.part(i, 64) for i in range(1, 65)]\n"
        "print(len(table), sum(p.stop - p.start for p in parts), opened, time.monotonic() - begun, "
        "resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)"
    )
    said = subprocess.run([sys.executable, "-c", code, str(folder)], capture_output=True, text=True, check=True).stdout.split()
    return {"rows": ROWS, "train": int(said[0]), "dealt": int(said[1]), "open_filter_s": float(said[2]), "with_parts_s": float(said[3]),
            "memory_mib": float(said[4]), "file_mb": (folder / TABLE).stat().st_size / 1e6}  # fmt: skip


READ = """
import sys, time, resource, threading
import torch; torch.set_num_threads(1)
from dance2music.train.segments import Prepared, SegmentBatches
rss = lambda: int(open("/proc/self/smaps_rollup").read().split("Anonymous:")[1].split()[0]) / 1024
data = Prepared(sys.argv[1], motion="features", flow=True, codec=sys.argv[2], genres=False)
batches = SegmentBatches(data, batch_size=16, seed=0)
steps = len(data) // 16
for step in range(4): batches[step]
begun, used, at = time.monotonic(), time.process_time(), []
for step in range(steps):
    batches[step]
    if step % max(1, steps // 8) == 0: at.append(round(rss()))
print(steps * 16, time.monotonic() - begun, time.process_time() - used, *at)
"""


def reading(out: Path, clips: int) -> dict[str, Any]:
    """Items per second out of files and shards, and tars against Arrow."""
    from dance2music.scale.pack import pack

    folder, shards = many_clips(out, clips), out / "many-shards"
    packed = pack(folder, shards, shard_bytes=32 * 2**20)
    told: dict[str, Any] = {"clips": clips, "shards": packed["shards"]}
    label = next(iter(json.loads((folder / "manifest.jsonl").read_text().splitlines()[0])["codes"]))
    for name, where in (("files", folder), ("shards", shards), ("files again", folder), ("shards again", shards)):
        said = subprocess.run([sys.executable, "-c", READ, str(where), label], capture_output=True, text=True, check=True).stdout.split()
        items, wall, used = int(said[0]), float(said[1]), float(said[2])
        told[name] = {
            "items": items,
            "items_per_s": items / wall,
            "items_per_processor_s": items / used,
            "memory_mib": [int(x) for x in said[3:]],
        }
    told["formats"] = formats(shards)
    return told


def many_clips(out: Path, clips: int) -> Path:
    """A prepared folder of many clips: the drawn ones, under many names."""
    import dataclasses

    from dance2music.data.manifest import read_manifest, write_lines

    base, folder = out / "base", out / "many"
    if not (base / "manifest.jsonl").is_file():
        prepare(corpus(out, 64), "composed", base, PrepareConfig(codec="spectral"))
    rows = [row for row in read_manifest(base) if row.split == "train"]
    made = []
    for i in range(clips):
        row = rows[i % len(rows)]
        name = f"clip{i:06d}"
        new = dataclasses.replace(row, name=name, features=f"clips/{name}.npz", codes={k: f"codes/{k}/{name}.npz" for k in row.codes})
        for old, file in [(row.features, new.features), *((row.codes[k], new.codes[k]) for k in row.codes)]:
            (folder / file).parent.mkdir(parents=True, exist_ok=True)
            if not (folder / file).exists():
                shutil.copyfile(base / old, folder / file)
        made.append(new)
    write_lines(folder / "manifest.jsonl", (row.to_json() for row in made))
    for name in ("prepared.json", "skipped.jsonl"):
        shutil.copyfile(base / name, folder / name)
    return folder


def formats(shards: Path) -> dict[str, Any]:
    """The features and music of clips out of a tar by its index, and out of an Arrow file with the same bytes: clips per second, sizes."""
    import pyarrow as pa

    from dance2music.scale.places import Place
    from dance2music.scale.shards import OpenShard, read_index

    number_index = read_index(Place(str(shards)), 0)
    assert number_index is not None
    tar_path, arrow_path = shards / "shards" / "000000.tar", shards.parent / "shard.arrow"
    shard, names = OpenShard(tar_path, number_index), [row.name for row in number_index.rows]
    kinds = list(shard.arrays(names[0], "features"))
    columns = {k: pa.array([shard.arrays(name, "features")[k].tobytes() for name in names], pa.large_binary()) for k in kinds}
    table = pa.table(columns)
    with pa.OSFile(str(arrow_path), "wb") as sink, pa.ipc.new_file(sink, table.schema) as writer:
        writer.write_table(table, max_chunksize=16)
    mapped = pa.ipc.open_file(pa.memory_map(str(arrow_path))).read_all()
    order = np.random.default_rng(0).permutation(len(names))
    shapes = {k: (a.dtype, a.shape) for k, a in shard.arrays(names[0], "features").items()}

    def from_tar(i: int) -> float:
        return sum(float(a[-1].sum()) for a in shard.arrays(names[i], "features").values())

    def from_arrow(i: int) -> float:
        return sum(float(np.frombuffer(mapped[k][i].as_buffer(), d).reshape(-1, *s[1:])[-1].sum()) for k, (d, s) in shapes.items())

    def speed(read: Callable[[int], float]) -> float:
        begun, n = time.process_time(), 0
        while time.process_time() - begun < 1.0:
            for i in order:
                read(int(i))
                n += 1
        return n / (time.process_time() - begun)

    return {"tar_clips_per_s": speed(from_tar), "arrow_clips_per_s": speed(from_arrow), "tar_mb": tar_path.stat().st_size / 1e6,
            "arrow_mb": arrow_path.stat().st_size / 1e6}  # fmt: skip


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=["all", "workers", "deaths", "index", "reading", "bucket", "torchrun", "plan"])
    parser.add_argument("--clips", type=int, default=64)
    parser.add_argument("--many", type=int, default=1500, help="clips of `reading`: more than are kept open")
    parser.add_argument("--out", type=Path, default=Path("runs/bench-scale"))
    args = parser.parse_args()
    args.out.mkdir(parents=True, exist_ok=True)
    from bench_scale_training import bucket, plan, torchrun

    benches: dict[str, Callable[[], dict[str, Any]]] = {
        "workers": lambda: workers(args.out, args.clips),
        "deaths": lambda: deaths(args.out, args.clips),
        "index": lambda: index(args.out),
        "reading": lambda: reading(args.out, args.many),
        "bucket": lambda: bucket(args.out),
        "torchrun": lambda: torchrun(args.out),
        "plan": lambda: plan(args.out),
    }
    path = args.out / "results.json"
    results = json.loads(path.read_text()) if path.is_file() else {}
    for name in benches if args.what == "all" else [args.what]:
        results[name] = benches[name]()
        path.write_text(json.dumps(results, indent=1))

        print(name, json.dumps(results[name], indent=None, default=str)[:3000], flush=True)
    print(f"memory of this process {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.0f} MiB; {path}")


if __name__ == "__main__":
    main()

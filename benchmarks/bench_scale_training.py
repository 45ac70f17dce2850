"""The part of `bench_scale` that trains, and that asks the simulator."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import torch

from dance2music.scale.simulate import Load, simulate

COMMAND = [sys.executable, "-m", "dance2music"]
CLOCK = {"step", "steps_per_second", "items_per_second", "seconds_left"}
PRESET = "d2m-gan-high-embedded"
SMALL = [
    "batch_size=4",
    "loop.log_every_steps=1",
    "loop.accelerator=cpu",
    "loop.save_every_steps=10",
    "weights.mel=0",
    "weights.waveform=0",
]
FORWARD = """
import asyncio, sys
async def pipe(a, b):
    while data := await a.read(65536): b.write(data); await b.drain()
    b.close()
async def serve(r, w):
    a, b = await asyncio.open_connection("127.0.0.1", int(sys.argv[2]))
    await asyncio.gather(pipe(r, b), pipe(a, w), return_exceptions=True)
async def main():
    await (await asyncio.start_server(serve, "127.0.0.1", int(sys.argv[1]))).serve_forever()
asyncio.run(main())
"""


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


def codec_file(out: Path) -> Path:
    """A codec of the preset's form with drawn weights."""
    from dance2music.checkpoint import save_model
    from dance2music.codec.spectral import SpectralCodec
    from dance2music.papers.trainings import EMBEDDED_CODECS

    path = out / "codec.safetensors"
    if not path.is_file():
        torch.manual_seed(0)
        config = EMBEDDED_CODECS["spectral-small-high"].codec
        save_model(path, SpectralCodec(config), config, storage="float32")
    return path


def training(out: Path, data: str, codec: Path, steps: int) -> list[str]:
    """Words of a short training."""
    settings = [word for setting in [*SMALL, f"loop.steps={steps}"] for word in ("--set", setting)]
    return ["train", "gan", "--preset", PRESET, "--data", data, "--codec", str(codec), "--out", str(out), *settings]


def losses(folder: Path) -> dict[int, dict[str, float]]:
    """All terms by step, of a step that was taken twice the later."""
    found: dict[int, dict[str, float]] = {}
    for line in (folder / "log.jsonl").read_text().splitlines():
        row = json.loads(line)
        found.setdefault(row["step"], {}).update({name: value for name, value in row.items() if name not in CLOCK})
    return found


class Server:
    """An S3 server on this machine behind a port that can be shut: to its clients it is then away, and back with what it had."""

    def __init__(self) -> None:
        self.port, self.inner = free_port(), free_port()
        silent = subprocess.DEVNULL
        words = [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(self.inner)]
        self.server, self.door = subprocess.Popen(words, stdout=silent, stderr=silent), None
        wait_for(self.inner)

    def open(self) -> None:
        self.door = subprocess.Popen([sys.executable, "-c", FORWARD, str(self.port), str(self.inner)])
        wait_for(self.port)

    def shut(self) -> None:
        assert self.door is not None
        self.door.kill()
        self.door.wait()


def wait_for(port: int) -> None:
    end = time.monotonic() + 60
    while time.monotonic() < end:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
            return
        except OSError:
            time.sleep(0.05)


@contextmanager
def s3(out: Path) -> Iterator[Server]:
    server = Server()
    names = {"AWS_ENDPOINT_URL": f"http://127.0.0.1:{server.port}", "AWS_DEFAULT_REGION": "us-east-1", "AWS_ACCESS_KEY_ID": "a"}
    os.environ.update({**names, "AWS_SECRET_ACCESS_KEY": "b", "XDG_CACHE_HOME": str(out / "cache")})
    try:
        server.open()
        yield server
    finally:
        server.shut()
        server.server.kill()
        server.server.wait()


def bucket(out: Path) -> dict[str, Any]:
    """Prepared into a bucket, trained from it, the server away in the middle."""
    import s3fs
    from bench_scale import corpus

    codec, source = codec_file(out), corpus(out, 64)
    shutil.rmtree(out / "cache", ignore_errors=True)
    for name in ("bucket-whole", "bucket-away"):
        shutil.rmtree(out / name, ignore_errors=True)
    told: dict[str, Any] = {}
    with s3(out) as server:
        s3fs.S3FileSystem(skip_instance_cache=True).mkdir("dances")
        words = [*COMMAND, "data", "prepare", str(source), "--dataset", "composed", "--out", "s3://dances/p", "--codec", str(codec)]
        words += ["--clips-per-shard", "8", "--workers", "1"]
        begun = time.monotonic()
        told["prepared"] = subprocess.run(words, capture_output=True, text=True, check=True).stdout.splitlines()[-1]
        told["prepare_s"] = time.monotonic() - begun
        whole = subprocess.run(
            [*COMMAND, *training(out / "bucket-whole", "s3://dances/p", codec, 50)], capture_output=True, text=True, check=True
        )
        assert "Error" not in whole.stderr
        shutil.rmtree(out / "cache", ignore_errors=True)
        run = subprocess.Popen(
            [*COMMAND, *training(out / "bucket-away", "s3://dances/p", codec, 50)],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        log = out / "bucket-away" / "log.jsonl"
        while not log.is_file() or len(log.read_text().splitlines()) < 5:
            time.sleep(0.02)
            assert run.poll() is None, run.communicate()[0]
        server.shut()
        time.sleep(30)
        told["steps_when_away"] = len(log.read_text().splitlines())
        server.open()
        said = run.communicate()[0]
        told["waited"] = [line for line in said.splitlines() if "asking again" in line][:1]
        told["same_losses"] = run.returncode == 0 and losses(out / "bucket-away") == losses(out / "bucket-whole")
        told["steps"] = max(losses(out / "bucket-away"))
        server.shut()
        shutil.rmtree(out / "cache", ignore_errors=True)
        away = subprocess.run([*COMMAND, *training(out / "bucket-no", "s3://dances/p", codec, 50)], capture_output=True, text=True)
        told["away"] = {"exit": away.returncode, "last_line": away.stderr.strip().splitlines()[-1]}
        server.open()
    return told


def torchrun(out: Path, names: Sequence[str] = ("whole", "killed", "gone")) -> dict[str, Any]:
    """Two nodes of one process each on loopback: none dies; the second one's process is killed; the second node goes for good."""
    from bench_scale import corpus

    from dance2music.data.prepare import PrepareConfig
    from dance2music.scale.prepare import prepare_shards

    codec = codec_file(out)
    prepare_shards(corpus(out, 64), "composed", out / "torchrun-data", PrepareConfig(codec=str(codec)), clips_per_shard=8)
    told: dict[str, Any] = {}
    for name in names:
        folder = out / f"torchrun-{name}"
        shutil.rmtree(folder, ignore_errors=True)
        port = free_port()
        nodes_wanted = "1:2" if name == "gone" else "2"
        launcher = [
            sys.executable,
            "-m",
            "torch.distributed.run",
            f"--nnodes={nodes_wanted}",
            "--nproc-per-node=1",
            "--max-restarts=3",
            "--rdzv-backend=c10d",
        ]
        launcher += ["--rdzv-id=bench", f"--rdzv-endpoint=127.0.0.1:{port}", "-m", "dance2music"]
        environment = {**os.environ, "OMP_NUM_THREADS": "1", "GLOO_SOCKET_IFNAME": "lo", "TORCH_DISABLE_SHARE_RDZV_TCP_STORE": "1"}
        words = [*launcher, *training(folder, str(out / "torchrun-data"), codec, 40)]
        with tempfile.TemporaryFile("w+") as output:
            nodes = []
            for _ in range(2):  # the first one keeps the meeting point
                nodes.append(subprocess.Popen(words, env=environment, stdout=output, stderr=subprocess.STDOUT))
                wait_for(port)
            log, died = folder / "log.jsonl", 0
            if name != "whole":
                while not log.is_file() or len(log.read_text().splitlines()) < 24:
                    time.sleep(0.02)
                    assert nodes[0].poll() is None, "ended early"
                died = len(log.read_text().splitlines())
                rank = child_of(nodes[1].pid)
                if name == "gone":
                    nodes.pop().kill()
                os.kill(rank, signal.SIGKILL)
            codes = [node.wait() for node in nodes]
            output.seek(0)
            text = output.read()
        lines = len(log.read_text().splitlines()) if log.is_file() else 0
        told[name] = {"exit": codes, "killed_at_step": died, "lines": lines, "said": text[-800:] if any(codes) else ""}
    one = losses(out / "torchrun-whole")
    for name in set(names) - {"whole"}:
        other = losses(out / f"torchrun-{name}")
        told[name]["same_losses"] = one == other
        if one.keys() == other.keys():
            terms = [(one[step][term], other[step].get(term, np.inf)) for step in one for term in one[step]]
            told[name]["largest_difference"] = max(abs(a - b) / max(abs(a), 1e-3) for a, b in terms)
    return told


def child_of(parent: int) -> int:
    """The process that a launcher started."""
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            if int(path.read_text().rpartition(")")[2].split()[1]) == parent:
                return int(path.parent.name)
        except OSError:
            continue
    raise AssertionError("the launcher has no process")


def plan(out: Path) -> dict[str, Any]:
    """Wall times of the measured runs, and what the simulator makes of when their workers began and of a quarter of their clips."""
    measured, told = json.loads((out / "results.json").read_text())["workers"], {}
    for name, workers in (("serial", 1), ("1 worker", 1), ("2 workers", 2)):
        run = measured[name]
        clip = np.array(run["clip_s"])[::4]
        load = Load(
            clips=sum(run["clips"]), nodes=workers, workers_per_node=1, clips_per_piece=1, clip_seconds=float(clip.mean()),
            clip_spread=float(clip.std() / clip.mean()), start_seconds=float(np.mean(run["first_done_s"]) - clip.mean()), slow_share=0.0,
            node_failures_per_day=0.0, bytes_per_clip=measured["bytes_per_clip"],
        )  # fmt: skip
        forecast = simulate(load).wall_seconds
        told[name] = {"measured_s": run["wall_s"], "simulated_s": forecast, "error": forecast / run["wall_s"] - 1}
    return told

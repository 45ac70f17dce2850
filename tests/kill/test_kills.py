"""Commands killed (SIGKILL) at random moments: the old files or the new ones are there, and in the end the same bits.

Sets of small files here; ``make kill KILLS=50`` kills the commands. What is looked at after each kill: no file is half there, no two of a
set are of different runs, no process lives on for two seconds, and nothing is left over once the same command has run again.
"""

from __future__ import annotations

import hashlib
import json
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from dance2music.leftovers import MARK

KILLS = int(os.environ.get("DANCE2MUSIC_KILLS", "0"))
TESTS = Path(__file__).resolve().parents[1]
SEED = 20261130
_LABEL = "DANCE2MUSIC_KILL_LABEL"

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="processes are found in /proc")


def environment(label: str) -> dict[str, str]:
    paths = os.pathsep.join(str(path) for path in (TESTS.parent / "src", TESTS))
    return {**os.environ, "PYTHONPATH": paths, "OMP_NUM_THREADS": "1", "OMP_WAIT_POLICY": "passive", _LABEL: label}


def alive(label: str) -> list[int]:
    """Processes that a labelled command has started and that live on."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            state = (folder / "stat").read_text().rsplit(")", 1)[1].split()[0]
            if state != "Z" and f"{_LABEL}={label}".encode() in (folder / "environ").read_bytes().split(b"\0"):
                found.append(int(folder.name))
        except OSError:
            continue
    return found


def run(command: list[str], folder: Path, *, kill_after: float | None = None) -> tuple[int, float]:
    """Exit code and seconds of a command, killed after so many; nothing that it started lives on for two seconds after its end."""
    label = f"{os.getpid()}-{time.monotonic_ns()}"
    begun = time.monotonic()
    process = subprocess.Popen(command, cwd=folder, env=environment(label), stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    try:
        _, said = process.communicate(timeout=kill_after if kill_after is not None else 300)
        assert process.returncode == 0, said.decode()[-2000:]
    except subprocess.TimeoutExpired:
        process.send_signal(signal.SIGKILL)
        process.wait()
    seconds = time.monotonic() - begun
    end = time.monotonic() + 2.0
    while alive(label) and time.monotonic() < end:
        time.sleep(0.05)
    assert not alive(label), "orphans live on"
    return process.returncode, seconds


def files(folder: Path) -> dict[str, str]:
    """Digest of every file by its name, leftovers of killed runs (hidden, marked) not among them."""
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and MARK not in str(path.relative_to(folder))
    }


def leftovers(folder: Path) -> list[str]:
    return [str(path) for path in folder.rglob(f"*{MARK}*")]


SET = """
import sys, time
from pathlib import Path
from dance2music.files import placed_together, whole_file
folder, text = Path(sys.argv[1]), sys.argv[2]
while True:
    with placed_together() as placing:
        placing.folder(folder / "parts")
        for name in ("a.txt", "b.txt", "c.txt", "parts/d.txt"):
            with whole_file(folder / name, durable=False) as temporary:
                temporary.write_text(text * 1000)
    text = "old" if text == "new" else "new"
"""


def test_sets_are_whole_after_every_kill(tmp_path: Path) -> None:
    """Sets written one over the other without a pause, so that many kills fall into the moment in which they are put in place."""
    chance, mixed = random.Random(SEED), []
    kills = 4 * KILLS or 12
    for number in range(kills):
        process = subprocess.Popen([sys.executable, "-c", SET, str(tmp_path), "new"], env=environment("set"))
        time.sleep(0.3 + chance.random() * 0.2)
        process.send_signal(signal.SIGKILL)
        process.wait()
        # The next start, which writes here: it finishes or removes what was begun.
        again = "from pathlib import Path; import sys; from dance2music.files import check_writable as c; p = Path(sys.argv[1])"
        again += "; c(p / 'x.txt'); (p / 'parts').is_dir() and c(p / 'parts' / 'x.txt')"
        subprocess.run([sys.executable, "-c", again, str(tmp_path)], env=environment("set"), check=True)
        texts = {path.name: path.read_text() for path in tmp_path.rglob("*.txt")}
        if len(set(texts.values())) > 1 or set(map(len, texts.values())) - {3000}:
            mixed.append((number, {name: text[:3] for name, text in texts.items()}))
        assert not leftovers(tmp_path)
    assert not mixed, mixed


def killed_over_an_old_set(
    tmp_path: Path, command: Callable[[str], list[str]], watched: Callable[[dict[str, str]], dict[str, str]], kills: int
) -> None:
    """Kill a command that writes the set "new" over the set "old": each time one of them is there whole."""
    chance = random.Random(SEED)
    run(command("new"), tmp_path)
    new = watched(files(tmp_path))
    _, seconds = run(command("old"), tmp_path)
    old = watched(files(tmp_path))
    assert old.keys() == new.keys() and all(old[name] != new[name] for name in old)
    for number in range(kills):
        run(command("new"), tmp_path, kill_after=chance.uniform(0.3, 1.1) * seconds)
        there = watched(files(tmp_path))
        assert there in (old, new), f"kill {number}: {[name for name in there if there[name] != old.get(name)]} are of another run"
        run(command("old"), tmp_path)
        assert watched(files(tmp_path)) == old and not leftovers(tmp_path)


PROGRAM = [sys.executable, "-m", "dance2music"]


def test_generate_leaves_the_old_set_or_the_new_one(tmp_path: Path) -> None:
    from dance2music.dance.motion_files import save_motion
    from dance2music.synthetic.drawing import example_dance
    from dance2music.takes import take_file

    if not KILLS:
        pytest.skip("minutes: make kill")
    save_motion(example_dance(3.0)[0], tmp_path / "dance.npz")
    seeds = {"old": "1", "new": "2"}

    def command(which: str) -> list[str]:
        outputs = ["-o", "song.wav", "--midi", "notes.mid", "--stems", "stems", "--take", "song.take"]
        return [
            *PROGRAM,
            "generate",
            "--from-motion",
            "dance.npz",
            *outputs,
            "--method",
            "composer",
            "--genre",
            "house",
            "--seed",
            seeds[which],
        ]

    def watched(found: dict[str, str]) -> dict[str, str]:
        # The order of a take file's metadata is drawn anew every time: its seed tells which run it is of.
        report = json.loads((tmp_path / "song.json").read_text())
        seeds_told = {"report": str(report["seed"]), "take": str(take_file.read(tmp_path / "song.take")[0]["seed"])}
        return seeds_told | {name: found[name] for name in ("song.wav", "notes.mid", "song.png", "stems/drums.wav")}

    killed_over_an_old_set(tmp_path, command, watched, KILLS)


def killed_and_gone_on_with(tmp_path: Path, command: Callable[[Path], list[str]], watched: Callable[[Path], dict[str, str]]) -> None:
    """Kill a command again and again in one folder until it is through: it ends with the bits of a run that nobody killed."""
    chance, killed, round_ = random.Random(SEED), 0, 0
    _, seconds = run(command(tmp_path / "whole"), tmp_path)
    whole = watched(tmp_path / "whole")
    while killed < KILLS:
        folder = tmp_path / f"killed-{round_}"
        round_ += 1
        for _ in range(5):
            code, _ = run(command(folder), tmp_path, kill_after=chance.uniform(0.3, 0.95) * seconds)
            killed += code != 0
        run(command(folder), tmp_path)
        assert watched(folder) == whole and not leftovers(folder)


def test_a_preparation_goes_on_to_the_same_bits(tmp_path: Path) -> None:
    if not KILLS:
        pytest.skip("minutes: make kill")
    run([*PROGRAM, "data", "synthetic", "corpus", "-n", "6", "--seconds", "4", "--filmed-share", "0", "--workers", "2"], tmp_path)

    def command(folder: Path) -> list[str]:
        return [*PROGRAM, "data", "prepare", "corpus", "--dataset", "composed", "--out", str(folder), "--codec", "spectral", "--no-visual"]

    killed_and_gone_on_with(
        tmp_path, command, lambda folder: {k: v for k, v in files(folder).items() if k.endswith((".npz", "manifest.jsonl"))}
    )


def test_a_training_goes_on_to_the_same_bits(tmp_path: Path) -> None:
    if not KILLS:
        pytest.skip("minutes: make kill")
    program = "import sys, time; from pathlib import Path; from train.test_loop import run; " \
        "run(Path(sys.argv[1]), steps=20, save_every_steps=2, log_every_steps=1)"  # fmt: skip

    def weights(folder: Path) -> dict[str, str]:
        import torch

        state = torch.load(folder / "checkpoint.pt", weights_only=True)
        return {name: hashlib.sha256(value.numpy().tobytes()).hexdigest() for name, value in state["model"].items()}

    killed_and_gone_on_with(tmp_path, lambda folder: [sys.executable, "-c", program, str(folder)], weights)


def sounds(folder: Path, count: int) -> Path:
    import numpy as np

    from dance2music.evaluation.controls import fixed_clicks
    from dance2music.music.audio import save_wav
    from dance2music.types import Audio

    folder.mkdir()
    for number in range(count):
        clicks = fixed_clicks(6.0, 22050)
        noise = np.random.default_rng(number).normal(0, 0.01, clicks.samples.shape).astype(np.float32)
        save_wav(Audio(clicks.samples + noise, 22050), folder / f"{number}.wav")
    return folder


def test_a_listening_test_is_there_whole_or_not_at_all(tmp_path: Path) -> None:
    if not KILLS:
        pytest.skip("minutes: make kill")
    for name in ("ours", "theirs"):
        sounds(tmp_path / name, 4)
    command = [
        *PROGRAM,
        "listen",
        "build",
        "test",
        "--method",
        "ours=ours",
        "--method",
        "theirs=theirs",
        "--part",
        "quality",
        "--listeners",
        "2",
    ]
    chance = random.Random(SEED)
    _, seconds = run(command, tmp_path)
    whole = {path.name for path in (tmp_path / "test").rglob("*") if path.suffix != ".wav"}
    import shutil

    for _ in range(KILLS):
        shutil.rmtree(tmp_path / "test", ignore_errors=True)
        code, _ = run(command, tmp_path, kill_after=chance.uniform(0.3, 1.0) * seconds)
        if (tmp_path / "test").exists():
            assert {path.name for path in (tmp_path / "test").rglob("*") if path.suffix != ".wav"} == whole
        else:
            assert code != 0
        shutil.rmtree(tmp_path / "test", ignore_errors=True)
        run(command, tmp_path)
        assert not leftovers(tmp_path)


def test_an_evaluation_leaves_the_old_results_or_the_new_ones(tmp_path: Path) -> None:
    if not KILLS:
        pytest.skip("minutes: make kill")
    sounds(tmp_path / "made", 3)
    sounds(tmp_path / "own", 3)
    names = {"old": "nameofoldrun", "new": "nameofnewrun"}

    def command(which: str) -> list[str]:
        return [*PROGRAM, "evaluate", "--generated", "made", "--reference", "own", "-o", "report", "--name", names[which], "--workers", "2"]

    def watched(found: dict[str, str]) -> dict[str, str]:
        told = json.loads((tmp_path / "report" / "results.json").read_text())["name"]
        page = (tmp_path / "report" / "report.html").read_text()
        return {"results.json": told, "report.html": next(name for name in names.values() if name in page)}

    killed_over_an_old_set(tmp_path, command, watched, KILLS)

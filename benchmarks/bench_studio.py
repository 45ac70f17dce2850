"""The studio under measurement: the first way, picture and play head, sections, load, kills.

    python benchmarks/bench_studio.py [--only first sync section load kills film] [--runs 5] [--folder DIR]

One JSON line per measure. ``first`` and ``sync`` drive the system's Chromium (see tests/chromium.py); needs the dev extra. Everything
happens in processes as a user starts them, on a drawn dance.
"""

from __future__ import annotations

import argparse
import io
import json
import os
import signal
import statistics
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))

from chromium import visit
from studio_server import Running, running, until

CLIP_SECONDS, LONG_SECONDS = 10.0, 60.0
UPLOADS, RATE_HZ, LOAD_SECONDS = 32, 200, 60.0
KILLS = 20
PLAYER = "(await import('/page/player.js')).players.at(-1)"


def first_way(folder: Path, run: int, clip: Path) -> dict[str, Any]:
    """From starting the command to music with the picture, with a click for each thing that a user does."""
    began = time.perf_counter()
    with running(folder / f"first-{run}") as studio, visit(width=1280, height=800) as visited:
        page, clicks = visited.page, 0
        page.goto(studio.address)
        page.wait_for_selector("text=Choose a video")
        shown = time.perf_counter() - began
        page.set_input_files("input[type=file]", clip)
        clicks += 1  # the file is chosen (or dropped)
        page.wait_for_selector(".lane.take.active", timeout=300_000)
        page.click("button.play")
        clicks += 1
        until(page, f"(async () => {PLAYER}.playing && {PLAYER}.meter.lufs() > -60)()", 60)
        return {"seconds": time.perf_counter() - began, "page_seconds": shown, "clicks": clicks}


def watched(studio: Running, clip: Path) -> Any:
    """A dance with its first take, from the API."""
    made = studio.upload(clip)
    assert studio.settled(made["job"]["id"])["state"] == "done"
    return studio.ask("GET", f"/api/dances/{made['dance']['id']}")


def sync(studio: Running, dance: Any) -> dict[str, Any]:
    """How far the play head is from each picture as that comes on the screen, in frames, in a minute of playing."""
    with visit(width=1280, height=800) as visited:
        page = visited.page
        page.goto(studio.address)
        page.click(f"a[href='#{dance['id']}']")
        page.wait_for_selector(".lane.take.active")
        page.wait_for_timeout(1500)
        page.keyboard.press("Space")
        page.wait_for_timeout(1000 * (dance["about"]["seconds"] + 2))
        errors = np.array(page.evaluate(f"(async () => {PLAYER}.errors)()"))
    signed = errors * dance["about"]["fps"]
    frames = np.abs(signed)
    return {
        "pictures": len(frames),
        "median_frames": float(np.median(frames)),
        "median_ahead_frames": float(np.median(signed)),
        "p95_frames": float(np.percentile(frames, 95)),
        "share_within_1_frame": float((frames <= 1).mean()),
        "most_frames": float(frames.max()),
    }


def section(studio: Running, dance: Any) -> dict[str, Any]:
    """Four bars in the middle of a take drawn again: time to three choices, samples that changed outside."""
    import soundfile

    take = dance["takes"][0]
    beats = take["about"]["beat_times_seconds"]
    downbeat = take["about"]["downbeat"] + 4 * round(len(beats) / 8)
    begin, end = beats[downbeat], beats[downbeat + 16]
    time.sleep(8)  # the next process is warm
    began = time.perf_counter()
    made = studio.ask("POST", f"/api/takes/{take['id']}/section", {"from_seconds": begin, "to_seconds": end})
    heard: list[float] = []
    choices: list[Any] = []
    while len(choices) < 3:
        choices = [row for row in studio.ask("GET", "/api/library")["takes"] if row["job"] == made["job"]["id"]]
        heard += [time.perf_counter() - began] * (len(choices) - len(heard))
        time.sleep(0.05)
    sounds = []
    for row in (take, *choices):
        samples, rate = soundfile.read(io.BytesIO(studio.request("GET", f"/media/takes/{row['id']}/sound")[1]), dtype="int16")
        sounds.append(samples)
    outside = np.r_[0 : round((begin - 0.5) * rate), round((end + 0.5) * rate) : len(sounds[0])]
    changed = max(int((sounds[0][outside] != other[outside]).sum()) for other in sounds[1:])
    return {"seconds": heard[-1], "first_seconds": heard[0], "samples_changed_outside": changed}


def load(studio: Running, clip: Path) -> dict[str, Any]:
    """Uploads at once, then requests at a rate while jobs run: answers, and the server's memory."""
    before = len(studio.ask("GET", "/api/library")["dances"])
    with ThreadPoolExecutor(UPLOADS) as pool:
        uploads = list(pool.map(lambda n: studio.upload(clip, f"clip-{n}.mp4"), range(UPLOADS)))
    dances = {row["dance"]["id"] for row in uploads}
    whole = studio.ask("GET", "/api/library")
    assert dances <= {row["id"] for row in whole["dances"]} and len(whole["dances"]) == before + UPLOADS
    seconds: list[float] = []
    failed: list[int] = []
    most = 0
    paths = [f"/api/dances/{uploads[0]['dance']['id']}", f"/api/jobs/{uploads[0]['job']['id']}", "/", "/api/library"]
    begin = time.perf_counter()

    def one(n: int) -> None:
        due = begin + n / RATE_HZ
        time.sleep(max(0.0, due - time.perf_counter()))
        start = time.perf_counter()
        status, _, _ = studio.request("GET", paths[0] if n % 20 else paths[n // 20 % 4])
        seconds.append(time.perf_counter() - start)
        if status != 200:
            failed.append(status)

    with ThreadPoolExecutor(32) as pool:
        done = pool.map(one, range(round(RATE_HZ * LOAD_SECONDS)))
        for _ in done:
            if len(seconds) % 500 == 0:
                most = max(most, memory_of(studio.process.pid))
    took = time.perf_counter() - begin
    for row in uploads[1:]:
        studio.ask("DELETE", f"/api/jobs/{row['job']['id']}")
    ms = np.array(seconds) * 1000
    return {
        "uploads": len(dances),
        "requests": len(seconds),
        "requests_per_second": len(seconds) / took,
        "failed": len(failed),
        "median_ms": float(np.median(ms)),
        "p95_ms": float(np.percentile(ms, 95)),
        "server_mib": most / 2**20,
    }


def memory_of(pid: int) -> int:
    """Resident memory of a process in bytes."""
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def workers_of(pid: int) -> list[int]:
    """Processes of jobs that a studio has started."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            parent = int((folder / "stat").read_text().rpartition(")")[2].split()[1])
            if parent == pid and "studio.worker" in (folder / "cmdline").read_text():
                found.append(int(folder.name))
    return found


def kills(folder: Path, clip: Path) -> dict[str, Any]:
    """kill -9 of the server or of the process of a job at moments all over a job; afterwards the library opens and the queue goes on."""
    library, rng = folder / "kills", np.random.default_rng(0)
    opened = kept = went_on = 0
    with running(library) as studio:
        dance = watched(studio, clip)
    for n in range(KILLS):
        finished: set[str] = set()
        with running(library) as studio:
            opened += 1
            asked = studio.ask("POST", f"/api/dances/{dance['id']}/takes", {"count": 1, "seed": 100 + n})
            time.sleep(float(rng.uniform(0.2, 12.0)))
            finished = {row["id"] for row in studio.ask("GET", "/api/library")["takes"]}
            if n % 2:
                for worker in workers_of(studio.process.pid):
                    os.kill(worker, signal.SIGKILL)
                went_on += studio.settled(asked["job"]["id"])["state"] == "done"
            else:
                os.kill(studio.process.pid, signal.SIGKILL)
                studio.process.wait()
        with running(library) as studio:
            whole = studio.ask("GET", "/api/library")
            kept += finished <= {row["id"] for row in whole["takes"]}
            if not n % 2:
                went_on += studio.settled(asked["job"]["id"])["state"] == "done"
            for row in studio.ask("GET", "/api/library")["takes"]:
                status, data, _ = studio.request("GET", f"/media/takes/{row['id']}/sound")
                assert status == 200 and data[:4] == b"RIFF"
    return {"kills": KILLS, "opened": opened, "finished_takes_kept": kept, "queue_went_on": went_on}


def film(folder: Path, clip: Path, out: Path) -> dict[str, Any]:
    """The pictures of docs/studio.md."""
    from PIL import Image

    out.mkdir(parents=True, exist_ok=True)
    (folder / "dance.mp4").write_bytes(clip.read_bytes())
    with running(folder / "film") as studio, visit(width=1280, height=900) as visited:
        page = visited.page

        def picture(name: str) -> None:
            path = out / f"studio-{name}.png"
            page.wait_for_timeout(700)
            page.screenshot(path=path)
            Image.open(path).convert("RGB").quantize(256).save(path, optimize=True)

        page.goto(studio.address)
        page.wait_for_selector("text=Drop a dance video here")
        picture("1-begin")
        page.set_input_files("input[type=file]", folder / "dance.mp4")
        until(page, "document.querySelector('.left')?.textContent", 120)
        picture("2-watch")
        page.wait_for_selector(".lane.take.active", timeout=300_000)
        page.click("text=Make more takes")
        until(page, "document.querySelectorAll('.lane.take').length === 2", 300)
        until(page, "document.querySelectorAll('.job').length === 0", 300)
        page.keyboard.press("Space")
        page.wait_for_timeout(3500)
        picture("3-hear")
        page.keyboard.press("Space")
        box = page.locator(".lane.dancer canvas").bounding_box()
        assert box is not None
        page.mouse.move(box["x"] + 0.35 * box["width"], box["y"] + 20)
        page.mouse.down()
        page.mouse.move(box["x"] + 0.55 * box["width"], box["y"] + 20, steps=4)
        page.mouse.up()
        page.keyboard.press("r")
        page.wait_for_selector(".choice >> nth=3", timeout=300_000)
        until(page, "document.querySelectorAll('.job').length === 0", 300)
        picture("4-section")
        page.click(".choice >> text=None of them")
        page.keyboard.press("Escape")
        page.click("#tab-sound")
        page.wait_for_selector(".fader")
        page.click(".fader >> nth=1 >> .mute")
        page.keyboard.press("Space")
        page.wait_for_timeout(3000)
        picture("5-sound")
        page.keyboard.press("Space")
        page.click("text=All faders to 0 dB")
        page.click("#tab-export")
        page.click("form >> text=Export")
        page.wait_for_selector(".export a", timeout=300_000)
        picture("6-export")
    return {"pictures": len(list(out.glob("studio-*.png")))}


@contextmanager
def measured(name: str) -> Iterator[Callable[[dict[str, Any]], None]]:
    """Prints what is told as one line."""
    yield lambda values: print(json.dumps({"measure": name, **{k: round(v, 3) if isinstance(v, float) else v for k, v in values.items()}}))
    sys.stdout.flush()


def main() -> None:
    """Measure what is asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", nargs="+", default=["first", "sync", "section", "load", "kills"], help="also: film")
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--folder", type=Path)
    given = parser.parse_args()
    from dance2music.synthetic.drawing import example_video

    folder = given.folder or Path(tempfile.mkdtemp(prefix="studio-bench-"))
    folder.mkdir(parents=True, exist_ok=True)
    clips = {}
    for seconds in (4.0, CLIP_SECONDS, LONG_SECONDS):
        clips[seconds] = folder / f"{seconds:g}.mp4"
        if not clips[seconds].exists():
            example_video(clips[seconds], seconds=seconds)
    if "first" in given.only:
        with measured("first") as tell:
            rows = [first_way(folder, threading.get_native_id() * 100 + run, clips[CLIP_SECONDS]) for run in range(given.runs)]
            seconds = [row["seconds"] for row in rows]
            tell({"runs": given.runs, "median_seconds": statistics.median(seconds), "most_seconds": max(seconds), **rows[0]})
    if "film" in given.only:
        with measured("film") as tell:
            tell(film(folder, clips[CLIP_SECONDS], Path(__file__).resolve().parents[1] / "docs"))
    if {"sync", "section"} & set(given.only):
        with running(folder / "long") as studio:
            dances = [row for row in studio.ask("GET", "/api/library")["dances"] if row["state"] == "ready"]
            dance = studio.ask("GET", f"/api/dances/{dances[0]['id']}") if dances else watched(studio, clips[LONG_SECONDS])
            if "section" in given.only:
                with measured("section") as tell:
                    rows = [section(studio, dance) for _ in range(given.runs)]
                    tell({"runs": given.runs, **{name: statistics.median(row[name] for row in rows) for name in rows[0]}})
            if "sync" in given.only:
                with measured("sync") as tell:
                    tell(sync(studio, dance))
    if "load" in given.only:
        with measured("load") as tell, running(folder / "load") as studio:
            tell(load(studio, clips[CLIP_SECONDS]))
    if "kills" in given.only:
        with measured("kills") as tell:
            tell(kills(folder, clips[4.0]))


if __name__ == "__main__":
    main()

"""The queue of jobs: each is carried out by a process of its own, under limits, one after the other; the queue outlives the server."""

from __future__ import annotations

import logging
import shutil
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dance2music.child import Child, child
from dance2music.errors import InputError
from dance2music.studio import task as tasks
from dance2music.studio.library import Library, Row, new_id
from dance2music.studio.pace import IN_ROUNDS, STAGES, USUAL_SECONDS, Pace

WORKER = "dance2music.studio.worker"
_POLL_SECONDS = 0.25
_CANCEL_SECONDS = 3.0
"""A job that was asked to stop is ended after so long."""
_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Limits:
    """What one job may use.

    Attributes
    ----------
    memory_bytes : of the process and all that it starts, watched here.
    address_bytes : address space of the process, kept by the system: libraries reserve far more than they use.
    seconds, seconds_per_second : wall clock, and so much more per second of dance; processor time is twice that.
    attempts : how often a job is begun again whose process died, or that was running when the server died.
    """

    memory_bytes: int = 3 << 30
    address_bytes: int = 32 << 30
    seconds: float = 180.0
    seconds_per_second: float = 10.0
    attempts: int = 3


class Runner(threading.Thread):
    """Carries out the jobs of a library; a process is started ahead of each, so that it is warm when there is something to do.

    ``told`` is called with every change of a job's progress, from this thread.
    """

    def __init__(self, library: Library, limits: Limits | None = None) -> None:
        super().__init__(name="studio-jobs", daemon=True)
        self.library, self.limits = library, limits or Limits()
        self.told: Callable[[Row], None] = lambda job: None
        self._wake, self._closing = threading.Event(), threading.Event()
        self._unwanted: set[str] = set()
        self._progress: dict[str, dict[str, Any]] = {}

    def wake(self) -> None:
        """There is something new in the queue."""
        self._wake.set()

    def stop(self) -> None:
        """End the job that runs, which begins again when the library is opened, and wait for the end of it."""
        self._closing.set()
        self._wake.set()
        if self.is_alive():
            self.join()

    def cancel(self, key: str) -> None:
        """Stop a job that waits or runs; one that has ended stays as it is."""
        job = self.library.row("jobs", key)
        if job is not None and job["state"] in ("queued", "running"):
            self._unwanted.add(key)
            if job["state"] == "queued":
                self._end(job, "cancelled")
            self._wake.set()

    def wanted(self, key: str) -> bool:
        """Whether nobody has asked to cancel a job that waits or runs."""
        return key not in self._unwanted

    def progress(self, key: str) -> dict[str, Any]:
        """Stage, share and seconds left of a job that runs."""
        return self._progress.get(key, {})

    def run(self) -> None:
        """Until `stop`: start a process, wait for a job, carry it out."""
        pause = 0.0
        while not self._closing.wait(pause):
            try:
                with child(WORKER, log=self.library.folder / "jobs" / "log.txt") as process:
                    pause = 0.0 if self._next(process) else 2.0
            except InputError as error:  # no process, or the disk is full
                _log.error("%s", error)
                pause = 5.0
            except Exception:
                _log.exception("a job could not be carried out")
                pause = 5.0

    def _next(self, process: Child) -> bool:
        """Wait for jobs and carry them out, as long as the process is good for one more; False if it died before there was one."""
        while not self._closing.is_set():
            waiting = self.library.rows("jobs", "state = 'queued'")
            if waiting:
                done = self._carry_out(waiting[0], process)
                if not (done and waiting[0]["kind"] in tasks.REUSED_AFTER):
                    return True
                continue
            if self._wake.wait(1.0):
                self._wake.clear()
            if process.exit_code(0.0) is not None:
                return False
        return True

    def _carry_out(self, job: Row, process: Child) -> bool:
        """Carry a job out; whether it came to its end."""
        library, key = self.library, job["id"]
        if job["attempts"] >= self.limits.attempts:
            self._end(job, "failed", f"its process died {job['attempts']} times; close other programs, or choose a shorter clip")
            return False
        job = library.change("jobs", key, state="running", attempts=job["attempts"] + 1)
        folder = library.place("jobs", key)
        shutil.rmtree(folder, ignore_errors=True)
        try:
            folder.mkdir()
            state, error = self._converse(job, folder, process)
        except InputError as caught:
            state, error = "failed", str(caught)
        except OSError as caught:
            state, error = "failed", f"the library cannot be written ({caught.strerror}); free space and try again"
        shutil.rmtree(folder, ignore_errors=True)
        if state == "died" and self._closing.is_set():
            return False  # it stays 'running' in the table, and begins again when the library is opened
        if state == "died":
            _log.warning("job %s: %s; it begins again", key, error)
            library.change("jobs", key, state="queued", error=error)
            self._wake.set()
            return False
        self._end(job, state, error)
        return state == "done"

    def _converse(self, job: Row, folder: Path, process: Child) -> tuple[str, str]:
        """Tell the process what to do and listen to it; how the job ended, and why."""
        library, limits = self.library, self.limits
        dance = library.row("dances", job["dance"])
        assert dance is not None, "a job has a dance"
        known = dance["about"].get("seconds")
        seconds = USUAL_SECONDS if known is None else float(known)
        times, in_rounds = int(job["asked"].get("count", 1)), job["kind"] in IN_ROUNDS
        pace = Pace(STAGES[job["kind"]], known, library.paces(), times=times, in_rounds=in_rounds)
        end = time.monotonic() + limits.seconds + limits.seconds_per_second * seconds
        process.send(self._spec(job, dance, folder, 2 * (end - time.monotonic())))
        pace.at("start", 0.0)
        asked_to_stop = 0.0
        next_look = 0.0
        while True:
            now = time.monotonic()
            if job["id"] in self._unwanted and not asked_to_stop:
                process.send({tasks.CANCEL: job["id"]})
                asked_to_stop = now
            if self._closing.is_set():
                return "died", "the studio was closed"
            if asked_to_stop and now > asked_to_stop + _CANCEL_SECONDS:
                process.kill()
                return "cancelled", ""
            if now > end:
                process.kill()
                return "failed", f"it took longer than {limits.seconds + limits.seconds_per_second * seconds:.0f} s; choose a shorter clip"
            if now > next_look:
                next_look = now + 2 * _POLL_SECONDS
                if process.memory_bytes() > limits.memory_bytes:
                    process.kill()
                    return "failed", f"it needs more than {limits.memory_bytes / 2**30:.1f} GiB of memory; choose a shorter or smaller clip"
            try:
                message = process.receive(_POLL_SECONDS)
            except TimeoutError:
                self._tell(job, pace)
                continue
            except EOFError:
                code = process.exit_code()
                if asked_to_stop:
                    return "cancelled", ""
                return "died", f"its process ended ({'no exit code' if code is None else f'code {code}'})"
            if "stage" in message:
                pace.at(message["stage"], message["share"])
                self._tell(job, pace)
            elif "dance_seconds" in message:
                pace.seconds = message["dance_seconds"]
            elif "made" in message:
                self._publish(job, dance, folder / message["folder"], message)
            else:
                if message["end"] == "done":
                    for stage, share in pace.learned().items():
                        library.learn_pace(stage, share)
                return message["end"], message.get("error", "")

    def _spec(self, job: Row, dance: Row, folder: Path, processor_seconds: float) -> dict[str, Any]:
        library = self.library
        paths = {"video": library.video(dance), "dance": library.place("dances", dance["id"]) / "dance.take"}
        if job["take"]:
            paths["take"] = library.place("takes", job["take"])
        if like := job["asked"].get("like"):
            paths["like"] = library.place("takes", like)
        paths |= {key: library.place("takes", key) for key in job["asked"].get("takes", ())}
        return {
            "job": job["id"],
            "kind": job["kind"],
            "asked": job["asked"],
            "folder": str(folder.resolve()),
            "paths": {name: str(path.resolve()) for name, path in paths.items()},
            "made": [row["number"] for row in library.rows("takes", "job = ?", [job["id"]])],
            "processor_seconds": round(processor_seconds),
            "memory_bytes": self.limits.address_bytes,
        }

    def _publish(self, job: Row, dance: Row, folder: Path, message: dict[str, Any]) -> None:
        """Put what was made in its place, then enter it."""
        library, about = self.library, message["about"]
        if message["made"] == "dance":
            for path in folder.iterdir():
                path.replace(library.place("dances", dance["id"]) / path.name)
            library.change("dances", dance["id"], state="ready", about=dance["about"] | about | self._ending(job))
        elif message["made"] == "take":
            key = new_id()
            library.move_in(folder, "takes", key)
            candidate = job["kind"] == "section"
            title = f"Choice {message['number'] + 1}" if candidate else library.next_title(dance["id"])
            about = about | self._ending(job)
            entry = {"title": title, "parent": job["take"], "candidate": int(candidate), "job": job["id"], "number": message["number"]}
            library.add("takes", id=key, dance=dance["id"], about=about, **entry)
        elif message["made"] == "stems":
            take = self._take_of(job, message)
            for path in folder.iterdir():
                target = library.place("takes", take["id"]) / path.name
                shutil.rmtree(target, ignore_errors=True)
                path.replace(target)
            library.change("takes", take["id"], about=take["about"] | about)
        else:
            key = new_id()
            library.move_in(folder, "exports", key)
            library.add("exports", id=key, dance=dance["id"], title=job["asked"]["name"], about=about, job=job["id"])

    def _ending(self, job: Row) -> dict[str, bool]:
        """Whether the music was to end on a last chord, as it was asked of a job or of the take that it begins from; nothing if unknown."""
        before = self.library.row("takes", job["take"]) if job["take"] else None
        known = job["asked"] if before is None else before["about"]
        return {"ending": known["ending"]} if "ending" in known else {}

    def _take_of(self, job: Row, message: dict[str, Any]) -> Row:
        """The take that stems belong to: the job's own, or one that it has just made."""
        if job["kind"] == "stems":
            found = self.library.row("takes", job["take"])
        else:
            found = self.library.rows("takes", "job = ? AND number = ?", [job["id"], message["number"]])[0]
        assert found is not None, "a take that is or was just made"
        return found

    def _tell(self, job: Row, pace: Pace) -> None:
        stages = pace.stages
        here = stages.index(pace.stage) if pace.stage in stages else 0
        told: dict[str, Any] = {"stage": pace.stage, "share": pace.share, "step": here, "steps": len(stages)}
        if (left := pace.told_seconds()) is not None:
            told["left_seconds"] = round(left, 1)
        self._progress[job["id"]] = told
        self.told(job | told)

    def _end(self, job: Row, state: str, error: str = "") -> None:
        self._progress.pop(job["id"], None)
        dance = self.library.row("dances", job["dance"])
        if job["kind"] == "dance" and dance is not None and dance["state"] == "new" and state != "done":
            self.library.change("dances", dance["id"], state=state, about=dance["about"] | {"error": error})
        self.library.change("jobs", job["id"], state=state, error=error, ended=time.time())
        self._unwanted.discard(job["id"])

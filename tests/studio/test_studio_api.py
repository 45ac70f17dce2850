"""What the API does with a dance and its takes."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from dance2music.music.loudness import loudness
from dance2music.types import Audio
from studio_server import Running


def sound(studio: Running, take: str, name: str = "sound") -> tuple[np.ndarray, int]:
    """Samples int16 [N, C] of a take as it is served."""
    status, data, _ = studio.request("GET", f"/media/takes/{take}/{name}")
    assert status == 200
    return soundfile.read(io.BytesIO(data), dtype="int16", always_2d=True)


def done(studio: Running, answer: Any) -> Any:
    job = studio.settled(answer["job"]["id"])
    assert job["state"] == "done", job["error"]
    return job


def takes_of(studio: Running, job: Any) -> list[Any]:
    return [take for take in studio.ask("GET", "/api/library")["takes"] if take["job"] == job["id"]]


def test_a_dance_that_was_watched_tells_its_curve_its_beats_and_its_take(studio: Running, dance: Any, take: Any) -> None:
    about = dance["about"]
    assert dance["state"] == "ready" and dance["title"] == "first" and about["seconds"] == pytest.approx(4.0, abs=0.05)
    assert len(about["velocity"]) == pytest.approx(4.0 * about["velocity_fps"], abs=3)
    assert about["beat_times_seconds"] == take["about"]["beat_times_seconds"]
    samples, rate = sound(studio, take["id"])
    assert len(samples) == round(about["seconds"] * rate) and samples.any()
    assert loudness(Audio(samples.T / 32768, rate)) == pytest.approx(take["about"]["loudness_lufs"], abs=0.1)
    status, poster, _ = studio.request("GET", f"/media/dances/{dance['id']}/poster")
    assert status == 200 and poster.startswith(b"\xff\xd8")


def test_parts_of_a_file_can_be_asked_for_as_players_do(studio: Running, dance: Any, clip: Path) -> None:
    status, data, headers = studio.request("GET", f"/media/dances/{dance['id']}/video", headers={"Range": "bytes=100-199"})
    assert status == 206 and data == clip.read_bytes()[100:200]
    assert headers["content-range"] == f"bytes 100-199/{clip.stat().st_size}"


def test_stems_add_up_to_the_take(studio: Running, take: Any) -> None:
    stems = take["about"]["stem_waves"]["names"]
    whole, _ = sound(studio, take["id"])
    parts = sum(sound(studio, take["id"], f"stems/{stem}")[0].astype(np.int64) for stem in stems)
    assert np.abs(parts - whole).max() <= len(stems) + 1


def test_a_section_is_drawn_three_times_and_outside_no_sample_changes(studio: Running, take: Any) -> None:
    span = {"from_seconds": 1.2, "to_seconds": 2.4}
    earlier = done(studio, studio.ask("POST", f"/api/takes/{take['id']}/section", span | {"count": 1}))
    job = done(studio, studio.ask("POST", f"/api/takes/{take['id']}/section", span))
    choices = takes_of(studio, job)
    assert [choice["title"] for choice in choices] == ["Choice 1", "Choice 2", "Choice 3"]
    before, rate = sound(studio, take["id"])
    outside = np.r_[0 : round(0.7 * rate), round(2.9 * rate) : len(before)]
    heard = [sound(studio, choice["id"])[0] for choice in choices]
    for after in heard:
        assert np.array_equal(before[outside], after[outside])
        assert not np.array_equal(before, after)
    assert len({after.tobytes() for after in heard}) == 3
    kept = studio.ask("POST", f"/api/takes/{choices[1]['id']}/keep")
    assert not kept["candidate"] and kept["title"].startswith("Take ") and kept["parent"] == take["id"]
    left = {choice["id"]: choice["deleted"] for choice in takes_of(studio, job)}
    assert left[choices[0]["id"]] and left[choices[2]["id"]] and left[choices[1]["id"]] is None
    assert takes_of(studio, earlier)[0]["deleted"], "a choice that nobody decided about came back"


def test_only_the_drums_of_a_section_are_drawn_where_that_is_asked(studio: Running, take: Any, tmp_path: Path) -> None:
    from dance2music.takes.take import load_take

    body = {"from_seconds": 0.5, "to_seconds": 3.0, "roles": ["drums"], "count": 1}
    job = done(studio, studio.ask("POST", f"/api/takes/{take['id']}/section", body))
    scores = []
    for key in (take["id"], takes_of(studio, job)[0]["id"]):
        (tmp_path / f"{key}.take").write_bytes(studio.request("GET", f"/media/takes/{key}/take")[1])
        scores.append({track.role: track.notes for track in load_take(tmp_path / f"{key}.take").score.tracks})  # type: ignore[union-attr]
    before, after = scores
    assert {role for role in before if before[role] != after.get(role, [])} <= {"drums"}


def test_other_beats_give_a_take_that_follows_them(studio: Running, dance: Any, take: Any) -> None:
    job = done(studio, studio.ask("POST", f"/api/dances/{dance['id']}/rhythm", {"shift_beats": 0.5, "like": take["id"]}))
    (moved,) = takes_of(studio, job)
    beat = 60.0 / take["about"]["tempo_bpm"]
    before, after = (np.array(t["about"]["beat_times_seconds"]) for t in (take, moved))
    distance = np.abs(after[:, None] - (before[None] + beat / 2)).min(axis=1)
    assert np.median(distance) < 0.01
    half = studio.ask("POST", f"/api/dances/{dance['id']}/rhythm", {"factor": 0.5, "like": take["id"]})
    studio.ask("DELETE", f"/api/jobs/{half['job']['id']}")
    assert studio.settled(half["job"]["id"])["state"] in ("cancelled", "done")


def test_faders_are_rendered_into_the_export(studio: Running, take: Any, tmp_path: Path) -> None:
    stems = take["about"]["stem_waves"]["names"]
    assert "drums" in stems
    changed = studio.ask("PATCH", f"/api/takes/{take['id']}", {"mix": {"drums": {"solo": True, "gain_db": -6.0}}})
    assert changed["mix"] == {"drums": {"gain_db": -6.0, "mute": False, "solo": True}}
    asked = {"video": False, "sounds": [".wav"], "loud": False, "midi": True, "take": True}
    job = done(studio, studio.ask("POST", f"/api/takes/{take['id']}/exports", asked))
    studio.ask("PATCH", f"/api/takes/{take['id']}", {"mix": {}})
    (export,) = [row for row in studio.ask("GET", "/api/library")["exports"] if row["job"] == job["id"]]
    assert [name.rpartition(".")[2] for name in export["about"]["files"]] == ["wav", "mid", "take", "json"]
    status, data, headers = studio.request("GET", f"/media/exports/{export['id']}/0")
    assert status == 200 and "attachment" in headers["content-disposition"]
    mixed, _ = soundfile.read(io.BytesIO(data), dtype="float64", always_2d=True)
    drums = sound(studio, take["id"], "stems/drums")[0] / 32768 * 10 ** (-6 / 20)
    assert np.abs(mixed - drums).max() < 2e-4


def exported(studio: Running, take: Any, **asked: Any) -> dict[str, tuple[np.ndarray, int, str]]:
    """Samples float64 [N, C], rate and subtype of the wav files of an export, by what is behind the take's name; and the take file."""
    job = done(studio, studio.ask("POST", f"/api/takes/{take['id']}/exports", {"video": False, **asked}))
    (export,) = [row for row in studio.ask("GET", "/api/library")["exports"] if row["job"] == job["id"]]
    found = {}
    for i, name in enumerate(export["about"]["files"]):
        data = studio.request("GET", f"/media/exports/{export['id']}/{i}")[1]
        if name.endswith(".wav"):
            samples, rate = soundfile.read(io.BytesIO(data), dtype="float64", always_2d=True)
            assert name.removeprefix(export["title"]) not in found
            found[name.removeprefix(export["title"])] = samples, rate, soundfile.info(io.BytesIO(data)).subtype
    return found


@pytest.mark.parametrize("drawn_again", [False, True])
def test_an_exported_wav_has_the_24_bits_of_its_take_file_and_is_written_once(
    studio: Running, take: Any, drawn_again: bool, tmp_path: Path
) -> None:
    from dance2music.music.audio import save_audio
    from dance2music.takes.take import load_take

    if drawn_again:
        job = done(studio, studio.ask("POST", f"/api/takes/{take['id']}/section", {"from_seconds": 1.2, "to_seconds": 2.4, "count": 1}))
        take = studio.ask("POST", f"/api/takes/{takes_of(studio, job)[0]['id']}/keep")
    samples, rate, subtype = exported(studio, take, sounds=[".wav", ".wav"])[".wav"]
    (tmp_path / "a.take").write_bytes(studio.request("GET", f"/media/takes/{take['id']}/take")[1])
    save_audio(load_take(tmp_path / "a.take").finished, tmp_path / "a.wav")
    assert subtype == "PCM_24" and rate == soundfile.info(tmp_path / "a.wav").samplerate
    assert np.array_equal(samples, soundfile.read(tmp_path / "a.wav", dtype="float64", always_2d=True)[0])


@pytest.mark.parametrize("mix", [{}, {"drums": {"gain_db": 4.0}, "bass": {"mute": True}}])
def test_exported_stems_add_up_to_the_exported_mix(studio: Running, take: Any, mix: Any) -> None:
    studio.ask("PATCH", f"/api/takes/{take['id']}", {"mix": mix})
    found = exported(studio, take, sounds=[".wav"], stems=True)
    studio.ask("PATCH", f"/api/takes/{take['id']}", {"mix": {}})
    whole, stems = found.pop(".wav")[0], found
    assert ".drums.wav" in stems and (".bass.wav" in stems) == (not mix)
    assert {subtype for _, _, subtype in stems.values()} <= {"PCM_24", "FLOAT"}
    assert np.abs(sum(samples for samples, _, _ in stems.values()) - whole).max() < (len(stems) + 1) * 2.0**-22


def test_exported_stems_add_up_to_the_mix_with_the_clips_own_sound_too(studio: Running, take: Any, tmp_path: Path) -> None:
    job = done(studio, studio.ask("POST", f"/api/takes/{take['id']}/exports", {}))
    (export,) = [row for row in studio.ask("GET", "/api/library")["exports"] if row["job"] == job["id"]]
    (tmp_path / "sounding.mp4").write_bytes(studio.request("GET", f"/media/exports/{export['id']}/0")[1])
    made = studio.upload(tmp_path / "sounding.mp4", "sounding.mp4")
    (other,) = takes_of(studio, done(studio, made))
    studio.ask("PATCH", f"/api/takes/{other['id']}", {"mix": {"drums": {"mute": True}}})
    found = exported(studio, other, sounds=[".wav"], stems=True, original_db=-6.0, duck_db=9.0)
    studio.ask("DELETE", f"/api/dances/{made['dance']['id']}")
    whole = found.pop(".wav")[0]
    assert ".original.wav" in found and ".drums.wav" not in found
    assert np.abs(sum(samples for samples, _, _ in found.values()) - whole).max() < (len(found) + 1) * 2.0**-21


def test_an_export_with_all_faders_down_leaves_a_library_that_a_page_can_read(studio: Running, take: Any) -> None:
    muted = {stem: {"mute": True} for stem in take["about"]["stem_waves"]["names"]}
    studio.ask("PATCH", f"/api/takes/{take['id']}", {"mix": muted})
    job = done(studio, studio.ask("POST", f"/api/takes/{take['id']}/exports", {"video": False, "sounds": [".wav"]}))
    studio.ask("PATCH", f"/api/takes/{take['id']}", {"mix": {}})
    (export,) = [row for row in studio.ask("GET", "/api/library")["exports"] if row["job"] == job["id"]]
    assert export["about"]["loudness_lufs"] is None


def test_other_instruments_play_the_same_notes_in_a_take_of_their_own(studio: Running, take: Any) -> None:
    role, now = next(iter(take["about"]["voices"].items()))
    other = next(name for name in studio.ask("GET", "/api/library")["voices"][role] if name != now)
    job = done(studio, studio.ask("POST", f"/api/takes/{take['id']}/voices", {role: other}))
    (made,) = takes_of(studio, job)
    assert made["about"]["voices"] == take["about"]["voices"] | {role: other} and not made["candidate"]
    drums, stem = (sound(studio, made["id"], f"stems/{name}")[0] for name in ("drums", role))
    assert not np.array_equal(stem, sound(studio, take["id"], f"stems/{role}")[0])
    assert len(drums) == len(sound(studio, take["id"], "stems/drums")[0]) and drums.any()
    for asked, status in (({role: now}, 422), ({role: "kazoo"}, 422)):
        found, text, _ = studio.request(
            "POST", f"/api/takes/{take['id']}/voices", json.dumps(asked).encode(), {"Content-Type": "application/json"}
        )
        assert found == status, text


def test_the_document_says_how_a_video_comes_in(studio: Running) -> None:
    upload = studio.ask("GET", "/api/openapi.json")["paths"]["/api/dances"]["post"]
    assert "application/octet-stream" in upload["requestBody"]["content"]
    assert {one["name"] for one in upload["parameters"]} == {"title", "ending", "genre"}


def test_the_first_take_is_made_as_it_was_wished_with_the_upload_and_more_are_like_it(studio: Running, clip: Path) -> None:
    made = studio.upload(clip, "looped.mp4&ending=false&genre=house")
    (first,) = takes_of(studio, done(studio, made))
    assert made["job"]["asked"] == {"genre": "house", "ending": False}
    assert first["title"] == "Take 1" and first["about"]["genre"] == "house"
    assert first["about"]["loop"] and first["about"]["ending"] is False
    path = f"/api/dances/{made['dance']['id']}"
    assert studio.ask("GET", path)["about"]["ending"] is False and studio.ask("GET", path)["title"] == "looped"
    for body in ({}, {"like": first["id"]}, {"like": first["id"], "ending": True}):  # not by the form, which a clip of a beat or two lacks
        job = studio.ask("POST", f"{path}/takes", body)["job"]
        studio.ask("DELETE", f"/api/jobs/{job['id']}")
        assert job["asked"]["ending"] is body.get("ending", False)
    studio.ask("DELETE", path)


@pytest.mark.parametrize("wish", ["ending=perhaps", "genre=polka"])
def test_a_wish_that_is_none_is_refused_before_anything_is_kept(studio: Running, clip: Path, wish: str) -> None:
    before = len(studio.ask("GET", "/api/library")["dances"])
    headers = {"Content-Type": "application/octet-stream"}
    status, text, _ = studio.request("POST", f"/api/dances?title=a.mp4&{wish}", clip.read_bytes(), headers)
    assert status == 422 and wish.partition("=")[2] in text.decode() and "expected" in text.decode()
    assert len(studio.ask("GET", "/api/library")["dances"]) == before


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ({"tempo_bpm": 130.0, "factor": 2.0}, "the rhythm chosen is 260 bpm; expected 40 to 240; choose another"),
        ({"tempo_bpm": 60.0, "factor": 0.5}, "the rhythm chosen is 30 bpm; expected 40 to 240; choose another"),
        ({"taps_seconds": [0.5, 1.0]}, "taps: 2 taps; expected at least 4, one per beat, in seconds; tap on"),
    ],
)
def test_beats_that_are_none_are_refused_at_once(studio: Running, dance: Any, take: Any, asked: Any, said: str) -> None:
    body = json.dumps(asked | {"like": take["id"]}).encode()
    status, text, _ = studio.request("POST", f"/api/dances/{dance['id']}/rhythm", body, {"Content-Type": "application/json"})
    assert status == 400 and json.loads(text) == {"error": said}


def test_an_export_has_the_same_pictures_with_the_music(studio: Running, take: Any, clip: Path, tmp_path: Path) -> None:
    import av

    job = done(studio, studio.ask("POST", f"/api/takes/{take['id']}/exports", {"video": True, "sounds": [".flac", ".mp3"]}))
    (export,) = [row for row in studio.ask("GET", "/api/library")["exports"] if row["job"] == job["id"]]
    (tmp_path / "out.mp4").write_bytes(studio.request("GET", f"/media/exports/{export['id']}/0")[1])
    packets = []
    for path in (clip, tmp_path / "out.mp4"):
        with av.open(str(path)) as container:
            packets.append([bytes(packet) for packet in container.demux(video=0) if packet.size])
    assert packets[0] == packets[1]
    assert export["about"]["files"][1].endswith(".flac")


def test_takes_are_renamed_starred_thrown_away_and_taken_back(studio: Running, take: Any) -> None:
    path = f"/api/takes/{take['id']}"
    changed = studio.ask("PATCH", path, {"title": "  The <b>one</b>\n", "starred": True})
    assert changed["title"] == "The <b>one</b>" and changed["starred"] == 1
    assert studio.ask("DELETE", path)["deleted"]
    assert studio.ask("POST", f"{path}/restore")["deleted"] is None
    assert studio.ask("PATCH", path, {"title": take["title"], "starred": False})["starred"] == 0


def test_a_listening_test_between_takes_is_built_and_served(studio: Running, dance: Any) -> None:
    takes = [row["id"] for row in studio.ask("GET", f"/api/dances/{dance['id']}")["takes"] if not row["candidate"] and not row["deleted"]][
        :2
    ]
    for wrong in (takes[:1], [takes[0], takes[0]], [*takes, takes[0]], [takes[0], "no take"]):
        body, headers = json.dumps({"takes": wrong}).encode(), {"Content-Type": "application/json"}
        assert studio.request("POST", f"/api/dances/{dance['id']}/listening-test", body, headers)[0] == 422, wrong
    job = done(studio, studio.ask("POST", f"/api/dances/{dance['id']}/listening-test", {"takes": takes}))
    (export,) = [row for row in studio.ask("GET", "/api/library")["exports"] if row["job"] == job["id"]]
    status, page, headers = studio.request("GET", f"/listen/{export['id']}/index.html")
    assert status == 200 and b"Listening test" in page and headers["content-type"].startswith("text/html")
    script = studio.request("GET", f"/listen/{export['id']}/test.js")[1].decode()
    media = json.loads(script.partition("window.LISTENING_TEST = ")[2].rstrip().rstrip(";"))["media"]
    assert studio.request("GET", f"/listen/{export['id']}/{next(iter(media.values()))['file']}")[0] == 200
    assert studio.request("GET", f"/listen/{export['id']}/../key.json")[0] == 404


def test_takes_can_play_on_to_the_end_and_what_follows_them_does_too(studio: Running, dance: Any) -> None:
    def made(path: str, asked: dict[str, Any]) -> Any:
        (take,) = takes_of(studio, done(studio, studio.ask("POST", f"/api/dances/{dance['id']}/{path}", {"method": "composer"} | asked)))
        return take

    on = made("takes", {"ending": False})
    followed = made("rhythm", {"like": on["id"], "shift_beats": 0.5})
    ended = made("takes", {"like": on["id"], "ending": True})
    assert [[s["name"] for s in take["about"]["sections"]][-1] for take in (on, followed, ended)] == ["groove", "groove", "ending"]


def test_a_job_that_is_cancelled_stops_and_the_next_one_runs(studio: Running, dance: Any) -> None:
    first = studio.ask("POST", f"/api/dances/{dance['id']}/takes", {"count": 8})
    second = studio.ask("POST", f"/api/dances/{dance['id']}/takes", {"method": "composer"})
    studio.ask("DELETE", f"/api/jobs/{first['job']['id']}")
    assert studio.settled(first["job"]["id"])["state"] == "cancelled"
    done(studio, second)
    (made,) = takes_of(studio, second["job"])
    assert made["about"]["method"] == "composer"


def test_a_video_that_cannot_be_used_says_why_and_stays_in_sight(studio: Running, clip: Path, tmp_path: Path) -> None:
    (tmp_path / "cut.mp4").write_bytes(clip.read_bytes()[:3000])
    made = studio.upload(tmp_path / "cut.mp4", "cut.mp4")
    job = studio.settled(made["job"]["id"])
    assert job["state"] == "failed" and "truncated" in job["error"] and str(studio.folder) not in job["error"]
    found = studio.ask("GET", f"/api/dances/{made['dance']['id']}")
    assert found["state"] == "failed" and found["about"]["error"] == job["error"]

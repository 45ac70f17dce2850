"""A take lasts: the same bits come again from its file, a stranger's file harms nothing, a section of it can be drawn again."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors import safe_open
from safetensors.torch import save_file

import tiny
from dance2music.checkpoint import content_digest
from dance2music.errors import InputError
from dance2music.generation.outputs import describe, stems_of
from dance2music.generation.redraw import regenerate
from dance2music.methods.base import CodecGenerator
from dance2music.methods.composer import Composer
from dance2music.music.audio import save_wav
from dance2music.studio.mixing import read_sound
from dance2music.takes import take_file
from dance2music.takes.methods import METHODS, LoadedMethod, load_method
from dance2music.takes.sound import Finish, finish_from
from dance2music.takes.take import Edit, Source, Take, check_span, finished_take, load_take, make_takes
from dance2music.types import Conditioning, Dancer, Score, Span

SECONDS = 6.0
SPAN = Span(2.0, 4.0)
REDRAWN = [name for name, method in METHODS.items() if method.redraws]


def dance() -> Conditioning:
    return tiny.conditioning(SECONDS)


@cache
def take_of(method: str) -> Take:
    """A finished take of a method."""
    (take,) = make_takes(load_method(method), dance(), seeds=[1])
    return finished_take(take, denoise=METHODS[method].denoise)


@cache
def drawn_again(method: str) -> Take:
    """The same with `SPAN` drawn again from seed 9."""
    return regenerate(take_of(method), SPAN, seed=9)


@pytest.fixture(scope="module")
def composed(tmp_path_factory: pytest.TempPathFactory) -> tuple[Take, Path]:
    """A take of the composer, and its file."""
    take = replace(take_of("composer"), source=Source(Path("dance.mp4"), "0" * 64, True))
    path = tmp_path_factory.mktemp("take") / "composed.take"
    take.save(path)
    return take, path


def test_the_methods_that_can_draw_a_section_again_are_the_packages_own() -> None:
    assert REDRAWN == ["planned", "composer", "memory"] == [name for name, method in METHODS.items() if not method.compared]


@pytest.mark.parametrize("method", [*REDRAWN, "cmt", "jukebox-random"])
def test_the_same_bits_come_again_from_a_file(method: str, tmp_path: Path) -> None:
    take = take_of(method)
    take.save(tmp_path / "a.take")
    again = load_take(tmp_path / "a.take")
    assert np.array_equal(again.finished.samples, take.finished.samples) and again.finished.sample_rate == take.finished.sample_rate
    assert (again.method, again.seed, again.candidates, again.given) == (take.method, take.seed, take.candidates, take.given)
    assert (again.score is None) == (take.score is None) == (not METHODS[method].notes)
    if take.score is not None and again.score is not None:
        assert again.score.tracks == take.score.tracks and again.score.swing == take.score.swing
        assert again.score.sections == take.score.sections
    a, b = again.conditioning, take.conditioning
    assert a.sections == b.sections and [s.name for s in a.sections] == ["groove", "ending"]
    assert again.sections == (() if METHODS[method].compared else a.sections)
    assert torch.equal(a.motion, b.motion) and a.rhythm.tempo_bpm == b.rhythm.tempo_bpm and a.genre == b.genre
    assert np.array_equal(a.rhythm.beat_times_seconds, b.rhythm.beat_times_seconds)
    assert a.dance is not None and b.dance is not None and np.array_equal(a.dance.joints, b.dance.joints)


def test_the_report_lists_the_sections_of_the_music(composed: tuple[Take, Path]) -> None:
    told = describe(composed[0])["sections"]
    assert [section["name"] for section in told] == ["groove", "ending"]
    assert told[0]["begin_seconds"] == 0 and told[0]["end_seconds"] == told[1]["begin_seconds"] and told[1]["end_seconds"] == SECONDS
    ending = composed[0].sections[-1].begin_beat
    assert told[1]["begin_seconds"] == pytest.approx(float(dance().rhythm.time_at(np.array([ending]))[0]), abs=1e-3)
    assert describe(take_of("cmt"))["sections"] == []


def test_a_file_is_the_same_each_time_it_is_written(composed: tuple[Take, Path], tmp_path: Path) -> None:
    take, path = composed
    take.save(tmp_path / "again.take")
    load_take(path).save(tmp_path / "read.take")
    contents = [read(file) for file in (path, tmp_path / "again.take", tmp_path / "read.take")]
    assert contents[0] == contents[1] == contents[2]


def read(path: Path) -> tuple[dict[str, str], dict[str, list[int]]]:
    """Metadata and the bytes of the tensors of a file."""
    with safe_open(path, framework="pt") as file:
        return dict(file.metadata()), {name: file.get_tensor(name).flatten().view(torch.uint8).tolist() for name in sorted(file.keys())}


@pytest.mark.parametrize("method", REDRAWN)
def test_a_section_drawn_again_changes_nothing_farther_than_half_a_second_outside(method: str, tmp_path: Path) -> None:
    take, new = take_of(method), drawn_again(method)
    rate = take.finished.sample_rate
    changed = np.flatnonzero((take.finished.samples != new.finished.samples).any(axis=0)) / rate
    assert len(changed) > 0.5 * rate * (SPAN.end_seconds - SPAN.begin_seconds), "inside, most samples are others"
    assert changed.min() > SPAN.begin_seconds - 0.5 and changed.max() < SPAN.end_seconds + 0.5
    assert new.edits[-1].span == SPAN and new.edits[-1].seed == 9 and not take.edits
    new.save(tmp_path / "b.take")
    again = load_take(tmp_path / "b.take")
    assert np.array_equal(again.finished.samples, new.finished.samples)
    other = regenerate(take, SPAN, seed=10)
    assert not np.array_equal(other.finished.samples, new.finished.samples)
    assert np.array_equal(regenerate(take, SPAN, seed=9).finished.samples, new.finished.samples)


@pytest.mark.parametrize("method", REDRAWN)
def test_sections_put_into_a_sound_file_give_the_file_that_the_take_gives(method: str, tmp_path: Path) -> None:
    save_wav(take_of(method).finished, tmp_path / "heard.wav")
    for take in (drawn_again(method), regenerate(drawn_again(method), Span(1.0, 2.2), seed=4)):
        save_wav(take.section_sound(read_sound(tmp_path / "heard.wav")), tmp_path / "heard.wav")
    take.save(tmp_path / "again.take")
    save_wav(load_take(tmp_path / "again.take").finished, tmp_path / "again.wav")
    assert (tmp_path / "heard.wav").read_bytes() == (tmp_path / "again.wav").read_bytes()


def test_takes_of_before_there_were_levels_have_their_sections_rendered_with_the_whole(tmp_path: Path) -> None:
    take = take_of("composer")
    older = replace(take, finishing=replace(take.finishing, levels=None))
    assert take.finishing.levels is not None
    new = regenerate(older, SPAN, seed=9)
    new.save(tmp_path / "old.take")
    again = load_take(tmp_path / "old.take")
    assert again.finishing.levels is None and np.array_equal(again.finished.samples, new.finished.samples)
    inside = slice(round(2.5 * 48_000), round(3.5 * 48_000))
    whole, alone = new.finished.samples[:, inside], drawn_again("composer").finished.samples[:, inside]
    assert not np.array_equal(whole, alone) and np.corrcoef(whole[0], alone[0])[0, 1] > 0.98


@pytest.mark.parametrize("levels", [[1.0], [0.1, 1.0, 0.1, 0.1, "loud"], [0.1, 1.0, 0.1, 0.1, float("nan")], "quiet"])
def test_levels_that_cannot_be_are_refused(composed: tuple[Take, Path], levels: object) -> None:
    values = composed[0].finishing.values() | {"levels": levels}
    with pytest.raises((ValueError, TypeError)):
        finish_from(values, sound="studio")
    with pytest.raises(ValueError, match="levels cannot be"):
        finish_from(composed[0].finishing.values(), sound="neural")


@pytest.mark.parametrize("method", ["planned", "composer"])
def test_music_in_the_section_goes_on_in_key_tempo_groove_and_with_the_same_instruments(method: str) -> None:
    take, new = take_of(method), drawn_again(method)
    before, after = take.score, new.score
    assert before is not None and after is not None
    assert (before.key, before.minor, before.swing, before.genre) == (after.key, after.minor, after.swing, after.genre)
    assert np.array_equal(before.beat_times_seconds, after.beat_times_seconds)
    assert {track.role: track.program for track in before.tracks} == {track.role: track.program for track in after.tracks}
    scale = pitch_classes(before)
    drawn = pitch_classes(after, SPAN)
    assert len(drawn - scale) <= 2, f"the section plays {drawn - scale} beside the piece's own {scale}"
    assert played(after, SPAN) > 0.4 * played(before, SPAN) > 0
    assert before.tracks != after.tracks


def pitch_classes(score: Score, span: Span | None = None) -> set[int]:
    """Pitch classes of the notes that begin in a section."""
    found = set()
    for track in score.tracks:
        times = score.time_at(np.array([note.start_beats for note in track.notes]))
        inside = [span is None or span.begin_seconds <= t < span.end_seconds for t in times]
        found |= {note.pitch % 12 for note, is_in in zip(track.notes, inside) if is_in and not track.is_drum}
    return found


def played(score: Score, span: Span) -> int:
    """Notes that begin in a section."""
    starts = [score.time_at(np.array([note.start_beats for note in track.notes])) for track in score.tracks if track.notes]
    times = np.concatenate(starts)
    return int(((times >= span.begin_seconds) & (times < span.end_seconds)).sum())


def test_the_level_of_a_section_is_that_of_the_piece_around_it() -> None:
    take = take_of("planned")
    new, rate = regenerate(take, SPAN, seed=3), take.finished.sample_rate
    levels = [float(np.sqrt(np.mean(np.square(t.finished.samples[:, 2 * rate : 4 * rate])))) for t in (take, new)]
    assert 0.5 < levels[1] / levels[0] < 2.0
    seam = np.abs(np.diff(new.finished.samples[0]))
    around = [seam[round((t - 0.26) * rate) : round((t + 0.26) * rate)].max() for t in SPAN]
    assert max(around) <= seam.max(), "no click at a border is the largest step of the piece"


def test_sections_are_drawn_one_after_the_other() -> None:
    take = take_of("composer")
    first = regenerate(take, Span(1.0, 2.0), seed=1)
    second = regenerate(first, Span(4.0, 5.0), seed=2)
    rate = take.finished.sample_rate
    kept = slice(round(0.5 * rate), round(2.5 * rate))
    assert np.array_equal(second.finished.samples[:, kept], first.finished.samples[:, kept])
    assert [edit.seed for edit in second.edits] == [1, 2]


@pytest.mark.parametrize("method", ["composer", "planned"])
def test_stems_of_a_take_that_was_drawn_into_add_up_to_what_is_heard(method: str) -> None:
    take = regenerate(regenerate(take_of(method), Span(1.0, 2.0), seed=1), SPAN, seed=2)
    stems = stems_of(take)
    assert len(stems) > 1
    # In a seam of the mix what fades out has 16 bits, in those of the stems it has all.
    assert np.allclose(sum(stem.samples for stem in stems.values()), take.finished.samples, atol=2.6e-5)


@pytest.mark.parametrize(
    ("span", "said"),
    [
        (Span(4.0, 2.0), r"section from 4 s to 2 s: expected one within 0 s and 6\.\d+ s, the earlier time first"),
        (Span(-1.0, 2.0), "section from -1 s to 2 s: expected one within"),
        (Span(2.0, 9.0), "section from 2 s to 9 s: expected one within"),
        (Span(7.0, 9.0), "expected one within"),
        (Span(2.0, 2.2), r"is 0\.20 s long; expected at least a beat, 0\.\d\d s"),
        (Span(float("nan"), 3.0), "expected one within"),
    ],
)
def test_a_section_that_cannot_be_is_refused_in_one_line(composed: tuple[Take, Path], span: Span, said: str) -> None:
    with pytest.raises(InputError, match=said) as error:
        regenerate(composed[0], span, seed=0)
    assert "\n" not in str(error.value)
    check_span(composed[0], Span(0.0, composed[0].conditioning.duration_seconds))


def test_a_section_in_the_ring_of_the_last_chord_is_refused(composed: tuple[Take, Path]) -> None:
    take, _ = composed
    assert take.score is not None
    rings = float(take.score.time_at(np.array([float(take.score.sections[-1].begin_beat)]))[0])
    length = take.conditioning.duration_seconds
    check_span(take, Span(rings, length))
    beat = 60.0 / take.conditioning.rhythm.tempo_bpm
    if length - rings > beat + 0.1:
        with pytest.raises(InputError, match=f"the last chord rings since {rings:.2f} s; begin there or earlier"):
            regenerate(take, Span(rings + 0.05, length), seed=0)
    else:
        pytest.fail("the example's ending is too short for this test")


def test_a_method_that_makes_whole_pieces_says_so_in_one_line() -> None:
    (take,) = make_takes(load_method("dance2music-offline"), dance(), seeds=[0])
    with pytest.raises(InputError, match=r"'dance2music-offline': makes whole pieces .* expected a take of planned, composer, memory"):
        regenerate(take, SPAN, seed=0)
    for name in ("dance2music-offline", "jukebox-random"):
        with pytest.raises(InputError, match=f"'{name}': makes whole pieces"):
            load_method(name).generate(dance(), [0], span=SPAN, keep=take.music if name.startswith("dance") else None)


def test_a_file_that_is_no_take_is_refused_in_one_line(composed: tuple[Take, Path], tmp_path: Path) -> None:
    data = composed[1].read_bytes()
    files = {
        "missing.take": (None, "no such file; expected a take"),
        "empty.take": (b"", "cannot be read as safetensors"),
        "text.take": (b"take" * 100, "cannot be read as safetensors"),
        "half.take": (data[: len(data) // 2], "cannot be read as safetensors"),
        "flipped.take": (data[:-1] + bytes([data[-1] ^ 1]), "content does not match its digest"),
        "head.take": (data.replace(b'house', b'waack', 1), "content does not match its digest"),
    }  # fmt: skip
    for name, (content, said) in files.items():
        if content is not None:
            (tmp_path / name).write_bytes(content)
        with pytest.raises(InputError, match=said) as error:
            load_take(tmp_path / name)
        assert str(tmp_path / name) in str(error.value) and "\n" not in str(error.value)
    with pytest.raises(InputError, match="is dance2music-1; expected dance2music-take-1"):
        load_take(Path(take_file.__file__).parents[1] / "weights" / "rhythm.safetensors")


def forged(path: Path, source: Path, change: Callable[[dict[str, Any], dict[str, torch.Tensor]], None]) -> Path:
    """A file like another with something changed by somebody who knows how to make the digest right."""
    with safe_open(source, framework="pt") as file:
        metadata, tensors = dict(file.metadata()), {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    header = json.loads(metadata["take"])
    change(header, tensors)
    metadata["take"] = json.dumps(header)
    metadata["digest"] = content_digest(tensors, metadata, ("format", "take"))
    save_file(tensors, path, metadata=metadata)
    return path


def changed_level(header: dict[str, Any], index: int, value: float) -> None:
    header["finish"]["levels"][index] = value


FORGED: dict[str, tuple[Callable[[dict[str, Any], dict[str, torch.Tensor]], Any], str]] = {
    "another network": (lambda h, t: h["digests"].update(network="0" * 12), "was made with another network of method 'composer'"),
    "an unknown method": (lambda h, t: h.update(method="magic"), "was made by method 'magic'; expected one of planned"),
    "no music": (lambda h, t: h.pop("music"), "does not hold what a take holds"),
    "a header that is a list": (lambda h, t: h.update(dance=[]), "does not hold what a take holds"),
    "beats that go back": (lambda h, t: t.update({"rhythm.beats": t["rhythm.beats"].flip(0).clone()}), "beats"),
    "no beats": (lambda h, t: t.update({"rhythm.beats": torch.zeros(0, dtype=torch.float64)}), "beats"),
    "beats that are no numbers": (lambda h, t: t["rhythm.beats"].fill_(float("nan")), "an array cannot be"),
    "a year of music": (lambda h, t: h["dance"].update(duration_seconds=3.2e7), "a number cannot be"),
    "a downbeat that is not there": (lambda h, t: h["dance"]["rhythm"].update(downbeat=10**9), "a number cannot be 1000000000"),
    "a genre that is none": (lambda h, t: h["dance"].update(genre="polka"), "does not hold what a take holds"),
    "a skeleton that is none": (lambda h, t: h["dance"]["dance"].update(skeleton="snake"), "joints cannot be"),
    "pitches beyond the keyboard": (lambda h, t: t["music.notes"][:, 3].fill_(900.0), "notes cannot be"),
    "notes of a track that is not there": (lambda h, t: t["music.notes"][:, 0].fill_(60.0), "a number cannot be"),
    "a role that is none": (lambda h, t: h["music"]["score"]["tracks"][0].update(role="kazoo"), "roles cannot be"),
    "codes of a method without a codec": (lambda h, t: h["music"].update(codes=True), "codes cannot be|does not hold"),
    "a text for a number": (lambda h, t: h.update(seed="1; drop"), "a whole number cannot be"),
    "motion without its features": (lambda h, t: t.update(motion=t["motion"][:, :1].clone()), "motion cannot be"),
    "a name with a zero byte": (lambda h, t: h["source"].update(path="a\0b"), "source cannot be"),
    "a million sections": (lambda h, t: h.update(edits=[{}] * 100_000), "edits cannot be"),
    "sections that leave a gap": (lambda h, t: h["dance"]["sections"][0].update(end_beat=1), "sections cannot be"),
    "a section that is none": (lambda h, t: h["music"]["score"]["sections"][0].update(name="chorus"), "a section cannot be"),
    "another soundfont": (
        lambda h, t: h.update(given={**h["given"], "sound": "soundfont"}, soundfont={"given": None, "name": "x", "sha256": "0" * 64}),
        "was played with soundfont",
    ),
    "a mix without any power": (lambda h, t: changed_level(h, 3, 0.0), "a number cannot be 0.0"),
    "a mix of less than no power": (lambda h, t: changed_level(h, 3, -1e-6), "a number cannot be -1e-06"),
    "a compressor of less than no power": (lambda h, t: changed_level(h, 2, -1.0), "a number cannot be -1.0"),
    "a gain beyond all ears": (lambda h, t: changed_level(h, 4, 1e4), "a number cannot be 10000.0"),
    "a gain of nothing": (lambda h, t: changed_level(h, 4, -200.0), "a number cannot be -200.0"),
    "a width beyond all rooms": (lambda h, t: changed_level(h, 1, 1e4), "a number cannot be 10000.0"),
    "a side turned around": (lambda h, t: changed_level(h, 1, -200.0), "a number cannot be -200.0"),
    "levels that are no numbers": (lambda h, t: changed_level(h, 0, float("inf")), "a number cannot be inf|does not hold"),
    "a sound that is none": (
        lambda h, t: h.update(given={**h["given"], "sound": "kazoo"}),
        "unknown; method 'composer' can be heard as studio, soundfont",
    ),
    "weights that are not here": (
        lambda h, t: h.update(method="d2m-gan", given={**h["given"], "weights": "/nowhere", "sound": ""}),
        "no such file or folder",
    ),
}  # fmt: skip


@pytest.mark.parametrize("what", FORGED)
def test_what_a_stranger_put_into_a_file_is_refused_in_one_line(composed: tuple[Take, Path], tmp_path: Path, what: str) -> None:
    change, said = FORGED[what]
    path = forged(tmp_path / "forged.take", composed[1], change)
    with pytest.raises(InputError, match=said) as error:
        load_take(path).finished  # noqa: B018
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("gain", [0.0, 1e-7, 1e-3, 100.0])
def test_silent_and_very_quiet_and_very_loud_takes_come_again_from_their_files(
    composed: tuple[Take, Path], tmp_path: Path, gain: float
) -> None:
    take = composed[0]
    assert isinstance(take.music, Score)
    quiet = replace(take.music, tracks=[replace(track, gain=gain) for track in take.music.tracks], sections=())
    made = finished_take(replace(take, music=quiet, finishing=Finish()))
    made.save(tmp_path / "quiet.take")
    again = load_take(tmp_path / "quiet.take")
    assert again.finishing == made.finishing and (made.finishing.levels is None) == (gain == 0)
    assert np.array_equal(again.finished.samples, made.finished.samples) and np.isfinite(made.finished.samples).all()


def test_a_take_says_in_a_line_what_it_is(composed: tuple[Take, Path]) -> None:
    take = composed[0]
    said = repr(replace(take, edits=(Edit(SPAN, 3, take.music),)))
    length, bpm = take.conditioning.duration_seconds, take.conditioning.rhythm.tempo_bpm
    assert said.startswith(f"<Take of composer: {length:.2f} s, ") and f"at {bpm:.1f} bpm, seed 1, 1 sections drawn again>" in said
    assert len(repr(Edit(SPAN, 3, take.music))) < 100


@pytest.mark.parametrize("span", [2.0, (1.0,), (1.0, 2.0, 3.0), ("a", "b"), None])
def test_a_section_that_is_no_two_times_is_refused(composed: tuple[Take, Path], span: Any) -> None:
    with pytest.raises(InputError, match="expected two times in seconds, from and to"):
        regenerate(composed[0], span, seed=0)


@pytest.mark.parametrize("seed", ["1", 1.5, -1, True, None])
def test_a_seed_that_is_no_whole_number_is_refused(composed: tuple[Take, Path], seed: Any) -> None:
    with pytest.raises(InputError, match=r"--seed .*: expected a whole number from 0"):
        regenerate(composed[0], SPAN, seed=seed)


def test_a_take_that_was_drawn_into_is_finished_already(composed: tuple[Take, Path]) -> None:
    drawn = replace(composed[0], edits=(Edit(SPAN, 3, composed[0].music),))
    with pytest.raises(InputError, match="1 sections drawn again: is finished already"):
        finished_take(drawn)


def test_codes_beyond_the_codebook_are_refused(tmp_path: Path) -> None:
    take_of("memory").save(tmp_path / "a.take")
    for change in (
        lambda h, t: t["music.codes"].fill_(100_000),
        lambda h, t: t["music.codes"].fill_(-1),
        lambda h, t: t.update({"music.codes": t["music.codes"].repeat(1, 50)}),
        lambda h, t: t.update({"music.codes": t["music.codes"].repeat(50, 1)}),
    ):
        with pytest.raises(InputError):
            load_take(forged(tmp_path / "b.take", tmp_path / "a.take", change))


def test_a_take_is_written_whole_or_not_at_all(composed: tuple[Take, Path], tmp_path: Path) -> None:
    with pytest.raises(InputError, match="does not exist"):
        composed[0].save(tmp_path / "nowhere" / "a.take")
    assert not list(tmp_path.iterdir())


def test_only_a_generators_own_piece_is_drawn_into() -> None:
    codec = tiny.codec()
    generator = CodecGenerator(load_method("memory").generator.network, codec)  # type: ignore[attr-defined]
    (take,) = make_takes(LoadedMethod(METHODS["composer"], Composer()), dance(), seeds=[0])
    with pytest.raises(AssertionError, match="latents"):
        generator.generate(dance(), [0], span=SPAN, keep=take.music)


def test_a_take_knows_who_was_seen(tmp_path: Path) -> None:
    given = dance()
    assert given.dance is not None
    other = replace(given.dance, joints=given.dance.joints[::-1].copy(), source="other")
    people = (Dancer(other, 0.4, 0.8, (Span(1.0, 2.0), Span(3.0, 4.5)), 0.25), Dancer(given.dance, 0.6, 0.9, (Span(0.0, SECONDS),), 0.75))
    (take,) = make_takes(load_method("composer"), replace(given, dancers=people), seeds=[1])
    finished_take(take, denoise=False).save(tmp_path / "a.take")
    again = load_take(tmp_path / "a.take").conditioning
    assert again.dancers[1].motion is again.dance
    assert np.array_equal(again.dancers[0].motion.joints, other.joints) and again.dancers[0].motion.source == "other"
    assert [one[1:] for one in again.dancers] == [one[1:] for one in people]
    told = describe(take)["dancers"]
    assert [one["share"] for one in told] == [0.25, 0.75] and told[0]["seen_seconds"] == [[1.0, 2.0], [3.0, 4.5]]

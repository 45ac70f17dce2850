"""Scores to MIDI files and back."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from dance2music.composer.compose import compose, compose_corpus_piece
from dance2music.errors import InputError
from dance2music.music.midi import load_midi, save_midi
from dance2music.music.smf import read_smf
from dance2music.types import Note, Score, Track


def events(score: Score) -> dict[str, list[tuple[float, int, int]]]:
    result = {}
    for track in score.tracks:
        if track.notes:
            times = score.time_at(np.array([n.start_beats for n in track.notes]))
            result[track.role] = sorted((n.pitch, float(t), n.velocity) for n, t in zip(track.notes, times))
    return result


@pytest.mark.parametrize("index", [0, 7, 21, 40, 59, 123])
def test_a_piece_comes_back_within_a_millisecond(tmp_path: Path, index: int) -> None:
    score = compose_corpus_piece(index, duration_seconds=12.0)
    save_midi(score, tmp_path / "piece.mid")
    again = load_midi(tmp_path / "piece.mid")
    assert (again.genre, again.key, again.minor, again.duration_seconds) == (score.genre, score.key, score.minor, 12.0)
    before, after = events(score), events(again)
    assert before.keys() == after.keys()
    for role, notes in before.items():
        assert [(p, v) for p, _, v in notes] == [(p, v) for p, _, v in after[role]]
        assert max(abs(a[1] - b[1]) for a, b in zip(notes, after[role])) < 1e-3
    assert {t.role: t.program for t in again.tracks} == {t.role: t.program for t in score.tracks if t.notes}


def test_other_players_hear_the_same_times(tmp_path: Path) -> None:
    """pretty_midi, an independent reader, finds the notes where the score puts them, also on an irregular grid that starts before 0."""
    import pretty_midi

    rng = np.random.default_rng(1)
    grid = np.cumsum(rng.uniform(0.45, 0.6, 30)) - 1.3
    score = compose(4, seed=2, beat_times_seconds=grid, downbeat=2, duration_seconds=12.0)
    save_midi(score, tmp_path / "piece.mid")
    heard = pretty_midi.PrettyMIDI(str(tmp_path / "piece.mid"))
    drums = next(i for i in heard.instruments if i.is_drum)
    expected = sorted(t for _, t, _ in events(score)["drums"])
    assert np.allclose(sorted(n.start for n in drums.notes), expected, atol=2e-3)


def test_downbeats_survive(tmp_path: Path) -> None:
    grid = np.arange(24) * 0.5 - 0.7
    score = compose(2, seed=5, beat_times_seconds=grid, downbeat=0, duration_seconds=8.0)
    save_midi(score, tmp_path / "piece.mid")
    again = load_midi(tmp_path / "piece.mid")
    assert 0 <= again.downbeat <= 3
    distance = (again.beat_times_seconds[again.downbeat] - grid[0]) / 2.0
    assert abs(distance - round(distance)) < 1e-4


@pytest.mark.parametrize("content", [b"", b"hello, this is text", b"MThd\x00\x00\x00\x06\x00\x01", b"MThd" + bytes(range(200))])
def test_files_that_are_not_midi_are_refused_in_one_line(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "song.mid"
    path.write_bytes(content)
    with pytest.raises(InputError, match=r"song\.mid") as caught:
        load_midi(path)
    assert "\n" not in str(caught.value)


def test_missing_files_and_folders_are_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot be read"):
        load_midi(tmp_path / "none.mid")
    with pytest.raises(InputError, match="does not exist"):
        save_midi(compose(0, seed=1, duration_seconds=2.0), tmp_path / "no" / "piece.mid")


def test_a_foreign_file_gets_roles_by_instrument(tmp_path: Path) -> None:
    import symusic

    midi = symusic.Score(480)
    for program, pitches, is_drum in ((33, (40,), False), (0, (60, 64, 67), False), (48, (55, 60), False), (0, (36,), True)):
        track = symusic.Track(program=program, is_drum=is_drum)
        for beat in range(4):
            for pitch in pitches:
                track.notes.append(symusic.Note(beat * 480, 240, pitch, 90))
        midi.tracks.append(track)
    midi.tempos.append(symusic.Tempo(0, qpm=100))
    midi.dump_midi(str(tmp_path / "foreign.mid"))
    score = load_midi(tmp_path / "foreign.mid")
    assert sorted(t.role for t in score.tracks) == ["bass", "chords", "drums", "pad"]
    assert score.tempo_bpm == pytest.approx(100.0)


def test_our_reader_finds_what_another_finds(tmp_path: Path) -> None:
    import symusic

    save_midi(compose_corpus_piece(3, duration_seconds=12.0), tmp_path / "piece.mid")
    ours, theirs = read_smf(tmp_path / "piece.mid"), symusic.Score(str(tmp_path / "piece.mid"))
    assert ours.tempos == [(tempo.time, tempo.mspq) for tempo in theirs.tempos] and ours.markers == [one.text for one in theirs.markers]

    def notes(tracks: Any) -> list[Any]:
        return sorted(
            (t.name, t.program, t.is_drum, sorted((n.time, n.duration, n.pitch, n.velocity) for n in t.notes))
            for t in tracks
            if len(t.notes)
        )

    assert notes(ours.tracks) == notes(theirs.tracks)


def test_a_marker_that_lies_is_refused(tmp_path: Path) -> None:
    save_midi(compose_corpus_piece(3, duration_seconds=4.0), tmp_path / "piece.mid")
    data = (tmp_path / "piece.mid").read_bytes()
    at = data.index(b"seconds=") + 8
    for odd in (b"4.0.0000", b"........"):
        (tmp_path / "odd.mid").write_bytes(data[:at] + odd + data[at + 8 :])
        with pytest.raises(InputError, match=r"odd\.mid: its marker of dance2music is damaged"):
            load_midi(tmp_path / "odd.mid")


def test_slivers_of_notes_that_ring_in_are_left_out(tmp_path: Path) -> None:
    ringing = [Note(-1.0, 1.0 + left, 60 + i, 80) for i, left in enumerate((0.01, 0.1, 0.5))]
    track = Track("pad", 89, [*ringing, Note(0.0, 0.01, 72, 80)])
    save_midi(Score([track], np.arange(9) * 0.5, 0, 4.0, 0, 0, False), tmp_path / "piece.mid")
    (again,) = load_midi(tmp_path / "piece.mid").tracks
    assert [note.pitch for note in again.notes] == [62, 72]

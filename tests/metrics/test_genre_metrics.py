from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from dance2music.composer.compose import compose
from dance2music.errors import InputError
from dance2music.evaluation.controls import silence, white_noise
from dance2music.metrics.genre import (
    Database,
    EmbeddedGenre,
    genre_accuracy,
    genre_of_name,
    genre_right,
    read_genres,
    retrieved_genre,
    song_of_name,
    why_undefined,
)
from dance2music.music.synth import render
from dance2music.perception.vggish import DIM, VGGish, load_vggish, log_mel_examples
from dance2music.types import Audio

BASE = Database(np.array([[0.0, 0.0], [1.0, 0.0], [5.0, 5.0]]), np.array([2, 4, 7]), ("a", "b", "c"))


def test_the_nearest_entry_decides_and_the_own_song_is_left_out() -> None:
    assert retrieved_genre(BASE, np.array([0.1, 0.0])) == 2
    assert retrieved_genre(BASE, np.array([0.1, 0.0]), songs={"a"}) == 4
    assert retrieved_genre(BASE, np.array([0.5, 0.0])) == 2  # the first of equals
    only = Database(BASE.embeddings[:1], BASE.genres[:1], ("a",))
    assert retrieved_genre(only, np.zeros(2), songs={"a"}) == -1
    assert retrieved_genre(Database(np.zeros((0, 2)), np.zeros(0, int), ()), np.zeros(2)) == -1


@pytest.mark.parametrize(
    ("database", "genre", "songs", "reason"),
    [
        (None, 2, (), "no database"),
        (BASE, -1, (), "genre of the dance is not known"),
        (BASE, 2, {"a"}, "no other song of the dance's genre"),
        (BASE, 3, (), "no other song of the dance's genre"),
        (Database(BASE.embeddings, np.array([2, 2, 2]), BASE.songs), 2, {"a"}, "one genre only"),
    ],
)
def test_a_retrieval_is_undefined_where_no_answer_could_be_right_or_none_wrong(
    database: Database | None, genre: int, songs: set[str], reason: str
) -> None:
    assert reason in why_undefined(database, genre, songs=songs)
    assert database is None or math.isnan(genre_right(database, np.zeros(2), genre, songs=songs))


def test_a_retrieval_is_right_or_wrong_elsewhere_and_wrong_for_silence() -> None:
    assert genre_right(BASE, np.array([0.1, 0.0]), 2) == 1.0 and genre_right(BASE, np.array([0.9, 0.0]), 2) == 0.0
    assert genre_right(BASE, np.array([0.1, 0.0]), 2, silent=True) == 0.0


def test_accuracy_counts_what_has_a_genre() -> None:
    assert genre_accuracy([1, 2, -1, 3], [1, 0, 5, 3]) == pytest.approx(2 / 3)
    assert genre_accuracy([1], [-1]) == 0.0
    assert math.isnan(genre_accuracy([-1], [2])) and math.isnan(genre_accuracy([], []))


def test_genre_and_song_are_read_from_names() -> None:
    assert genre_of_name("gBR_sBM_c01_d04_mBR0_ch02") == "break" and song_of_name("gBR_sBM_c01_d04_mBR0_ch02") == "mBR0"
    assert genre_of_name("mLH4_3") == "la-hip-hop" and genre_of_name("synJB1500000009") == "ballet-jazz"
    assert genre_of_name("bigBRother") is None and song_of_name("synJB1500000009") is None and genre_of_name("aist_6s") is None


def test_genres_come_from_a_file_by_name_or_letters(tmp_path) -> None:  # type: ignore[no-untyped-def]
    path = tmp_path / "genres.csv"
    path.write_text("one,house\n\ntwo , WA\n")
    assert read_genres(path) == {"one": "house", "two": "waack"}
    path.write_text("one,polka\n")
    with pytest.raises(InputError, match=r"line 1.*polka"):
        read_genres(path)
    with pytest.raises(InputError, match="cannot be read"):
        read_genres(tmp_path / "missing")


def test_the_embedded_embedding_tells_genres_apart_and_hears_nothing_in_silence() -> None:
    heard = EmbeddedGenre()
    pieces = [render(compose(genre, seed=1_500_000_200 + take, duration_seconds=8.0)) for genre in (0, 9) for take in (0, 1)]
    x = np.stack([heard.piece(audio) for audio in pieces])
    assert x.shape == (4, 256)
    within = np.linalg.norm(x[0] - x[1]) + np.linalg.norm(x[2] - x[3])
    assert within < np.linalg.norm(x[0] - x[2]) + np.linalg.norm(x[1] - x[3])
    assert heard.classify(silence(2.0, 22_050)) == -1 and 0 <= heard.classify(pieces[0]) < 10
    assert heard.frames(pieces[0]).shape == (7, 256) and heard.frames(white_noise(0.01, 8000, seed=0)).shape == (1, 256)


def test_vggish_has_the_released_names_and_sizes() -> None:
    with torch.device("meta"):
        model = VGGish()
    shapes = {name: tuple(value.shape) for name, value in model.state_dict().items()}
    assert shapes["features.0.weight"] == (64, 1, 3, 3) and shapes["features.13.weight"] == (512, 512, 3, 3)
    assert shapes["embeddings.0.weight"] == (4096, 12288) and shapes["embeddings.4.weight"] == (DIM, 4096)
    assert sum(math.prod(shape) for shape in shapes.values()) == 72_141_184
    assert model(torch.zeros(3, 96, 64, device="meta")).shape == (3, DIM)


def test_vggish_hears_examples_of_0_96_seconds_at_any_rate() -> None:
    assert log_mel_examples(white_noise(2.0, 22_050, seed=0)).shape == (2, 96, 64)
    assert log_mel_examples(white_noise(0.2, 44_100, seed=0)).shape == (1, 96, 64)
    assert log_mel_examples(silence(1.0, 16_000)).numpy() == pytest.approx(math.log(0.01), abs=1e-4)
    t = np.arange(16_000) / 16_000
    tone = log_mel_examples(Audio(np.sin(2 * np.pi * 1000 * t)[None].astype(np.float32), 16_000))[0].mean(dim=0)
    centres = 700 * (np.exp(np.linspace(1127 * np.log(1 + 125 / 700), 1127 * np.log(1 + 7500 / 700), 66)[1:-1] / 1127) - 1)
    assert abs(int(tone.argmax()) - int(np.abs(centres - 1000).argmin())) <= 1


def test_other_weights_than_vggish_are_refused(tmp_path) -> None:  # type: ignore[no-untyped-def]
    path = tmp_path / "weights.pth"
    torch.save({"features.0.weight": torch.zeros(1)}, path)
    with pytest.raises(InputError, match=r"weights\.pth"):
        load_vggish(path)

"""A request for music, and the job that it is once everything was looked at that can be refused before the work begins."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from numbers import Integral
from pathlib import Path

from dance2music.config import fit_fields
from dance2music.errors import InputError
from dance2music.files import check_writable, exists
from dance2music.generation.pipeline import genre_index
from dance2music.methods.base import Given
from dance2music.music.audio import AUDIO_SUFFIXES
from dance2music.music.duck import DuckConfig
from dance2music.music.markers import MARKER_SUFFIXES
from dance2music.names import fitting
from dance2music.people.dancers import ALL, check_dancer
from dance2music.rhythm.choices import AS_READ, Choice, check_choice, read_taps
from dance2music.takes.methods import Method, check_given, heard_as, method_for
from dance2music.types import ROLES
from dance2music.video.container import LENGTH_TOLERANCE_SECONDS, MAX_SECONDS, MIN_SECONDS, VideoInfo, probe

MAX_TAKES = 32
MAX_SEED = 2**53
"""What every program reads exactly from JSON; the seeds of candidates are a thousand times as large, and have 63 bits."""
FPS_LIMITS = (1.0, 1000.0)
MIDI_SUFFIXES = (".mid", ".midi")
SAMPLE_RATES = (44_100, 48_000)
"""Hz, of music for a video."""
KEPT_LIMITS_DB, DUCK_LIMITS_DB, DUCK_LIMITS_SECONDS = (-60.0, 20.0), (0.0, 60.0), (0.0, 10.0)
ORIGINAL = "original"
"""Name of the stem that is the clip's own sound."""
TAKE_SUFFIX = ".take"


@dataclass(frozen=True)
class Request:
    """What to make from what; the fields are the options of ``dance2music generate``. Raises InputError for values of other types."""

    video: Path | None = None
    out: Path | None = None
    from_motion: Path | None = None
    fps: float | None = None
    genre: str | None = None
    dancer: str = ALL
    seed: int = 0
    takes: int = 1
    tempo_bpm: float | None = None
    half_time: bool = False
    double_time: bool = False
    shift_beats: float = 0.0
    tap: Path | None = None
    rhythm: Path | None = None
    dance_genre: Path | None = None
    method: str = ""
    level: str | None = None
    weights: Path | None = None
    codec: Path | None = None
    decoder: Path | None = None
    precision: str = "fp32"
    wav: bool = False
    audio: Path | None = None
    midi: Path | None = None
    stems: Path | None = None
    markers: Path | None = None
    take: Path | None = None
    sound: str = ""
    sample_rate: int | None = None
    keep_original_db: float | None = None
    duck_db: float = 0.0
    duck_attack_seconds: float = DuckConfig.attack_seconds
    duck_release_seconds: float = DuckConfig.release_seconds
    soundfont: str | None = None
    instruments: tuple[str, ...] = ()
    settings: tuple[str, ...] = ()
    denoise: bool = True
    hits: bool = True
    ending: bool = True
    plot: bool = True

    def __post_init__(self) -> None:
        fit_fields(self)


@dataclass(frozen=True)
class KeptOriginal:
    """The clip's own sound beside the music: its gain in dB, and how the music gives way to it."""

    level_db: float
    duck: DuckConfig


def kept_original(request: Request) -> KeptOriginal | None:
    """How a request keeps the clip's own sound, or None."""
    if request.keep_original_db is None:
        return None
    return KeptOriginal(request.keep_original_db, DuckConfig(request.duck_db, request.duck_attack_seconds, request.duck_release_seconds))


@dataclass(frozen=True)
class TakeFiles:
    """The files of one take: the music, alone or in the video; what else was asked for is None where it was not."""

    music: Path
    report: Path
    wav: Path | None = None
    audio: Path | None = None
    midi: Path | None = None
    markers: Path | None = None
    picture: Path | None = None
    take: Path | None = None
    stems: dict[str, Path] | None = None

    def all(self) -> list[Path]:
        """All of them, the music first, the stems last: of these those are written whose roles play."""
        files = [self.music, self.wav, self.audio, self.midi, self.markers, self.take, self.picture, self.report]
        files += (self.stems or {}).values()
        return [path for path in files if path is not None]

    @property
    def music_alone(self) -> bool:
        """Whether the music is written as a sound file, not put to pictures."""
        return self.music.suffix.lower() in AUDIO_SUFFIXES

    @property
    def stems_folder(self) -> Path | None:
        """Where the stems lie."""
        return None if self.stems is None else next(iter(self.stems.values())).parent


@dataclass(frozen=True)
class ResolvedJob:
    """A request of which all is known that can be known before the work: the method, the video, the files of each take."""

    request: Request
    method: Method
    given: Given
    source: Path
    video: VideoInfo | None
    outputs: tuple[TakeFiles, ...]
    choice: Choice = AS_READ


def resolve(request: Request) -> ResolvedJob:
    """Look at everything that can be refused before the work begins.

    Raises
    ------
    InputError
        If anything in the request cannot be used; nothing is written then.
    """
    source = request.from_motion or request.video
    if source is None or (request.video is not None and request.from_motion is not None):
        raise InputError("generate: expected either a video or --from-motion FILE, and not both; see dance2music generate --help")
    _check_numbers(request)
    choice = choice_of(request)
    method = method_for(request.method, request.weights)
    heard = request.video if method.hears else None
    sound = request.sound or ("soundfont" if request.soundfont is not None and "soundfont" in method.sounds else "")
    given = Given(
        request.weights,
        request.level,
        request.precision,
        request.settings,
        request.instruments,
        heard,
        sound,
        request.codec,
        request.decoder,
    )
    check_given(method, given)
    check_notes(request, method, heard_as(method, given))
    video = None if request.video is None else probe(request.video)
    check_original(request, video)
    if method.hears and video is not None and not video.has_audio:
        raise InputError(f"{video.path}: has no sound, and {method.name} plays the video's own; give a video with music, or another method")
    out = request.out
    if out is None:
        assert video is not None, "_check_numbers wants -o with --from-motion"
        out = _default_name(video)
    check_out_names(request, out, pictures=video is not None)
    outputs = tuple(files_of(request, out, number) for number in range(1, request.takes + 1))
    given_files = [source, request.tap, request.rhythm, request.dance_genre, request.weights, request.codec, request.decoder]
    check_files(outputs, [Path(one) for one in (*given_files, request.soundfont) if one is not None], video)
    return ResolvedJob(request, method, given, source, video, outputs, choice)


def choice_of(request: Request) -> Choice:
    """What the request changes of the rhythm, the taps read from their file: raises InputError if that cannot be done."""
    if request.tap is not None and request.tempo_bpm is not None:
        raise InputError("--tap and --tempo: taps give the tempo; leave one of them out")
    if request.tempo_bpm is not None and (request.half_time or request.double_time):
        other = "half-time" if request.half_time else "double-time"
        raise InputError(f"--tempo and --{other}: the tempo is given, so that no other level of it is read; leave one of them out")
    for option, path in (("rhythm", request.rhythm), ("dance-genre", request.dance_genre)):
        if path is not None and not path.is_file():
            raise InputError(f"--{option} {path}: no such file; expected one that 'dance2music train {option}' wrote; check the path")
    taps = None if request.tap is None else read_taps(request.tap)
    choice = Choice(request.half_time, request.double_time, request.shift_beats, taps)
    check_choice(choice)
    return choice


def check_files(outputs: tuple[TakeFiles, ...], inputs: Sequence[Path], video: VideoInfo | None) -> None:
    """Refuse outputs that cannot be written, or would overwrite an input or one another: raises InputError."""
    seen: set[Path] = set()
    for files in outputs:
        folder = files.stems_folder
        for path in files.all():
            if exists(path) and any(source.exists() and path.samefile(source) for source in inputs):
                raise InputError(f"{path}: is the input itself and would be overwritten; choose another output")
            if path.resolve() in seen:
                raise InputError(f"{path}: two outputs would have this name; expected a name for each; choose others")
            seen.add(path.resolve())
            check_writable(path if folder is None or path.parent != folder or folder.is_dir() else folder)
    if video is not None and not outputs[0].music_alone:
        from dance2music.video.mux import check_mux

        check_mux(video, outputs[0].music)


def check_notes(request: Request, method: Method, sound: str) -> None:
    """Refuse what is asked of notes where the method has none, or they are not what is heard: raises InputError."""
    from dance2music.takes.methods import METHODS

    if request.midi is not None:
        if not method.notes:
            own = " or ".join(other.name for other in METHODS.values() if other.notes and not other.compared)
            raise InputError(f"--midi: method {method.name!r} has no notes; choose {own}, or leave --midi out")
        if request.midi.suffix.lower() not in MIDI_SUFFIXES:
            raise InputError(f"--midi {request.midi}: expected the name of a file to write that ends in {' or '.join(MIDI_SUFFIXES)}")
    if request.stems is not None and sound not in ("studio", "soundfont"):
        played_as = [one for one in ("studio", "soundfont") if one in method.sounds]
        played = ", ".join(other.name for other in METHODS.values() if "studio" in other.sounds)
        choice = f"--sound {' or '.join(played_as)}" if played_as else f"one of {played} with --sound studio"
        raise InputError(
            f"--stems: as {sound}, the music of {method.name!r} is one recording without instruments; choose {choice}, or leave --stems out"
        )
    if request.soundfont is not None and sound != "soundfont":
        played = ", ".join(other.name for other in METHODS.values() if "soundfont" in other.sounds)
        raise InputError(
            f"--soundfont: method {method.name!r} plays no notes as {sound}; choose one of {played} with --sound soundfont, or leave it out"
        )
    if request.soundfont is not None:
        from dance2music.music.synth import check_soundfont

        check_soundfont(request.soundfont)
    if request.stems is not None and ((request.stems.exists() and not request.stems.is_dir()) or not request.stems.parent.is_dir()):
        raise InputError(f"--stems {request.stems}: expected a folder, there or in a folder that is there; choose another")
    if request.take is not None and request.take.suffix.lower() != TAKE_SUFFIX:
        raise InputError(f"--take {request.take}: expected the name of a file to write that ends in {TAKE_SUFFIX}")


def check_motion_length(path: Path, seconds: float) -> None:
    """Refuse a motion that is too short or too long to make music for: raises InputError."""
    if not MIN_SECONDS - LENGTH_TOLERANCE_SECONDS <= seconds <= MAX_SECONDS + LENGTH_TOLERANCE_SECONDS:
        raise InputError(
            f"{path}: the motion is {seconds:.2f} s long; expected {MIN_SECONDS:g} s to {MAX_SECONDS:g} s; choose another or cut it"
        )


def beside(out: Path, suffix: str) -> Path:
    """File beside the output with another suffix."""
    return out.with_name(fitting(out.stem, suffix))


def _check_numbers(request: Request) -> None:
    from dance2music.rhythm.estimate import TEMPO_LIMITS_BPM

    if not 1 <= request.takes <= MAX_TAKES:
        raise InputError(f"--takes {request.takes}: expected 1 to {MAX_TAKES}")
    check_seed(request.seed)
    check_dancer(request.dancer)
    if request.sample_rate is not None and request.sample_rate not in SAMPLE_RATES:
        raise InputError(f"--sample-rate {request.sample_rate}: expected {' or '.join(map(str, SAMPLE_RATES))} Hz")
    if request.genre is not None:
        genre_index(request.genre)
    if request.from_motion is not None and request.out is None:
        raise InputError("generate --from-motion: expected -o with the name of an audio file to write")
    if request.fps is not None and (request.from_motion is None or not FPS_LIMITS[0] <= request.fps <= FPS_LIMITS[1]):
        wrong = "is the rate of a motion file, and a video has its own" if request.from_motion is None else "frames per second"
        raise InputError(f"--fps {request.fps:g}: {wrong}; expected {FPS_LIMITS[0]:g} to {FPS_LIMITS[1]:g} with --from-motion")
    if request.tempo_bpm is not None and not TEMPO_LIMITS_BPM[0] <= request.tempo_bpm <= TEMPO_LIMITS_BPM[1]:
        raise InputError(f"--tempo {request.tempo_bpm:g}: expected {TEMPO_LIMITS_BPM[0]:g} to {TEMPO_LIMITS_BPM[1]:g} beats per minute")


def check_seed(seed: int) -> None:
    """Refuse a seed that is none: raises InputError."""
    if isinstance(seed, bool) or not isinstance(seed, Integral) or not 0 <= seed <= MAX_SEED:
        raise InputError(f"--seed {seed!r}: expected a whole number from 0 to {MAX_SEED}")


def check_original(request: Request, video: VideoInfo | None) -> None:
    """Refuse what cannot be asked of the video's own sound: raises InputError."""
    given = [
        f"--{name} {value:g}"
        for name, value, usual in (
            ("duck", request.duck_db, 0.0),
            ("duck-attack", request.duck_attack_seconds, DuckConfig.attack_seconds),
            ("duck-release", request.duck_release_seconds, DuckConfig.release_seconds),
        )
        if value != usual
    ]
    if request.keep_original_db is None:
        if given:
            raise InputError(f"{given[0]}: there is nothing to give way to; expected --keep-original, too; leave {given[0].split()[0]} out")
        return
    if given and not request.duck_db:
        raise InputError(f"{given[0]}: the music gives way by nothing; expected --duck with some dB, too; leave {given[0].split()[0]} out")
    if video is None:
        raise InputError("--keep-original: a motion file has no sound; expected a video; leave it out")
    if not video.has_audio:
        raise InputError(f"--keep-original: {video.path} has no sound to keep; expected a video with a sound track; leave it out")
    for option, value, (low, high) in (
        ("keep-original", request.keep_original_db, KEPT_LIMITS_DB),
        ("duck", request.duck_db, DUCK_LIMITS_DB),
        ("duck-attack", request.duck_attack_seconds, DUCK_LIMITS_SECONDS),
        ("duck-release", request.duck_release_seconds, DUCK_LIMITS_SECONDS),
    ):
        if not low <= value <= high:
            raise InputError(f"--{option} {value:g}: expected {low:g} to {high:g}")


def check_out_names(request: Request, out: Path, *, pictures: bool) -> None:
    """Refuse names of outputs that say no kind of file that can be written: raises InputError.

    ``pictures``: whether the output may be a video.
    """
    from dance2music.video.mux import OUTPUT_FORMATS

    kinds = (*OUTPUT_FORMATS, *AUDIO_SUFFIXES) if pictures else AUDIO_SUFFIXES
    if out.suffix.lower() not in kinds:
        alone = "" if pictures else "with --from-motion the output is music; "
        raise InputError(f"{out}: unknown kind of output {out.suffix!r}; {alone}expected a name that ends in {', '.join(kinds)}")
    if request.audio is not None and request.audio.suffix.lower() not in AUDIO_SUFFIXES:
        raise InputError(f"--audio {request.audio}: expected the name of a file to write that ends in {', '.join(AUDIO_SUFFIXES)}")
    if request.markers is not None and request.markers.suffix.lower() not in MARKER_SUFFIXES:
        raise InputError(
            f"--markers {request.markers}: expected the name of a file to write that ends in {' or '.join(MARKER_SUFFIXES)} (for Audacity)"
        )


def _default_name(video: VideoInfo) -> Path:
    """Name beside a video, of its own kind or else the first that can hold its pictures; cut where it would be too long."""
    from dance2music.video.mux import OUTPUT_FORMATS, check_mux

    stem = fitting(video.path.stem, f".music-{MAX_TAKES}.json").removesuffix(f".music-{MAX_TAKES}.json")
    own = video.path.suffix
    kinds = [own] if own.lower() in OUTPUT_FORMATS else []
    kinds += [kind for kind in OUTPUT_FORMATS if kind not in kinds]
    for kind in kinds[:-1]:
        out = video.path.with_name(f"{stem}.music{kind}")
        try:
            check_mux(video, out)
        except InputError:
            continue
        return out
    return video.path.with_name(f"{stem}.music{kinds[-1]}")


def files_of(request: Request, out: Path, number: int) -> TakeFiles:
    """Files of a take; where there are several, its number is in every name."""

    def numbered(path: Path, suffix: str = "") -> Path:
        suffix = suffix or path.suffix
        return path.with_name(fitting(path.stem, suffix if request.takes == 1 else f"-{number}{suffix}"))

    def beside_music(suffix: str) -> Path:
        return numbered(out, suffix)

    def folder_of(path: Path) -> Path:
        return path if request.takes == 1 else path.with_name(fitting(path.name, f"-{number}"))

    music = out if request.takes == 1 else numbered(out)
    parts = (*ROLES, "effects") if request.keep_original_db is None else (*ROLES, "effects", ORIGINAL)
    return TakeFiles(
        music=music,
        report=beside_music(".json"),
        wav=beside_music(".wav") if request.wav and music.suffix.lower() != ".wav" else None,
        audio=None if request.audio is None else numbered(request.audio),
        midi=None if request.midi is None else numbered(request.midi),
        markers=None if request.markers is None else numbered(request.markers),
        picture=beside_music(".png") if request.plot else None,
        take=None if request.take is None else numbered(request.take),
        stems=None if request.stems is None else {name: folder_of(request.stems) / f"{name}.wav" for name in parts},
    )

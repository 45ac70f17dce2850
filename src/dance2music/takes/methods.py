"""What makes music: one record per method, importable without torch, and how a method is loaded.

Adding one is a file with a ``load(given)`` that returns a `methods.base.MusicGenerator`, and a record in `METHODS`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dance2music.errors import ConfigError, InputError
from dance2music.methods.base import PRECISIONS, SOUNDS, CodecGenerator, Given, MusicGenerator

if TYPE_CHECKING:
    from dance2music.types import Codec, Conditioning, Latents, Score, Span


@dataclass(frozen=True)
class Method:
    """What is known of a method before anything of it is loaded.

    Attributes
    ----------
    name : what a user types.
    summary : one line for help and tables.
    module : where its ``loader`` is; ``loader(given)`` returns the generator.
    compared : whether it is a system to compare with; else one of the package's own.
    notes : whether its takes have a score.
    sounds : of `methods.base.SOUNDS` those in which it can be heard, its own first.
    candidates : takes that are made and ranked for each that is kept, None for as many as the length asks for (`ranking.candidates_for`).
        Systems to compare with make one, as they were published: choosing by sync would improve on them.
    denoise : whether the noise floor of a codec is taken out; not where what a codec makes of music is the point.
    redraws : whether a section can be drawn again.
    settings : fields of its config that ``--set`` may change; ``levels`` : what ``--level`` may say.
    kinds : of model files (`checkpoint.KINDS`) that ``--weights`` takes; none where the weights in the package are the only ones.
    weights : what ``--weights`` takes, as said to the user; file : name of its weights in ``weights/`` of a training, without suffix.
    codecs : whether ``--codec`` and ``--decoder`` say something to it.
    precisions, instruments : whether ``--precision`` and ``--instruments`` say something to it.
    hears : whether it looks at the music that the video has.
    details : whether weights that a user brings may see hands and face, so that a video is watched for them, too.
    visual_extractor : key of `perception.extractors.EXTRACTORS`, whose files may lie beside its weights.
    """

    name: str
    summary: str
    module: str
    loader: str = "load"
    compared: bool = True
    notes: bool = False
    sounds: tuple[str, ...] = ("neural",)
    candidates: int | None = 1
    denoise: bool = True
    redraws: bool = False
    settings: tuple[str, ...] = ()
    levels: tuple[str, ...] = ()
    kinds: tuple[str, ...] = ()
    weights: str = ""
    file: str = ""
    codecs: bool = False
    precisions: bool = False
    instruments: bool = False
    hears: bool = False
    details: bool = False
    visual_extractor: str | None = None


_OWN = "a model file that 'dance2music train' wrote"


def by_name(records: Iterable[Method]) -> dict[str, Method]:
    """Records by their names, in their order.

    Raises
    ------
    ConfigError
        If two have one name.
    """
    found: dict[str, Method] = {}
    for record in records:
        if record.name in found:
            raise ConfigError(f"method {record.name!r}: is recorded twice ({found[record.name].module}, {record.module}); rename one")
        found[record.name] = record
    return found


METHODS: dict[str, Method] = by_name(
    [
        Method(
            "planned",
            "a network draws a score for this dance, another performs it in a neural codec",
            "dance2music.methods.planned",
            compared=False,
            notes=True,
            sounds=("studio", "hybrid", "neural", "soundfont"),
            candidates=None,
            redraws=True,
        ),
        Method(
            "composer",
            "rules write a score for this dance's tempo, beats, energy and genre",
            "dance2music.methods.composer",
            compared=False,
            notes=True,
            sounds=("studio", "soundfont"),
            candidates=None,
            redraws=True,
        ),
        Method(
            "memory",
            "bars of composed music, stored as codes, chosen and fitted to this dance",
            "dance2music.methods.memory",
            compared=False,
            candidates=None,
            redraws=True,
        ),
        Method(
            "d2m-gan",
            "D2M-GAN's network (Zhu et al. 2022)",
            "dance2music.takes.trained",
            "load_d2m_gan",
            levels=("high", "low"),
            kinds=("d2m-gan", "d2m-gan-two-seconds"),
            weights="a folder that 'dance2music weights import' wrote, or a run of 'dance2music train gan'",
            codecs=True,
            precisions=True,
            details=True,
            visual_extractor="i3d",
        ),
        Method(
            "creative-gan",
            "Creative-GAN's network (Huang et al. 2023)",
            "dance2music.takes.trained",
            "load_creative_gan",
            levels=("high", "low"),
            kinds=("music-vector", "music-vector-temporal"),
            weights="a run of 'dance2music train gan'",
            codecs=True,
            precisions=True,
            details=True,
            visual_extractor="tsn",
        ),
        Method(
            "dance2music-offline",
            "five notes whose self-similarity is the dance's, by search",
            "dance2music.baselines.dance2music_offline",
            notes=True,
            sounds=("soundfont", "studio"),
            settings=("objective", "beams", "window_notes", "first_class", "hold_similarity", "program", "velocity"),
        ),
        Method(
            "dance2music-online",
            "the same by a network that never looks ahead",
            "dance2music.baselines.dance2music_online",
            notes=True,
            sounds=("soundfont", "studio"),
            settings=("temperature",),
            kinds=("dance2music-online",),
            weights=_OWN,
            file="dance2music_online",
        ),
        Method(
            "foley-music",
            "a skeleton's graph says when the dancer stops, a transformer which notes sound then",
            "dance2music.baselines.foley_music",
            notes=True,
            sounds=("soundfont", "studio"),
            settings=("mode", "guided", "top_p", "temperature", "beams", "program"),
            kinds=("foley-music",),
            weights=_OWN,
            file="foley_music",
        ),
        Method(
            "cmt",
            "five tracks whose density and accents are steered by the motion",
            "dance2music.baselines.cmt",
            notes=True,
            sounds=("soundfont", "studio"),
            settings=("top_p", "beat_temperature", "duration_temperature", "density_control", "strength_control", "instruments"),
            kinds=("cmt",),
            weights=_OWN,
            file="cmt",
            instruments=True,
        ),
        Method(
            "inverse-mv",
            "pictures at three per second, piano events",
            "dance2music.baselines.inverse_mv",
            notes=True,
            sounds=("soundfont", "studio"),
            settings=("guided", "top_p", "temperature", "program"),
            kinds=("inverse-mv",),
            weights=_OWN,
            file="inverse_mv",
        ),
        Method(
            "jukebox-random",
            "codes from nothing",
            "dance2music.baselines.jukebox",
            "load_random",
            denoise=False,
            kinds=("jukebox-prior",),
            weights=_OWN,
            file="jukebox_prior",
        ),
        Method(
            "jukebox-reconstruction",
            "the video's own music through a codec",
            "dance2music.baselines.jukebox",
            "load_reconstruction",
            denoise=False,
            levels=("high", "low", "finest", "high-untuned", "low-untuned", "finest-untuned"),
            kinds=("vqvae", "spectral-codec"),
            weights="a folder that 'dance2music weights import' wrote, or a run of 'dance2music train codec' or 'train decoder'",
            file="jukebox_vqvae",
            hears=True,
        ),
    ]
)
DEFAULT = METHODS["planned"]


def method_of(name: str) -> Method:
    """The record of that name.

    Raises
    ------
    InputError
        If there is none.
    """
    if name not in METHODS:
        raise InputError(f"method {name!r}: unknown; expected one of {', '.join(METHODS)}")
    return METHODS[name]


def method_for(name: str, weights: Path | None) -> Method:
    """The method of that name; without a name the default, or the one that plays the given weights.

    Raises
    ------
    InputError
        If there is no such method, or nothing plays the weights.
    """
    if name or weights is None:
        return method_of(name or DEFAULT.name)
    from dance2music.takes.trained import found

    return METHODS[found(weights, "", METHODS)[0]]


def check_given(method: Method, given: Given) -> None:
    """Refuse what a method cannot take, before it is loaded.

    Raises
    ------
    InputError
        The message names the option.
    """
    name = method.name
    if given.precision not in PRECISIONS:
        raise InputError(f"--precision {given.precision!r}: unknown; expected one of {', '.join(PRECISIONS)}")
    if given.precision == "bf16" and not (method.precisions and given.weights is not None):
        raise InputError(f"--precision bf16: method {name!r} plays in fp32; expected method d2m-gan with --weights; leave it out")
    if given.weights is not None and not method.kinds:
        raise InputError(f"--weights: method {name!r} has its weights in the package; leave --weights out")
    for option, path in (("codec", given.codec), ("decoder", given.decoder)):
        if path is not None and not method.codecs:
            takes = ", ".join(other.name for other in METHODS.values() if other.codecs)
            raise InputError(f"--{option} {path}: method {name!r} has no use for it; expected method {takes}; leave it out")
    if given.level is not None and given.level not in method.levels:
        expected = f"expected one of {', '.join(method.levels)}" if method.levels else f"method {name!r} has no levels; leave --level out"
        raise InputError(f"--level {given.level!r}: unknown; {expected}")
    for text in given.settings:
        if text.partition("=")[0] not in method.settings:
            has = f"has only the settings {', '.join(method.settings)}" if method.settings else "has no settings"
            raise InputError(f"--set {text}: method {name!r} {has}; leave this one out")
    if given.sound and given.sound not in method.sounds:
        known = "" if given.sound in SOUNDS else "unknown; "
        raise InputError(f"--sound {given.sound!r}: {known}method {name!r} can be heard as {', '.join(method.sounds)}; choose one of these")
    if given.instruments and not method.instruments:
        takes = ", ".join(other.name for other in METHODS.values() if other.instruments)
        raise InputError(f"--instruments: method {name!r} chooses its own; expected method {takes}; leave --instruments out")


def heard_as(method: Method, given: Given) -> str:
    """How a method is heard, one of `methods.base.SOUNDS`: as the user chose, or its own way."""
    return given.sound or method.sounds[0]


@dataclass(frozen=True)
class LoadedMethod:
    """A method with its weights in it: a `MusicGenerator`."""

    method: Method
    generator: MusicGenerator
    given: Given = field(default_factory=Given)

    def generate(
        self, conditioning: Conditioning, seeds: Sequence[int], *, span: Span | None = None, keep: Latents | Score | None = None
    ) -> Sequence[Latents | Score]:
        """One piece of music per seed, see `MusicGenerator.generate`."""
        return self.generator.generate(conditioning, seeds, span=span, keep=keep)

    @property
    def codec(self) -> Codec | None:
        """The codec of its latents, where it makes any."""
        return self.generator.codec if isinstance(self.generator, CodecGenerator) else None


def load_method(
    name: str,
    *,
    weights: str | Path | None = None,
    level: str | None = None,
    precision: str = "fp32",
    settings: Sequence[str] = (),
    instruments: Sequence[str] = (),
    heard: str | Path | None = None,
    sound: str = "",
    codec: str | Path | None = None,
    decoder: str | Path | None = None,
) -> LoadedMethod:
    """The method of that name with its embedded weights, or with those that the user brings; the options are those of `Given`.

    Raises
    ------
    InputError
        If the method is unknown, does not take an option (`check_given`), an option is of another type, or a file cannot be read.
    """
    options: dict[str, Any] = {"weights": weights, "settings": settings, "instruments": instruments, "heard": heard}
    options |= {"codec": codec, "decoder": decoder}
    return load(method_of(name), Given(level=level, precision=precision, sound=sound, **options))


def load(method: Method, given: Given) -> LoadedMethod:
    """The method of a record, see `load_method`; what is given says how it is heard from then on."""
    check_given(method, given)
    if given.weights is not None:
        from dance2music.takes.trained import found

        given = replace(given, weights=found(given.weights, method.name, METHODS)[1])
    given = replace(given, sound=heard_as(method, given))
    return LoadedMethod(method, _loader(method)(given), given)


def _loader(method: Method) -> Callable[[Given], MusicGenerator]:
    """The function that a record names; raises ConfigError if it names none."""
    try:
        return getattr(import_module(method.module), method.loader)  # type: ignore[no-any-return]
    except (ModuleNotFoundError, AttributeError) as error:
        own = isinstance(error, AttributeError) or (error.name is not None and f"{method.module}.".startswith(f"{error.name}."))
        if not own:  # the module is there, and something that it imports is not
            raise
        named = f"{method.module}:{method.loader}"
        raise ConfigError(f"method {method.name!r}: its record names {named}, which is not there; mend the record") from error

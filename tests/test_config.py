"""Config dataclasses to and from text."""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dance2music.config import check_ranges, from_dict, from_json, override, to_dict, to_json
from dance2music.errors import ConfigError


@dataclass(frozen=True)
class Inner:
    width: int = 8
    dilations: tuple[int, ...] = (1, 3, 9)
    betas: tuple[float, float] = (0.5, 0.9)


@dataclass(frozen=True)
class Outer:
    name: str = "small"
    rate: float = 1e-4
    limit: int | None = None
    ema: bool = True
    inner: Inner = field(default_factory=Inner)
    levels: tuple[Inner, ...] = ()


def test_a_config_comes_back_from_its_json_as_it_was() -> None:
    config = Outer(name="große", rate=3.0, limit=7, ema=False, inner=Inner(width=2, dilations=()), levels=(Inner(), Inner(width=1)))
    assert from_json(Outer, to_json(config)) == config


@given(st.builds(Outer, st.text(), st.floats(allow_nan=False), st.none() | st.integers(), st.booleans()))
def test_any_values_survive_json(config: Outer) -> None:
    assert from_json(Outer, to_json(config)) == config


def test_to_dict_nests_as_the_fields_do() -> None:
    assert to_dict(Outer())["inner"] == {"width": 8, "dilations": (1, 3, 9), "betas": (0.5, 0.9)}


def test_fields_that_are_left_out_keep_their_defaults() -> None:
    assert from_dict(Outer, {"rate": 2}) == Outer(rate=2.0)


def test_a_whole_number_is_taken_for_a_float_and_becomes_one() -> None:
    rate = from_dict(Outer, {"rate": 2}).rate
    assert rate == 2.0 and isinstance(rate, float)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"widht": 3}, "unknown field 'widht' of Outer; expected one of name, rate, limit, ema, inner, levels"),
        ({"inner": {"depth": 3}}, r"config\.inner: unknown field 'depth' of Inner"),
        ({"rate": "fast"}, r"config\.rate: expected float, got str 'fast'"),
        ({"rate": True}, r"config\.rate: expected float, got bool True"),
        ({"inner": {"width": True}}, r"config\.inner\.width: expected int, got bool True"),
        ({"inner": {"width": 1.5}}, r"config\.inner\.width: expected int, got float 1\.5"),
        ({"inner": {"width": None}}, r"config\.inner\.width: expected int, got NoneType None"),
        ({"inner": 3}, r"config\.inner: expected Inner, got int 3"),
        ({"inner": {"betas": [0.5]}}, r"config\.inner\.betas: expected 2 values, got 1: \[0\.5\]"),
        ({"inner": {"dilations": [1, "3"]}}, r"config\.inner\.dilations: expected int, got str '3'"),
        ({"limit": "none"}, r"config\.limit: expected int, got str 'none'"),
        ({"ema": 1}, r"config\.ema: expected bool, got int 1"),
    ],
)
def test_what_does_not_fit_is_named_with_its_place_value_and_expected_type(values: dict[str, object], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        from_dict(Outer, values)


@pytest.mark.parametrize(
    ("text", "message"),
    [("{", "run.json: not valid JSON"), ("[1, 2]", "run.json: expected a JSON object with the fields of Outer, got list")],
)
def test_text_that_is_no_json_object_is_refused(text: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        from_json(Outer, text, where="run.json")


def test_overrides_reach_nested_fields_and_leave_the_rest() -> None:
    config = override(Outer(), ["inner.width=16", "inner.dilations=[1, 2]", "name=big", "limit=9", "ema=false"])
    assert config == Outer(name="big", limit=9, ema=False, inner=Inner(width=16, dilations=(1, 2)))


def test_an_override_reaches_one_of_several_by_its_number() -> None:
    config = Outer(levels=(Inner(), Inner(width=1)))
    changed = override(config, ["levels.1.width=3", 'levels.0={"dilations": [2]}', "levels.1.dilations.2=5"])
    assert changed.levels == (Inner(dilations=(2,)), Inner(width=3, dilations=(1, 3, 5)))
    for text, said in (("levels.2.width=3", "'2'; expected 0 to 1"), ("levels.-1.width=3", "'-1'; expected"), ("levels.x=3", "'x'; expec")):
        with pytest.raises(ConfigError, match=f"override .*: no value has the number {said}"):
            override(config, [text])
    with pytest.raises(ConfigError, match=r"levels\.1\.width: expected int, got str 'wide'"):
        override(config, ['levels=[{}, {"width": "wide"}]'])


def test_an_override_may_set_an_optional_field_back_to_none() -> None:
    assert override(Outer(limit=3), ["limit=null"]).limit is None


def test_a_value_may_hold_an_equals_sign() -> None:
    assert override(Outer(), ["name=a=b"]).name == "a=b"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("inner.width", r"override 'inner\.width': expected name=value"),
        ("inner.depth=3", r"override inner\.depth: Inner has no field 'depth'; it has width, dilations, betas"),
        ("inner.width.x=3", r"override inner\.width\.x: 8 has no field 'x'; it is a value; leave \.x out"),
        ("inner.dilations.0.x.y=3", r"override inner\.dilations\.0\.x\.y: 1 has no field 'x'; it is a value; leave \.x\.y out"),
        ("rate=fast", "override|rate: expected float, got str 'fast'"),
        ("inner.width=wide", r"inner\.width: expected int, got str 'wide'"),
    ],
)
def test_an_override_that_does_not_fit_is_refused(text: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        override(Outer(), [text])


@pytest.mark.parametrize("text", ["name.first=x", "levels.0.width=3", "limit.x=1"])
def test_an_override_into_a_field_that_is_no_config_is_refused(text: str) -> None:
    with pytest.raises(ConfigError, match=r"override|has no fields"):
        override(Outer(), [text])


@dataclass(frozen=True)
class Checked:
    width: int = 8

    def __post_init__(self) -> None:
        check_ranges(self, width=(1, 9))


@dataclass(frozen=True)
class Holder:
    checked: Checked = field(default_factory=Checked)


@dataclass(frozen=True)
class Outermost:
    holder: Holder = field(default_factory=Holder)


def test_a_value_that_is_out_of_range_is_named_with_its_place() -> None:
    with pytest.raises(ConfigError, match=r"^width: 0; expected 1 to 9; set it so"):
        Checked(width=0)
    for text in ("holder.checked.width=0", 'holder.checked={"width": 0}', 'holder={"checked": {"width": 0}}'):
        with pytest.raises(ConfigError, match=r"^holder\.checked\.width: 0; expected 1 to 9; set it so"):
            override(Outermost(), [text])
    with pytest.raises(ConfigError, match=r"^run\.json\.holder\.checked\.width: 0; expected"):
        from_json(Outermost, '{"holder": {"checked": {"width": 0}}}', where="run.json")

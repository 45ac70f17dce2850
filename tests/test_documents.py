"""JSON that every reader takes."""

from __future__ import annotations

import json
import math

import numpy as np

from dance2music.documents import json_text


def test_numbers_that_json_does_not_know_are_null() -> None:
    value = {"a": [1.5, math.nan, (math.inf, -math.inf)], "b": {"c": "NaN"}, "d": np.float32(-np.inf)}
    text = json_text(value, indent=1)
    assert json.loads(text, parse_constant=lambda name: 1 / 0) == {"a": [1.5, None, [None, None]], "b": {"c": "NaN"}, "d": None}

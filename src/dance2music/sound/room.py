"""A room: a made impulse response (Moorer, "About this reverberation business", Computer Music Journal 3, 1979) and convolution with it.

Early reflections are single echoes from left and right; the tail is noise that dies exponentially, treble sooner than the rest, with
left and right independent, so that it is wide and never cancels in mono.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from dance2music.sound.effects import BLOCK, filtered, high_pass, low_pass
from dance2music.sound.randomness import noise, uniforms

PRE_DELAY_SECONDS = 0.012
_EARLY = 10
_EARLY_SECONDS = 0.055
_LOW_CUT_HZ = 260.0
_BRIGHT_HZ, _AIR_HZ = 2600.0, 6500.0
_TREBLE_SHARE = 0.4


@lru_cache(maxsize=8)
def impulse_response(decay_seconds: float, sample_rate: int, *, gated: bool = False) -> np.ndarray:
    """Left and right of a room whose level falls by 60 dB in ``decay_seconds``, of energy 1 each: float32 [2, n], not to be changed.

    ``gated``: the tail stands and is cut off, as on snares of the eighties.
    """
    n = round((PRE_DELAY_SECONDS + decay_seconds) * sample_rate)
    wait = round(PRE_DELAY_SECONDS * sample_rate)
    t = np.arange(n - wait) / sample_rate
    fall = 10.0 ** (-3.0 * t / decay_seconds)
    if gated:
        fall = np.clip((decay_seconds - t) / 0.03, 0.0, 1.0) * (0.5 + 0.5 * fall)
    treble = 10.0 ** (-3.0 * t / (_TREBLE_SHARE * decay_seconds))
    out = np.zeros((2, n), dtype=np.float32)
    for channel in range(2):
        hiss = noise(n - wait, 71, channel)
        dark = filtered(hiss, low_pass(_BRIGHT_HZ, sample_rate=sample_rate))
        out[channel, wait:] = dark * fall + (hiss - dark) * treble * 0.5
        # The tail grows in while the early reflections arrive.
        out[channel, wait:] *= 0.25 + 0.75 * np.minimum(1.0, t / _EARLY_SECONDS)
        places = uniforms(_EARLY, 72, channel) * _EARLY_SECONDS + 0.004
        signs = np.where(uniforms(_EARLY, 73, channel) < 0.5, -1.0, 1.0)
        at = np.minimum(wait + np.rint(places * sample_rate).astype(int), n - 1)
        np.add.at(out[channel], at, (signs * 9.0 * np.exp(-places / 0.03)).astype(np.float32))
    band = [high_pass(_LOW_CUT_HZ, sample_rate=sample_rate), low_pass(_AIR_HZ, sample_rate=sample_rate)]
    out = filtered(out, np.concatenate(band))
    out /= np.sqrt(np.sum(out**2, axis=-1, keepdims=True))
    out.setflags(write=False)
    return out


def reverberate(send: np.ndarray, response: np.ndarray, out: np.ndarray) -> None:
    """Add a mono send [n] in the room, wet only, to ``out``, float32 [2, n]; the response is [2, m]."""
    from scipy.signal import oaconvolve

    n, reach = send.shape[-1], response.shape[-1] - 1
    for begin in range(0, n, BLOCK):
        wet = oaconvolve(send[None, begin : begin + BLOCK], response, axes=-1)
        out[:, begin : begin + BLOCK + reach] += wet[:, : n - begin]

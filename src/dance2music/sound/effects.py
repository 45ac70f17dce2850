"""Linear tools of the desk: equalisers as second-order sections, panning, and the echo in time with the music. Sound is float32 [C, n].

Shelves and bells after R. Bristow-Johnson, "Cookbook formulae for audio EQ biquad filter coefficients" (W3C note, 2021).
"""

from __future__ import annotations

import math

import numpy as np

BLOCK = 2**18
"""Samples that are worked on at once where nothing else bounds them, so that memory does not hold whole pieces in double precision."""


def shelf(hz: float, gain_db: float, *, sample_rate: int, high: bool) -> np.ndarray:
    """A low or high shelf of slope 1, sections [1, 6]."""
    hz = min(hz, 0.45 * sample_rate)
    a = 10.0 ** (gain_db / 40.0)
    w = 2.0 * math.pi * hz / sample_rate
    cos, alpha = math.cos(w) * (-1.0 if high else 1.0), math.sin(w) / math.sqrt(2.0)
    side = 2.0 * math.sqrt(a) * alpha
    sign = -1.0 if high else 1.0
    b = [a * (a + 1 - (a - 1) * cos + side), sign * 2 * a * (a - 1 - (a + 1) * cos), a * (a + 1 - (a - 1) * cos - side)]
    c = [a + 1 + (a - 1) * cos + side, sign * -2 * (a - 1 + (a + 1) * cos), a + 1 + (a - 1) * cos - side]
    return np.array([[*(v / c[0] for v in b), *(v / c[0] for v in c)]])


def bell(hz: float, gain_db: float, *, q: float, sample_rate: int) -> np.ndarray:
    """A bell, sections [1, 6]."""
    a = 10.0 ** (gain_db / 40.0)
    w = 2.0 * math.pi * min(hz, 0.45 * sample_rate) / sample_rate
    alpha = math.sin(w) / (2.0 * q)
    b = [1 + alpha * a, -2 * math.cos(w), 1 - alpha * a]
    c = [1 + alpha / a, -2 * math.cos(w), 1 - alpha / a]
    return np.array([[*(v / c[0] for v in b), *(v / c[0] for v in c)]])


def high_pass(hz: float, *, sample_rate: int, order: int = 2) -> np.ndarray:
    """Butterworth high pass, sections [order / 2, 6]."""
    from scipy.signal import butter

    return np.asarray(butter(order, hz, btype="highpass", fs=sample_rate, output="sos"))


def low_pass(hz: float, *, sample_rate: int, order: int = 2) -> np.ndarray:
    """Butterworth low pass, sections [order / 2, 6]."""
    from scipy.signal import butter

    return np.asarray(butter(order, min(hz, 0.45 * sample_rate), fs=sample_rate, output="sos"))


def filtered(sound: np.ndarray, sections: np.ndarray, *, in_place: bool = False) -> np.ndarray:
    """Sound [n] or [C, n] through second-order sections, float32; ``in_place`` of the sound, or as an array of its own.

    In double precision: at 48 kHz the rounding of a 25 Hz high pass in single precision is heard as a rumble at -70 dB.
    """
    from scipy.signal import sosfilt

    out, n = sound if in_place else np.empty(sound.shape, dtype=np.float32), sound.shape[-1]
    for row, channel in zip(out.reshape(-1, n), sound.reshape(-1, n)):
        state = np.zeros((len(sections), 2))
        for begin in range(0, n, BLOCK):
            part, state = sosfilt(sections, channel[begin : begin + BLOCK].astype(np.float64), zi=state)
            row[begin : begin + BLOCK] = part
    return out


def pan_gains(pan: float) -> tuple[np.float32, np.float32]:
    """Left and right gains of a pan -1..1 with equal power, 1 and 1 in the middle."""
    angle = (min(max(pan, -1.0), 1.0) + 1.0) * math.pi / 4.0
    return np.float32(math.sqrt(2.0) * math.cos(angle)), np.float32(math.sqrt(2.0) * math.sin(angle))


def saturated(sound: np.ndarray, drive: float) -> np.ndarray:
    """Gentle tape-like saturation ``tanh(drive x) / drive`` of a sound [..., n], slope 1 at zero, in place; 0 leaves the sound alone."""
    if drive <= 0:
        return sound
    sound *= np.float32(drive)
    np.tanh(sound, out=sound)
    sound *= np.float32(1.0 / drive)
    return sound


ECHO_TAPS = 5
ECHO_FEEDBACK = 0.45
ECHO_LIMITS_SECONDS = (0.09, 0.9)
_ECHO_PAN = 0.75


def echo(sound: np.ndarray, *, beat_seconds: float, sample_rate: int) -> np.ndarray:
    """Ping-pong echo of a mono send, a dotted eighth apart (halved or doubled into `ECHO_LIMITS_SECONDS`): float32 [n] -> [2, n], wet
    only."""
    step = round(_echo_delay_seconds(beat_seconds) * sample_rate)
    band = np.concatenate([high_pass(350.0, sample_rate=sample_rate), low_pass(4800.0, sample_rate=sample_rate)])
    send = filtered(sound, band)
    out = np.zeros((2, sound.shape[-1]), dtype=np.float32)
    for tap in range(1, ECHO_TAPS + 1):
        if tap * step >= sound.shape[-1]:
            break
        level = np.float32(ECHO_FEEDBACK ** (tap - 1))
        for channel, gain in enumerate(pan_gains(_ECHO_PAN if tap % 2 else -_ECHO_PAN)):
            out[channel, tap * step :] += send[: -tap * step] * (gain * level)
    return out


def echo_seconds(beat_seconds: float) -> float:
    """How long `echo` goes on after what it repeats."""
    return ECHO_TAPS * _echo_delay_seconds(beat_seconds)


def _echo_delay_seconds(beat_seconds: float) -> float:
    delay = 0.75 * beat_seconds
    while delay > ECHO_LIMITS_SECONDS[1]:
        delay /= 2.0
    while delay < ECHO_LIMITS_SECONDS[0]:
        delay *= 2.0
    return delay

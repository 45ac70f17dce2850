"""Studio sound: instruments synthesised here, a mixing desk and a master, 48 kHz stereo. `render` has the public functions.

From the inside out: `randomness`, `loops` (sound from spectra) and `envelopes`; instruments by how they make sound (`analog`, `plucked`,
`fm`, `organ`, `sub`) and drums (`drums`, `metals`, `drum_kits`); `patches` and `kits`, the tables of what plays in
which genre; `voices` and `drum_track` place notes; `transition_sounds`; `effects`, `room` and `dynamics`; `mix` and `master`.
Nothing here reads a sample or a soundfont.
"""

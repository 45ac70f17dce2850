// The mix: what the faders of a take say. The same rules as the export's (studio/mixing.py).

export const LEAST_DB = -60;
export const MOST_DB = 12;

/** Whether the faders leave the music as it is. */
export function isNeutral(mix) {
  return Object.values(mix ?? {}).every((fader) => !fader.mute && !fader.solo && !fader.gain_db);
}

/** Gain of each stem: where some are soloed the others are silent; a fader all the way down is silent, too. */
export function levelsOf(mix, stems) {
  const faders = stems.map((stem) => mix?.[stem] ?? {});
  const soloed = faders.some((fader) => fader.solo);
  return Object.fromEntries(stems.map((stem, i) => {
    const { gain_db: level = 0, mute, solo } = faders[i];
    const silent = mute || (soloed && !solo) || level <= LEAST_DB;
    return [stem, silent ? 0 : 10 ** (Math.min(level, MOST_DB) / 20)];
  }));
}

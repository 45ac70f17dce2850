// What the page calls things, in plain words; in brackets the name by which the manual and the files have them.

export const METHODS = { planned: "Composed for this dance (planned)", composer: "Composed by fixed rules (composer)", memory: "Put together from ready bars (memory)" };

export const SOUNDS = {
  studio: "Separate instruments, mixed (studio)", hybrid: "Imitated band, studio drums (hybrid)", neural: "Imitated band (neural)", soundfont: "Simple sampled instruments (soundfont)",
};

/** Instruments by their roles. */
export const ROLES = { drums: "drums", bass: "bass", chords: "chords", lead: "melody", pad: "backing" };

/** Files to export: name, and what each is for. */
export const FILES = {
  video: ["Video with music", "to post and share"], stems: ["Instruments", "stems, to mix them anew"], midi: ["Notes", "MIDI, for a music program"],
  take: ["Take", "to open it in dance2music again"], ".csv": ["Beats as a table", ".csv, for video editors"], ".txt": ["Beats as labels", ".txt, for Audacity"],
  ".wav": ["WAV", "best, for any editor"], ".flac": ["FLAC", "as good, half the size"], ".mp3": ["MP3", "small, plays anywhere"],
  ".m4a": ["M4A", "small, for phones"], ".ogg": ["OGG", "small, for games"], ".opus": ["Opus", "smallest, for the web"],
};

/** A take's sound and method where they are not the usual ones: ["hybrid sound", "composer"]. */
export const unusual = ({ sound, method }) => [method !== "planned" && `by ${method}`, sound !== "studio" && `${sound} sound`];

// What sounds of one take: its mix, or its stems behind faders; begun and ended with short fades so that nothing clicks.

const FADE_SECONDS = 0.012;

export class Voice {
  #sources = [];
  #gains = new Map();

  /** `parts` is a list of { name, buffer }, `levels` the gain of each by name (1 where none is given); `to` is where they sound. */
  constructor(context, parts, levels, to) {
    this.context = context;
    this.parts = parts;
    this.fader = new GainNode(context, { gain: 0 });
    this.fader.connect(to);
    for (const { name } of parts) this.#gains.set(name, new GainNode(context, { gain: levels[name] ?? 1 }));
  }

  /** Sound from `offset` seconds of the take at the context's time `when`; `loop` is { from, to } or null. */
  start(when, offset, loop) {
    for (const { name, buffer } of this.parts) {
      const source = new AudioBufferSourceNode(this.context, { buffer });
      if (loop) Object.assign(source, { loop: true, loopStart: loop.from, loopEnd: Math.min(loop.to, buffer.duration) });
      source.connect(this.#gains.get(name)).connect(this.fader);
      source.start(when, Math.min(offset, buffer.duration));
      this.#sources.push(source);
    }
    this.fader.gain.setValueAtTime(0, when);
    this.fader.gain.linearRampToValueAtTime(1, when + FADE_SECONDS);
  }

  /** Turn the faders. */
  level(levels) {
    for (const [name, gain] of this.#gains) gain.gain.setTargetAtTime(levels[name] ?? 1, this.context.currentTime, FADE_SECONDS);
  }

  /** Fall silent at the context's time `when`. */
  stop(when) {
    const gain = this.fader.gain;
    gain.cancelScheduledValues(when);
    gain.setValueAtTime(1, when);
    gain.linearRampToValueAtTime(0, when + FADE_SECONDS);
    for (const source of this.#sources) source.stop(when + FADE_SECONDS);
    const last = this.#sources.at(-1);
    if (last) last.addEventListener("ended", () => this.fader.disconnect(), { once: true });
    else this.fader.disconnect();
  }
}

// What sounds of one take: its mix, or its stems behind faders; begun and ended with short fades so that nothing clicks.

const FADE_SECONDS = 0.012;

export class Voice {
  #sources = [];

  /** `parts` is a list of { buffer, gain }, where gain is a GainNode that somebody turns; `to` is where they sound. */
  constructor(context, parts, to) {
    this.context = context;
    this.parts = parts;
    this.fader = new GainNode(context, { gain: 0 });
    this.fader.connect(to);
  }

  /** Sound from `offset` seconds of the take at the context's time `when`; `loop` is { from, to } or null. */
  start(when, offset, loop) {
    for (const { buffer, gain } of this.parts) {
      const source = new AudioBufferSourceNode(this.context, { buffer });
      if (loop) Object.assign(source, { loop: true, loopStart: loop.from, loopEnd: Math.min(loop.to, buffer.duration) });
      source.connect(gain);
      gain.connect(this.fader);
      source.start(when, Math.min(offset, buffer.duration));
      this.#sources.push(source);
    }
    this.fader.gain.setValueAtTime(0, when);
    this.fader.gain.linearRampToValueAtTime(1, when + FADE_SECONDS);
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

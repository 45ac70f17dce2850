// What is heard beside the music while the beat is corrected: a click on every beat of the grid, and the clip's own sound.

import { Voice } from "/page/voice.js";

const AHEAD_SECONDS = 0.15;
const EVERY_MS = 40;
const CLICK_SECONDS = 0.06;
const CLICK_LEVEL = 0.4;
const [DOWNBEAT_HZ, BEAT_HZ] = [1760, 1175];

/**
 * When a time of the take sounds: moments from `from` to before `to`, by the context's clock. `sounding` is the player's: { when, position,
 * loop }; with a loop the same time comes again and again.
 */
export function momentsOf(time, { when, position, loop }, from, to) {
  const first = when + time - position;
  if (!loop) return first >= from && first < to ? [first] : [];
  if (time < loop.from || time >= loop.to) return [];
  const period = loop.to - loop.from;
  const moments = [];
  for (let round = Math.max(0, Math.ceil((from - first) / period)); first + round * period < to; round++) moments.push(first + round * period);
  return moments;
}

export class Monitor {
  #clicking = false;
  #own = null;
  #voice = null;
  #waiting = [];
  #until = 0;
  #grid = null;
  #timer = 0;
  #listener = () => this.#follow();

  /** `grid` gives the beat grid that is shown now. */
  constructor(player, grid) {
    Object.assign(this, { player, grid });
    player.addEventListener("sounding", this.#listener);
  }

  close() {
    this.player.removeEventListener("sounding", this.#listener);
    clearInterval(this.#timer);
  }

  /** Click on the beats, or no more. */
  click(on) {
    if (this.#clicking === on) return;
    this.#clicking = on;
    clearInterval(this.#timer);
    if (on) this.#timer = setInterval(() => this.#schedule(), EVERY_MS);
    else this.#drop(0);
    this.#schedule();
  }

  /** Let the clip's own sound be heard, as `Player.load` gives it; nothing with null. */
  hearOwn(parts) {
    if (this.#own === parts) return;
    this.#own = parts;
    this.#followOwn();
  }

  /** The player began to sound from somewhere, or fell silent: what was due after that moment is no more. */
  #follow() {
    const { sounding, context } = this.player;
    this.#drop(sounding?.when ?? context.currentTime);
    this.#followOwn();
    this.#schedule();
  }

  #followOwn() {
    const { sounding, context } = this.player;
    const when = Math.max(sounding?.when ?? 0, context.currentTime + 0.01);
    this.#voice?.stop(when);
    this.#voice = null;
    if (!this.#own || !sounding) return;
    this.#voice = new Voice(context, this.#own, {}, this.player.master);
    this.#voice.start(when, this.player.due(when), sounding.loop);
  }

  #schedule() {
    const { sounding, duration } = this.player;
    if (!this.#clicking || !sounding) return;
    const now = this.player.context.currentTime;
    const grid = this.grid();
    if (grid !== this.#grid) this.#drop(now);
    this.#grid = grid;
    const from = Math.max(this.#until, now, sounding.when);
    const to = now + AHEAD_SECONDS;
    grid.beats.forEach((beat, i) => {
      if (beat < 0 || beat >= duration) return;
      for (const when of momentsOf(beat, sounding, from, to)) this.#sound(when, grid.isDownbeat(i));
    });
    this.#until = Math.max(this.#until, to);
  }

  #sound(when, downbeat) {
    const { context } = this.player;
    const tone = new OscillatorNode(context, { frequency: downbeat ? DOWNBEAT_HZ : BEAT_HZ });
    const fader = new GainNode(context, { gain: 0 });
    fader.gain.setValueAtTime(CLICK_LEVEL, when);
    fader.gain.exponentialRampToValueAtTime(1e-3, when + CLICK_SECONDS);
    tone.connect(fader).connect(context.destination);  // past the meter: the click is no part of the music
    tone.start(when);
    tone.stop(when + CLICK_SECONDS);
    this.#waiting = [...this.#waiting.filter((one) => one.when > context.currentTime - 1), { when, tone }];
  }

  /** Take back the clicks from a moment on; those that are heard already ring out. */
  #drop(moment) {
    const from = Math.max(moment, this.player.context.currentTime);
    for (const { when, tone } of this.#waiting) if (when >= from) tone.disconnect();
    this.#waiting = this.#waiting.filter(({ when }) => when < from);
    this.#until = from;
  }
}

// The player. Sound is the clock: it never stops or stretches; the picture follows it to a fraction of a frame.

import { bytes } from "/page/api.js";
import { Meter } from "/page/meter.js";
import { Voice } from "/page/voice.js";

const SAMPLE_RATE = 48000;
const AHEAD_SECONDS = 0.03;
const START_MS = 500;
const JUMP_SECONDS = 0.15;
const KEPT_BYTES = 600e6;

/** The players that are open: what a look at the page from outside begins with. */
export const players = [];

export class Player extends EventTarget {
  playing = false;
  loop = null;
  take = null;
  duration = 0;
  fps = 30;
  /** What sounds: from `position` of the take on since the context's time `when`, round a loop or not; null in silence. */
  sounding = null;
  /** How far the play head was ahead of each picture when that came on the screen, in seconds. */
  errors = [];
  #position = 0;
  #began = 0;
  #voice = null;
  #sounds = new Map();
  #pending = new Map();

  constructor(video) {
    super();
    this.video = video;
    video.muted = true;
    video.playsInline = true;
    video.preload = "auto";
    this.#watchPictures();
    players.push(this);
  }

  /** The audio context; made at the first use, since browsers want a click before there is sound. */
  get context() {
    if (!this.#context) {
      this.#context = new AudioContext({ latencyHint: "interactive", sampleRate: SAMPLE_RATE });
      this.master = new GainNode(this.#context);
      this.music = new GainNode(this.#context, { gain: this.#musicLevel });
      this.music.connect(this.master);
      this.meter = new Meter(this.#context, this.master);
      this.master.connect(this.#context.destination);
    }
    return this.#context;
  }
  #context = null;

  /** Show a video; `own`: with its own sound, as long as there is no other. Its duration may come when the browser knows it (`setDuration`). */
  open({ source, duration = 0, fps, own = false }) {
    if (!this.video.src.endsWith(source)) {
      this.pause();
      this.video.src = source;
    }
    this.video.muted = !own;
    this.fps = fps || 30;
    this.setDuration(duration);
  }

  setDuration(seconds) {
    this.duration = seconds;
    this.#changed();
  }

  close() {
    players.splice(players.indexOf(this), 1);
    this.pause();
    this.video.removeAttribute("src");
    this.video.load();
    this.#sounds.clear();
    this.#context?.close();
  }

  /** Let the music be heard, or not; what else sounds, and the time, go on. */
  setMusic(on) {
    this.#musicLevel = Number(on);
    this.music?.gain.setTargetAtTime(this.#musicLevel, this.context.currentTime, 0.012);
  }
  #musicLevel = 1;

  /** Position in seconds that is heard at a moment of `performance.now()`: what the play head shows. */
  at(moment = performance.now()) {
    if (!this.playing || !this.#voice) return this.#position;
    const stamp = this.context.getOutputTimestamp?.();
    const heard = stamp && stamp.performanceTime > 0
      ? stamp.contextTime + (moment - stamp.performanceTime) / 1000
      : this.context.currentTime - (this.context.outputLatency || 0);
    return this.#wrapped(this.#position + Math.max(0, heard - this.#began));
  }

  async play() {
    if (this.playing || !this.duration) return;
    this.playing = true;
    await this.context.resume();
    if (this.#position >= this.duration - 0.02) this.#position = 0;
    if (this.loop && (this.#position < this.loop.from || this.#position >= this.loop.to)) this.#position = this.loop.from;
    this.errors.length = 0;
    this.video.playbackRate = 1;
    this.video.currentTime = this.#position;
    this.#changed();
    this.#first = { deadline: performance.now() + START_MS };
    this.video.play().catch(() => undefined);
    setTimeout(() => this.#sound(performance.now(), this.#position), START_MS);
  }
  #first = null;

  pause() {
    if (!this.playing) return;
    this.#position = Math.min(this.at(), this.duration);
    this.playing = false;
    this.#first = null;
    this.#hush();
    this.#tellSounding(null);
    this.video.pause();
    this.video.playbackRate = 1;
    this.video.currentTime = this.#position;
    this.#changed();
  }

  toggle() {
    return this.playing ? this.pause() : this.play();
  }

  seek(seconds) {
    const to = Math.min(Math.max(0, seconds), this.duration);
    this.#position = to;
    this.video.currentTime = Math.min(to + 0.5 / this.fps, Math.max(0, this.duration - 0.001));
    if (this.playing && !this.#first) this.#restart(to);
    this.#changed();
  }

  /** Play only a section over and over: { from, to }, or null for the whole. */
  setLoop(loop) {
    const here = this.at();
    this.loop = loop;
    if (this.playing && !this.#first) {
      if (loop && (here < loop.from || here >= loop.to)) this.seek(loop.from);
      else this.#restart(here);
    }
    this.#changed();
  }

  /** Load the sound of a take; `parts` names its files: { mix: url } or one url per stem. */
  load(key, parts) {
    if (this.#sounds.has(key)) return Promise.resolve(this.#sounds.get(key));
    if (!this.#pending.has(key)) this.#pending.set(key, this.#decode(key, parts).finally(() => this.#pending.delete(key)));
    return this.#pending.get(key);
  }

  /** Hear another take from here on, without a gap; its sound was loaded before. */
  use(key) {
    this.take = key;
    if (this.playing && !this.#first) this.#restart(this.at(), true);
    this.#changed();
  }

  /** Forget the sound of a take. */
  forget(key) {
    this.#sounds.delete(key);
  }

  /** Turn the faders of a sound: gain by name of its parts. */
  setLevels(key, levels) {
    this.#levels.set(key, levels);
    if (key === this.take) this.#voice?.level(levels);
  }
  #levels = new Map();

  isLoaded(key) {
    return this.#sounds.has(key);
  }

  async #decode(key, parts) {
    const decoded = await Promise.all(Object.entries(parts).map(async ([name, url]) => ({
      name, buffer: await this.context.decodeAudioData(await bytes(url)),
    })));
    this.#sounds.set(key, decoded);
    const size = (sound) => sound.reduce((sum, { buffer }) => sum + 4 * buffer.length * buffer.numberOfChannels, 0);
    let held = [...this.#sounds.values()].reduce((sum, sound) => sum + size(sound), 0);
    for (const [other, sound] of this.#sounds) {
      if (held <= KEPT_BYTES || other === key || other === this.take) continue;
      held -= size(sound);
      this.#sounds.delete(other);
    }
    return decoded;
  }

  /** The first picture is on the screen at `moment`: sound begins so that both are in time. */
  #sound(moment, position) {
    if (!this.playing || !this.#first) return;
    this.#first = null;
    this.#restart(position + (performance.now() - moment) / 1000);
  }

  #restart(position, crossing = false) {
    const context = this.context;
    const when = context.currentTime + AHEAD_SECONDS;
    const parts = this.#sounds.get(this.take);
    const from = crossing ? this.due(when) : position + AHEAD_SECONDS + (context.outputLatency || 0);
    this.#hush(when);
    this.#position = this.#wrapped(from);
    this.#began = when;
    this.#voice = new Voice(context, parts ?? [], this.#levels.get(this.take) ?? {}, this.music);
    this.#voice.start(when, this.#position, this.loop);
    this.#tellSounding({ when, position: this.#position, loop: this.loop });
  }

  #tellSounding(sounding) {
    this.sounding = sounding;
    this.dispatchEvent(new Event("sounding"));
  }

  /** Position in the take that is due at the context's time `when`. */
  due(when) {
    return this.#wrapped(this.#position + when - this.#began);
  }

  #hush(when = this.context.currentTime) {
    this.#voice?.stop(when);
    this.#voice = null;
  }

  #wrapped(position) {
    if (!this.loop || position < this.loop.to) return position;
    return this.loop.from + ((position - this.loop.from) % (this.loop.to - this.loop.from));
  }

  /** Called for every picture that is shown. */
  #watchPictures() {
    const each = (now, { mediaTime, expectedDisplayTime }) => {
      if (this.playing && this.#first) this.#sound(expectedDisplayTime, mediaTime);
      else if (this.playing) this.#follow(expectedDisplayTime, mediaTime);
      this.video.requestVideoFrameCallback(each);
    };
    if (this.video.requestVideoFrameCallback) this.video.requestVideoFrameCallback(each);
  }

  #follow(moment, mediaTime) {
    const head = this.at(moment);
    if (head >= this.duration) {
      this.pause();
      return;
    }
    const error = head - mediaTime;
    this.errors.push(error);
    if (this.errors.length > 10000) this.errors.shift();
    const recent = this.errors.slice(-4);
    const mean = recent.reduce((sum, value) => sum + value, 0) / recent.length;
    if (Math.abs(error) > JUMP_SECONDS) {
      if (!this.video.seeking) this.video.currentTime = Math.min(head + 0.05, this.duration);
    } else if (recent.length === 4) {
      const rate = Math.abs(mean) < 0.25 / this.fps ? 1 : 1 + Math.max(-0.1, Math.min(0.1, mean * 1.5));
      if (Math.abs(rate - this.video.playbackRate) > 0.004 || rate === 1) this.video.playbackRate = rate;
    }
  }

  /** To be called now and then: ends at the end, also where the browser tells of no pictures. */
  tick() {
    if (this.playing && !this.#first && !this.loop && this.at() >= this.duration) {
      this.pause();
      this.seek(this.duration);
    }
  }

  #changed() {
    this.dispatchEvent(new Event("change"));
  }
}

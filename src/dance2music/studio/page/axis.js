// The time axis that everything shares: which seconds are seen, and where the bars are.

const BEATS_PER_BAR = 4;

export class Axis extends EventTarget {
  from = 0;
  to = 1;
  duration = 1;

  /** See the whole of so many seconds. */
  fit(duration = this.duration) {
    this.duration = Math.max(duration, 0.1);
    this.set(0, this.duration);
  }

  set(from, to) {
    const least = Math.min(0.5, this.duration);
    const length = Math.min(Math.max(to - from, least), this.duration);
    this.from = Math.min(Math.max(0, from), this.duration - length);
    this.to = this.from + length;
    this.dispatchEvent(new Event("change"));
  }

  /** Zoom by a factor around a time, which stays where it is. */
  zoom(factor, around = (this.from + this.to) / 2) {
    const length = (this.to - this.from) * factor;
    const share = (around - this.from) / (this.to - this.from);
    this.set(around - share * length, around - share * length + length);
  }

  scroll(seconds) {
    this.set(this.from + seconds, this.to + seconds);
  }

  /** Keep a time in view, turning the page when it leaves it. */
  follow(seconds) {
    const length = this.to - this.from;
    if (seconds < this.from || seconds > this.to - 0.02 * length) this.set(seconds - 0.05 * length, seconds + 0.95 * length);
  }

  x(seconds, width) {
    return ((seconds - this.from) / (this.to - this.from)) * width;
  }

  seconds(x, width) {
    return this.from + (x / width) * (this.to - this.from);
  }
}

/** The beat grid of a dance or a take: { beat_times_seconds, downbeat }. */
export class Grid {
  constructor({ beat_times_seconds: beats = [], downbeat = 0 } = {}, duration = 0) {
    this.beats = beats;
    this.downbeat = downbeat;
    this.duration = duration;
    const first = beats.findIndex((time, i) => time > -1e-3 && this.isDownbeat(i));
    this.firstBar = first;
  }

  isDownbeat(index) {
    return (index - this.downbeat) % BEATS_PER_BAR === 0;
  }

  /** Number of the bar that begins with a beat: bar 1 has the first downbeat at or after 0 s, as the command line counts. */
  barOf(index) {
    return Math.floor((index - this.firstBar) / BEATS_PER_BAR) + 1;
  }

  /** "bar 3, beat 2" of a time. */
  name(seconds) {
    let index = -1;
    while (index + 1 < this.beats.length && this.beats[index + 1] <= seconds + 1e-6) index++;
    if (index < 0 || this.firstBar < 0) return "";
    return `bar ${this.barOf(index)}, beat ${((((index - this.downbeat) % BEATS_PER_BAR) + BEATS_PER_BAR) % BEATS_PER_BAR) + 1}`;
  }

  /** "bars 3 to 4" of { from, to }. */
  span({ from, to }) {
    const inside = this.beats.map((time, i) => [time, i]).filter(([time, i]) => this.isDownbeat(i) && time >= from - 0.02 && time < to - 0.02);
    if (!inside.length) return this.name(from).split(",")[0] || "the beginning";
    const [first, last] = [this.barOf(inside[0][1]), this.barOf(inside.at(-1)[1])];
    return first === last ? `bar ${first}` : `bars ${first} to ${last}`;
  }

  /** Borders of bars within the dance, its beginning and end among them. */
  borders() {
    const bars = this.beats.filter((time, i) => this.isDownbeat(i) && time > 0.05 && time < this.duration - 0.05);
    return [0, ...bars, this.duration];
  }

  /** The nearest border of a bar. */
  snap(seconds) {
    return this.borders().reduce((best, time) => (Math.abs(time - seconds) < Math.abs(best - seconds) ? time : best), 0);
  }

  /** Whole bars around two times: { from, to }. */
  bars(a, b) {
    const [low, high] = a < b ? [a, b] : [b, a];
    const borders = this.borders();
    const from = Math.max(...borders.filter((time) => time <= low + 1e-3), 0);
    const to = Math.min(...borders.filter((time) => time >= high - 1e-3 && time > from + 1e-3), this.duration);
    return { from, to };
  }
}

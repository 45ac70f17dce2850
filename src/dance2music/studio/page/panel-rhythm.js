// The beat: other readings of it, half and double time, moved, tapped; then a take whose music follows.

import { ask } from "/page/api.js";
import { Answer, madeBy } from "/page/answer.js";
import { clock, fill, h, icon, tempo } from "/page/dom.js";
import { number } from "/page/fields.js";
import { Hearing } from "/page/hearing.js";
import { press } from "/page/notify.js";
import { store } from "/page/store.js";

const LEAST_TAPS = 4;
/** Taps within this many beats of a steady tempo are taken to mean it (rhythm/choices.py). */
const STEADY_BEATS = 0.12;
const LEAST_PROBABLE = 0.02;
/** By how many beats the beats are moved; farther it is the bar that is moved. */
const MOST_SHIFT = 1;

export class RhythmPanel {
  key = "rhythm";
  title = "Rhythm";
  #asked = {};
  #taps = [];

  constructor(work) {
    this.work = work;
    this.now = h("p", { class: "range" });
    this.others = h("div", { class: "hypotheses" });
    this.shift = h("input", { type: "range", min: String(-MOST_SHIFT), max: String(MOST_SHIFT), step: "0.01", value: "0", id: "shift", oninput: () => this.#set({ shift_beats: Number(this.shift.value) }) });
    this.moved = h("span", {});
    this.hearing = new Hearing(work);
    this.tapButton = h("button", { type: "button", onclick: () => this.tap() }, "Tap along (T)");
    this.untap = h("button", { type: "button", class: "quiet", onclick: () => this.#tapped(this.#taps.slice(0, -1)) }, "Take back");
    this.restart = h("button", { type: "button", class: "quiet", onclick: () => this.#tapped([]) }, "Start over");
    this.tapText = h("span", { class: "hint", role: "status" });
    this.apply = h("button", { type: "button", class: "main", onclick: () => this.#apply() }, icon("wand"), "Let the music follow");
    this.reset = h("button", { type: "button", class: "quiet", onclick: () => this.#reset() }, "As it was");
    this.answer = new Answer(work.dance.id, (job) => job.kind === "takes" && Boolean(job.asked.rhythm), madeBy);
    this.bpm = number("Or type a tempo, bpm", { value: "", min: 40, max: 240, step: "any" }, (bpm) => this.#steady(bpm));
    const step = (text, change) => h("button", { type: "button", onclick: () => this.#change(change) }, text);
    this.element = h("div", { class: "form" }, this.now, this.others,
      h("div", { class: "row" }, step("Half time", { factor: 0.5 }), step("Double time", { factor: 2 })),
      h("div", { class: "row" }, this.earlier = step("½ beat earlier", { shift: -0.5 }), this.later = step("½ beat later", { shift: 0.5 })),
      h("div", { class: "field" }, h("label", { for: "shift" }, "Move the beats", this.moved), this.shift),
      h("div", { class: "row" }, step("Count 1 earlier", { bar: -1 }), step("Count 1 later", { bar: 1 })),
      this.hearing.element, h("div", { class: "row taps" }, this.tapButton, this.untap, this.restart, this.tapText),
      h("div", { class: "row" }, this.apply, this.reset), this.answer.element, this.bpm.element);
  }

  refresh() {
    const shift = this.#asked.shift_beats ?? 0;
    this.shift.value = shift;
    this.moved.textContent = shift ? `: ${Number(Math.abs(shift).toFixed(2))} beat ${shift < 0 ? "earlier" : "later"}` : "";
    this.earlier.disabled = shift <= -MOST_SHIFT;
    this.later.disabled = shift >= MOST_SHIFT;
    this.#show();
    const grid = this.work.take?.about ?? this.work.dance.about;
    const sure = grid.rhythm_confidence === undefined ? "" : ` · ${Math.round(100 * grid.rhythm_confidence)} % sure`;
    const nothing = Object.keys(this.#asked).length === 0;
    if (!grid.tempo_bpm) fill(this.now, "The beat is read when the dance has been watched.");
    else fill(this.now, h("b", {}, tempo(grid.tempo_bpm)), nothing || !this.shown ? sure : ` → ${tempo(this.shown.tempo_bpm)}`);
    const readings = named((this.work.take?.about.rhythm_alternatives ?? []).filter((reading) => reading.probability >= LEAST_PROBABLE), grid);
    fill(this.others, readings.length > 0 && [h("h3", {}, "The beat could also be"), readings.map(([name, reading]) => h("button", {
      type: "button", class: "reading", "aria-pressed": String(this.#asked.tempo_bpm === reading.tempo_bpm && this.#asked.first_beat_seconds === reading.first_beat_seconds),
      onclick: () => { this.#asked = { tempo_bpm: reading.tempo_bpm, first_beat_seconds: reading.first_beat_seconds }; this.refresh(); },
    }, h("span", {}, name), h("meter", { min: "0", max: "1", value: reading.probability }), h("small", {}, `${Math.round(100 * reading.probability)} %`)))]);
    this.apply.disabled = nothing || this.work.dance.state !== "ready" || store.about.read_only;
    this.reset.disabled = nothing;
    this.untap.hidden = this.restart.hidden = this.#taps.length === 0;
    this.hearing.refresh();
    this.answer.refresh();
  }

  changed(table) {
    if (table === "jobs") this.answer.refresh();
  }

  show() {
    this.hearing.show();
  }

  /** What was not followed yet waits here; the other tools see the beats as they are. */
  hide() {
    this.#show({});
    this.hearing.hide();
  }

  close() {
    this.hearing.close();
  }

  onKey(key) {
    return key.toLowerCase() === "t" && this.element.isConnected && (() => this.tap());
  }

  /** One tap, where the play head is. */
  tap() {
    const { player } = this.work;
    if (!player.playing) {
      player.play();
      this.tapText.textContent = "It plays now: tap on each beat, first on a one.";
      return;
    }
    const here = player.at();
    this.#tapped([...(here > this.#taps.at(-1) ? this.#taps : []), Math.round(here * 1000) / 1000]);
  }

  /** These are the taps now: how steady they are is told, and the beats are shown by them. */
  #tapped(taps) {
    const enough = taps.length >= LEAST_TAPS;
    if (enough) this.#asked = { taps_seconds: taps };
    else if (this.#asked.taps_seconds) this.#asked = {};
    this.#taps = taps;
    if (enough) this.tapText.textContent = told(taps);
    else this.tapText.textContent = ["Tap on each beat, first on a one.", "First tap on a one."][taps.length] ?? `${taps.length} taps, ${LEAST_TAPS - taps.length} more`;
    this.refresh();
  }

  /** A steady tempo that was typed, from the first one that is shown. */
  #steady(bpm) {
    if (!(bpm >= 40 && bpm <= 240)) return;
    const { beat_times_seconds: beats = [], downbeat = 0 } = this.work.take?.about ?? this.work.dance.about;
    const first = beats.find((time, i) => time >= 0 && i % 4 === downbeat % 4) ?? 0;
    this.#asked = { tempo_bpm: bpm, first_beat_seconds: first };
    this.refresh();
  }

  #change({ factor, shift, bar }) {
    if (factor) {
      const next = (this.#asked.factor ?? 1) * factor;
      this.#set({ factor: next === 1 ? undefined : Math.max(0.5, Math.min(2, next)) });
    }
    if (shift) {
      const next = (this.#asked.shift_beats ?? 0) + shift;
      this.#set({ shift_beats: Math.max(-MOST_SHIFT, Math.min(MOST_SHIFT, next)) });
    }
    if (bar) this.#set({ shift_downbeat: ((this.#asked.shift_downbeat ?? 0) + bar) % 4 });
  }

  #set(change) {
    const next = { ...this.#asked, ...change };
    this.#asked = Object.fromEntries(Object.entries(next).filter(([, value]) => value !== undefined && value !== 0));
    this.refresh();
  }

  #reset() {
    this.#asked = {};
    this.#taps = [];
    this.bpm.value = "";
    this.tapText.textContent = "";
    this.refresh();
  }

  /** Show the grid as it will be. */
  #show(asked = this.#asked) {
    const { work } = this;
    const about = work.take?.about ?? work.dance.about;
    if (!about.beat_times_seconds) return;
    this.shown = preview(about, asked, work.player.duration);
    work.timeline.show(this.shown, work.dance.about.seconds);
    work.showTempo(this.shown.tempo_bpm);
  }

  async #apply() {
    const take = this.work.take;
    const body = { ...this.#asked, like: take?.id ?? null };
    if (take) Object.assign(body, { method: take.about.method, sound: take.about.sound, genre: take.about.genre });
    const made = await press(this.apply, () => ask("POST", `/api/dances/${this.work.dance.id}/rhythm`, body));
    if (!made) return;
    if (!store.jobs.has(made.job.id)) store.put("jobs", made.job);
    this.#reset();
  }
}

/** The steady beat of taps, of which some may have been left out, by least squares as the server has it: { period, first, off }, `off` for each tap. */
export function steadyBeat(taps) {
  const gaps = taps.slice(1).map((time, i) => time - taps[i]);
  const usual = gaps.toSorted((a, b) => a - b)[Math.floor(gaps.length / 2)];
  const beats = [0];
  for (const gap of gaps) beats.push(beats.at(-1) + Math.max(1, Math.round(gap / usual)));
  const mean = (values) => values.reduce((sum, value) => sum + value, 0) / values.length;
  const [beat, time] = [mean(beats), mean(taps)];
  const period = mean(beats.map((b, i) => (b - beat) * (taps[i] - time))) / mean(beats.map((b) => (b - beat) ** 2));
  const first = time - period * beat;
  return { period, first, off: taps.map((tap, i) => tap - first - period * beats[i]) };
}

/** "12 taps, 118.4 bpm, steady to 14 ms": the root of the mean square by which they are off. */
function told(taps) {
  const { period, off } = steadyBeat(taps);
  const ms = Math.round(1000 * Math.sqrt(off.reduce((sum, one) => sum + one * one, 0) / off.length));
  const steady = Math.max(...off.map(Math.abs)) <= STEADY_BEATS * period;
  return `${taps.length} taps, ${tempo(60 / period)}, ${steady ? `steady to ${ms} ms` : `uneven by ${ms} ms: the music follows each tap`}`;
}

/** Other readings by names that tell them apart: [name, reading]. */
export function named(readings, grid) {
  const names = readings.map((reading) => difference(reading, grid));
  const found = new Map();
  readings.forEach((reading, i) => {
    const twice = names.filter((name) => name === names[i]).length > 1;
    const name = twice ? `${names[i]}, from ${clock(reading.first_beat_seconds, 2)} on` : names[i];
    if (!found.has(name)) found.set(name, reading);
  });
  return [...found];
}

/** How another reading differs: its tempo, and where its beats lie where that is the same. */
function difference(reading, grid) {
  const bpm = tempo(reading.tempo_bpm);
  if (Math.abs(reading.tempo_bpm / grid.tempo_bpm - 1) > 0.04) return bpm;
  const beat = grid.beat_times_seconds.filter((time) => time <= reading.first_beat_seconds).at(-1) ?? grid.beat_times_seconds[0];
  const later = ((reading.first_beat_seconds - beat) * grid.tempo_bpm) / 60;
  const tenths = Math.round(10 * (later > 0.5 ? later - 1 : later));
  return tenths ? `${bpm}, ${(Math.abs(tenths) / 10).toFixed(1)} beat ${tenths < 0 ? "earlier" : "later"}` : bpm;
}

/** The grid that comes of a wish, as the server will make it (studio/rhythms.py). */
function preview({ beat_times_seconds: found, downbeat: first, tempo_bpm: told }, asked, duration) {
  let [beats, downbeat, bpm] = [found, first, told];
  const steady = (period, begin) => {
    const before = Math.ceil(begin / period);
    beats = Array.from({ length: Math.ceil(duration / period) + before + 1 }, (_, i) => begin + (i - before) * period);
    downbeat = before % 4;
    bpm = 60 / period;
  };
  if (asked.taps_seconds) {
    const tapped = steadyBeat(asked.taps_seconds);
    steady(tapped.period, tapped.first);
  } else if (asked.tempo_bpm) steady(60 / asked.tempo_bpm, asked.first_beat_seconds);
  if (asked.factor === 0.5) [beats, downbeat] = [beats.filter((_, i) => i % 2 === downbeat % 2), Math.floor(downbeat / 2)];
  if (asked.factor === 2) [beats, downbeat] = [beats.flatMap((time, i) => (i + 1 < beats.length ? [time, (time + beats[i + 1]) / 2] : [time])), downbeat * 2];
  bpm *= asked.factor ?? 1;
  const gap = beats[1] - beats[0];
  beats = beats.map((time) => time + (asked.shift_beats ?? 0) * gap);
  return { tempo_bpm: bpm, beat_times_seconds: beats, downbeat: (downbeat + (asked.shift_downbeat ?? 0) + 4) % 4 };
}

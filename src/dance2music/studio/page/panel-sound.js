// Sound: stems behind faders with solo and mute, and how loud it all is.

import { ask } from "/page/api.js";
import { Answer, madeBy } from "/page/answer.js";
import { fill, h } from "/page/dom.js";
import { select } from "/page/fields.js";
import { LEAST_DB, MOST_DB, isNeutral, levelsOf } from "/page/mix.js";
import { attempt, press } from "/page/notify.js";
import { store } from "/page/store.js";
import { ROLES } from "/page/words.js";

const SAVE_MS = 400;
const LOUDEST = 0;
const QUIETEST = -40;

export class SoundPanel {
  key = "sound";
  title = "Sound";
  #mix = {};
  #shown = "";
  #timer = 0;
  #smooth = QUIETEST;

  constructor(work) {
    this.work = work;
    this.level = h("div", { class: "level" });
    this.readout = h("span", { class: "lufs" }, "–");
    this.meter = h("div", { class: "loudness", role: "meter", "aria-label": "Loudness now, LUFS", "aria-valuemin": String(QUIETEST), "aria-valuemax": String(LOUDEST), "aria-valuenow": String(QUIETEST) },
      h("div", { class: "bar" }, this.level, h("div", { class: "target" })), h("span", { class: "target-name" }, "−14"));
    this.whole = h("p", { class: "hint" });
    this.faders = h("div", { class: "faders" });
    this.voices = h("div", { class: "form" });
    this.answer = new Answer(work.dance.id, (job) => ["voices", "stems"].includes(job.kind), (job) => (job.kind === "voices" ? madeBy(job) : ""));
    this.element = h("div", { class: "form" },
      h("div", { class: "meter-row" }, this.meter, this.readout), this.whole, this.faders, this.voices, this.answer.element);
  }

  show() {
    this.work.setMixing(true);
  }

  hide() {
    this.work.setMixing(false);
  }

  refresh() {
    const take = this.work.take;
    this.answer.refresh();
    const stems = take?.about.stem_waves?.names;
    const state = `${take?.id} ${stems}`;
    this.whole.textContent = take?.about.loudness_lufs === undefined ? "" : `How loud the whole take is: ${minus(take.about.loudness_lufs)} LUFS. Video platforms play at −14.`;
    if (state === this.#shown) return;
    this.#shown = state;
    fill(this.voices, this.#instruments(take));
    this.#mix = structuredClone(take?.mix ?? {});
    if (!take) fill(this.faders, h("p", { class: "hint" }, "There is nothing to hear yet."));
    else if (!stems) fill(this.faders, this.#none(take));
    else fill(this.faders, stems.map((stem) => this.#fader(take, stem, stems)),
      h("button", { type: "button", class: "quiet", onclick: () => this.#reset(take, stems) }, "All faders to 0 dB"));
  }

  changed(table, row) {
    if (table === "jobs") this.answer.refresh();
    if (table === "takes" && row.id === this.work.take?.id && this.element.isConnected) this.refresh();
  }

  tick() {
    const { player } = this.work;
    const now = player.playing ? player.meter.lufs() : -Infinity;
    this.#smooth = Math.max(now, this.#smooth - 0.6, QUIETEST);
    const share = Math.max(0, Math.min(1, (this.#smooth - QUIETEST) / (LOUDEST - QUIETEST)));
    this.level.style.transform = `scaleX(${share})`;
    this.level.classList.toggle("hot", this.#smooth > -9);
    const text = now > QUIETEST ? `${minus(now)} LUFS` : "– LUFS";
    if (this.readout.textContent !== text) this.readout.textContent = text;
    this.meter.setAttribute("aria-valuenow", this.#smooth.toFixed(0));
  }

  /** What plays each role, to choose another: the same notes come as a take of their own. */
  #instruments(take) {
    const playing = Object.entries(take?.about.voices ?? {});
    if (!playing.length) return null;
    const chosen = {};
    const make = h("button", { type: "button", disabled: true, onclick: async () => {
      const made = await press(make, () => ask("POST", `/api/takes/${take.id}/voices`, chosen));
      if (!made) return;
      make.disabled = true;
      if (!store.jobs.has(made.job.id)) store.put("jobs", made.job);
    } }, "Play it with these");
    const choose = (role, now) => (name) => {
      if (name === now) delete chosen[role];
      else chosen[role] = name;
      make.disabled = Object.keys(chosen).length === 0 || store.about.read_only;
    };
    return [h("h3", {}, "Instruments"), h("div", { class: "pair voices" }, playing.map(([role, now]) => {
      const names = store.about.voices[role].map((name) => [name, name]);
      return select(ROLES[role] ?? role, now ? names : [["", "as it is"], ...names], now, choose(role, now)).element;
    })), make];
  }

  #none(take) {
    const apart = ["studio", "soundfont"].includes(take.about.sound);
    if (!apart) return h("p", { class: "hint" }, "This take is one recording: its instruments cannot be set apart. Those of a take with separate instruments (studio) can.");
    const busy = store.jobsOf(take.dance).length > 0;
    return h("div", { class: "form" }, h("p", { class: "hint" }, busy ? "The single instruments are on their way." : "The single instruments of this take are not there yet."),
      !busy && h("button", { type: "button", onclick: () => attempt(() => ask("POST", `/api/takes/${take.id}/stems`)) }, "Play the instruments apart"));
  }

  #fader(take, stem, stems) {
    const name = ROLES[stem] ?? stem;
    const fader = () => (this.#mix[stem] ??= { gain_db: 0, mute: false, solo: false });
    const text = h("output", { class: "db" });
    const range = h("input", { type: "range", min: String(LEAST_DB), max: String(MOST_DB), step: "0.5", value: String(toScale(fader().gain_db)), "aria-label": `Level of ${name}`,
      oninput: () => { fader().gain_db = fromScale(Number(range.value)); update(); } , ondblclick: () => { range.value = String(toScale(0)); fader().gain_db = 0; update(); } });
    const toggle = (key, letter, what) => {
      const button = h("button", { type: "button", class: `switch ${key}`, "aria-pressed": String(Boolean(fader()[key])), "aria-label": `${what} ${name}`, title: `${what} ${name}`,
        onclick: () => { fader()[key] = !fader()[key]; button.setAttribute("aria-pressed", String(fader()[key])); update(); } }, letter);
      return button;
    };
    const update = () => {
      text.textContent = fader().gain_db <= LEAST_DB ? "off" : `${fader().gain_db > 0 ? "+" : ""}${fader().gain_db.toFixed(1)} dB`;
      range.setAttribute("aria-valuetext", text.textContent);
      this.#send(take, stems);
    };
    text.textContent = `${fader().gain_db > 0 ? "+" : ""}${fader().gain_db.toFixed(1)} dB`;
    return h("div", { class: "fader" }, h("span", { class: "stem-name" }, name), range, text, toggle("mute", "M", "Silence"), toggle("solo", "S", "Hear alone:"));
  }

  #send(take, stems) {
    this.work.player.setLevels(`${take.id}/stems`, levelsOf(this.#mix, stems));
    clearTimeout(this.#timer);
    this.#timer = setTimeout(async () => {
      const changed = await attempt(() => ask("PATCH", `/api/takes/${take.id}`, { mix: isNeutral(this.#mix) ? {} : this.#mix }));
      if (changed) store.put("takes", changed);
    }, SAVE_MS);
  }

  #reset(take, stems) {
    store.put("takes", { ...store.takes.get(take.id), mix: {} });
    this.#shown = "";
    this.refresh();
    this.#send(take, stems);
  }
}

const minus = (value) => value.toFixed(1).replace("-", "−");

// A fader's way is finer near 0 dB than near silence.
const toScale = (level) => (level >= -20 ? level * 2 : -40 + (level + 20) / 2);
const fromScale = (place) => Math.round(10 * Math.max(LEAST_DB, place >= -40 ? place / 2 : -20 + (place + 40) * 2)) / 10;

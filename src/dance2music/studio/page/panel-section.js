// A section drawn again: what to change, three choices, one to keep.

import { ask } from "/page/api.js";
import { Answer } from "/page/answer.js";
import { clock, fill, h, icon } from "/page/dom.js";
import { select } from "/page/fields.js";
import { attempt, press, toast } from "/page/notify.js";
import { store } from "/page/store.js";

const CHANGES = {
  all: ["Everything", {}],
  drums: ["Drums", { roles: ["drums"] }],
  melody: ["Melody", { roles: ["lead"] }],
  harmony: ["Bass and chords", { roles: ["bass", "chords", "pad"] }],
  calmer: ["Calmer", { energy: "calmer" }],
  wilder: ["Wilder", { energy: "wilder" }],
  genre: ["Another genre", {}],
};

export class SectionPanel {
  key = "section";
  title = "Section";
  #change = "all";
  #job = null;

  constructor(work) {
    this.work = work;
    this.range = h("p", { class: "range" });
    this.genre = select("Genre of the section", store.about.genres.map((genre) => [genre, genre]), store.about.genres[0]);
    this.chips = h("fieldset", { class: "chips" }, h("legend", {}, "What to change"), Object.entries(CHANGES).map(([key, [text]]) => h(
      "label", { class: "chip" },
      h("input", { type: "radio", name: "change", value: key, checked: key === "all", onchange: () => { this.#change = key; this.refresh(); } }),
      h("span", {}, text))));
    this.button = h("button", { type: "button", class: "main", onclick: () => this.draw() }, icon("wand"), "Draw it again");
    this.why = h("p", { class: "hint" });
    this.choices = h("div", { class: "choices" });
    this.answer = new Answer(work.dance.id, (job) => job.kind === "section", () => "");
    this.element = h("div", { class: "form" }, this.range, this.chips, this.genre.element, this.button, this.answer.element, this.why, this.choices);
    this.listener = () => this.refresh();
    work.timeline.addEventListener("select", () => this.#selected());
  }

  refresh() {
    const { take, timeline } = this.work;
    const chosen = timeline.selection;
    fill(this.range, chosen
      ? [h("b", {}, capital(timeline.grid.span(chosen))), ` · ${clock(chosen.from)} to ${clock(chosen.to)}`]
      : "Drag over the timeline to choose bars, or press [ and ] where they begin and end.");
    const apart = ["studio", "soundfont"].includes(take?.about.sound);
    for (const input of this.chips.querySelectorAll("input")) input.disabled = !apart && ["drums", "melody", "harmony"].includes(input.value);
    this.genre.element.hidden = this.#change !== "genre";
    const { busy } = this.answer;
    this.answer.refresh();
    this.button.disabled = !chosen || !take || busy || store.about.read_only;
    this.why.textContent = busy ? "It is being drawn. You can go on listening." : "More than half a second outside the section everything stays exactly as it is.";
    this.#list();
  }

  changed(table, row) {
    if (table === "jobs" && row.kind === "section") this.refresh();
    if (table === "takes" && row.candidate && row.job === this.#job && !row.deleted) requestAnimationFrame(() => this.#reveal());
    if (table === "takes" && row.candidate && row.job === this.#job && !row.deleted && this.work.heard !== row.id && !this.heardFirst) {
      this.heardFirst = true;
      this.work.hear(row);
      this.refresh();
    }
  }

  onKey(key) {
    return key.toLowerCase() === "r" && (() => {
      this.work.tools.open("section");
      if (!this.button.disabled) this.draw();
    });
  }

  async draw() {
    const { take, timeline, player } = this.work;
    const chosen = timeline.selection;
    const [, change] = CHANGES[this.#change];
    const base = take.candidate ? store.takes.get(take.parent) : take;
    const body = { from_seconds: round(chosen.from), to_seconds: round(chosen.to), count: 3, ...change };
    if (this.#change === "genre") body.genre = this.genre.value;
    this.heardFirst = false;
    const made = await press(this.button, () => ask("POST", `/api/takes/${base.id}/section`, body), () => this.refresh());
    if (!made) return;
    this.#job = made.job.id;
    if (!store.jobs.has(made.job.id)) store.put("jobs", made.job);
    const grid = timeline.grid;
    const from = Math.max(...grid.borders().filter((time) => time < chosen.from - 0.05), 0);
    player.setLoop({ from, to: Math.min(...grid.borders().filter((time) => time > chosen.to + 0.05), player.duration) });
    this.refresh();
  }

  #selected() {
    if (this.work.timeline.selection && this.element.isConnected === false) this.work.tools.open("section");
    this.refresh();
  }

  /** Choices of this dance that nobody has decided about, those of earlier sections among them. */
  #undecided() {
    return [...store.takes.values()].filter((take) => take.candidate && !take.deleted && take.dance === this.work.dance.id);
  }

  #list() {
    const found = this.#undecided();
    const job = this.#job ?? found.at(-1)?.job;
    const choices = found.filter((take) => take.job === job);
    if (!choices.length) {
      fill(this.choices);
      return;
    }
    const base = store.takes.get(choices[0].parent);
    const row = (take, text, keep) => h(
      "div", { class: "choice" },
      h("button", { type: "button", class: "take-name", "aria-pressed": String(this.work.heard === take.id), onclick: () => this.#listen(take) },
        icon("play"), h("span", {}, text)),
      keep);
    fill(
      this.choices, h("h3", {}, `Choose one for ${this.work.timeline.grid.span({ from: choices[0].about.section.from_seconds, to: choices[0].about.section.to_seconds })}`),
      row(base, "As it was", h("button", { type: "button", class: "quiet", onclick: () => this.#drop(base) }, "None of them")),
      choices.map((take) => row(take, take.title, h("button", { type: "button", onclick: () => this.#keep(take) }, "Keep"))));
  }

  /** Hear a choice, from where the loop begins if nothing is playing. */
  async #listen(take) {
    const { player } = this.work;
    await this.work.hear(take);
    if (player.playing) return;
    if (player.loop) player.seek(player.loop.from);
    player.play();
  }

  /** Bring the choices into sight when they come. */
  #reveal() {
    if (this.element.isConnected) this.choices.scrollIntoView({ block: "nearest" });
  }

  async #keep(take) {
    const kept = await attempt(() => ask("POST", `/api/takes/${take.id}/keep`));
    if (!kept) return;
    this.#job = null;
    store.put("takes", kept);
    this.work.player.setLoop(null);
    this.work.hear(kept);
    const before = store.takes.get(kept.parent);
    toast(`Kept as ${kept.title} (${changeOf(kept.about.section, this.work.timeline.grid)})${before && !before.deleted ? `; ${before.title} stays beside it` : ""}`);
  }

  async #drop(base) {
    for (const take of this.#undecided()) {
      const gone = await attempt(() => ask("DELETE", `/api/takes/${take.id}`));
      if (gone) store.put("takes", gone);
    }
    this.#job = null;
    this.work.player.setLoop(null);
    this.work.hear(base);
    this.refresh();
  }
}

/** What was drawn again, in words: "bars 2 to 3, drums". */
export function changeOf(section, grid) {
  const roles = section.roles ?? [];
  const named = Object.values(CHANGES).find(([, { roles: own }]) => own && String(own) === String(roles))?.[0].toLowerCase() ?? roles.join(", ");
  return [grid.span({ from: section.from_seconds, to: section.to_seconds }), named, section.energy, section.genre].filter(Boolean).join(", ");
}

const round = (seconds) => Math.round(seconds * 1e4) / 1e4;
const capital = (text) => text[0].toUpperCase() + text.slice(1);

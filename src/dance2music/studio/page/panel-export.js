// What leaves the library: files to save.

import { ask } from "/page/api.js";
import { Answer } from "/page/answer.js";
import { fill, h, icon } from "/page/dom.js";
import { number } from "/page/fields.js";
import { press } from "/page/notify.js";
import { store } from "/page/store.js";
import { FILES } from "/page/words.js";

const SOUNDS = [".wav", ".flac", ".mp3", ".m4a", ".ogg", ".opus"];
const ORIGINAL = "Keep it beside the music";

export class ExportPanel {
  key = "export";
  title = "Export";

  constructor(work) {
    this.work = work;
    this.boxes = new Map();
    const box = (key, checked = false) => {
      const [name, use] = FILES[key] ?? [key];
      const input = h("input", { type: "checkbox", checked, onchange: () => this.#original() });
      this.boxes.set(key, input);
      return h("label", { class: "check" }, input, h("span", {}, name, use && h("small", {}, use)));
    };
    const { marker_suffixes: markers } = store.about;
    this.markers = markers;
    this.original = h("fieldset", { class: "form" }, h("legend", {}, "The clip's own sound"), box(ORIGINAL),
      this.levels = h("div", { class: "pair" }, (this.originalDb = number("How loud (0 dB: as it is)", { value: 0, min: -60, max: 20 })).element,
      (this.duckDb = number("Music under it lower by, dB", { value: 9, min: 0, max: 60 })).element));
    this.alone = h("legend", {}, "Music alone");
    const known = SOUNDS.filter((suffix) => store.about.sound_suffixes.includes(suffix));
    this.what = h("p", { class: "range" });
    this.button = h("button", { type: "submit", class: "main" }, icon("down"), "Export");
    this.list = h("div", { class: "exports" });
    this.answer = new Answer(work.dance.id, (job) => job.kind === "export", () => "The files are here:");
    this.element = h("div", { class: "form" },
      h("form", { class: "form", onsubmit: (event) => { event.preventDefault(); this.#export(); } }, this.what,
        h("fieldset", { class: "checks" }, h("legend", {}, "Files"), box("video", true), ["stems", "midi", "take", ...markers].map((key) => box(key))),
        h("fieldset", { class: "checks" }, this.alone, known.map((suffix) => box(suffix))),
        this.original, this.button),
      this.answer.element, this.list);
    this.known = known;
  }

  refresh() {
    const { take } = this.work;
    fill(this.what, take ? [h("b", {}, take.title), " of ", this.work.dance.title] : "There is no take to export yet.");
    const has = { stems: Boolean(take?.about.stem_waves), midi: ["planned", "composer"].includes(take?.about.method) };
    for (const key of ["stems", "midi"]) {
      this.boxes.get(key).disabled = !has[key];
      if (!has[key]) this.boxes.get(key).checked = false;
    }
    this.original.hidden = !this.work.dance.about.has_sound;
    this.button.disabled = !take || take.candidate || store.about.read_only || this.answer.busy;
    this.#original();
    this.#exports();
    this.answer.refresh();
  }

  changed(table) {
    if (["exports", "jobs"].includes(table) && this.element.isConnected) this.refresh();
    else if (table === "jobs") this.answer.refresh();
  }

  /** The clip's own sound has a level only where it is kept. */
  #original() {
    const kept = this.boxes.get(ORIGINAL).checked;
    this.levels.hidden = !kept;
    this.alone.textContent = kept ? "The same sound alone: music and clip" : "Music alone";
  }

  /** Exports of this dance, the newest first. */
  #made() {
    return [...store.exports.values()].filter((row) => row.dance === this.work.dance.id && !row.deleted).reverse();
  }

  #exports() {
    const file = (row, name, i) => h("li", {}, h("a", { href: `/media/exports/${row.id}/${i}`, download: name }, name));
    const [last, ...earlier] = this.#made().filter((row) => !row.about.test).map((row) => h("div", { class: "export" },
      h("b", {}, row.title), h("ul", {}, row.about.files.map((name, i) => file(row, name, i))),
      row.about.files.length > 1 && h("a", { class: "button all", href: `/media/exports/${row.id}/all.zip`, download: `${row.title}.zip` }, icon("down"), "All as one (.zip)")));
    const open = this.list.querySelector("details")?.open;
    fill(this.list, last, earlier.length > 0 && h("details", { class: "earlier", open }, h("summary", {}, `Earlier exports (${earlier.length})`), earlier));
  }

  async #export() {
    const on = (key) => this.boxes.get(key).checked;
    const body = { video: on("video"), stems: on("stems"), midi: on("midi"), take: on("take"), sounds: this.known.filter(on), markers: this.markers.filter(on) };
    if (on(ORIGINAL) && !this.original.hidden) Object.assign(body, { original_db: this.originalDb.value, duck_db: this.duckDb.value });
    const made = await press(this.button, () => ask("POST", `/api/takes/${this.work.take.id}/exports`, body));
    if (made && !store.jobs.has(made.job.id)) store.put("jobs", made.job);
    this.refresh();
  }
}

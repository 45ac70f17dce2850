// What leaves the library: files to save, and a listening test between takes.

import { ask } from "/page/api.js";
import { fill, h, icon } from "/page/dom.js";
import { number } from "/page/fields.js";
import { attempt } from "/page/notify.js";
import { store } from "/page/store.js";

const SOUNDS = [".wav", ".flac", ".mp3", ".m4a", ".ogg", ".opus"];

export class ExportPanel {
  key = "export";
  title = "Export";

  constructor(work) {
    this.work = work;
    this.boxes = new Map();
    const box = (key, text, checked = false) => {
      const input = h("input", { type: "checkbox", checked });
      this.boxes.set(key, input);
      return h("label", { class: "check" }, input, h("span", {}, text));
    };
    const { marker_suffixes: markers } = store.about;
    this.markers = markers;
    this.original = h("fieldset", { class: "form" }, h("legend", {}, "The clip's own sound"), box("original", "Keep it beside the music"),
      (this.originalDb = number("Its level, dB", { value: 0, min: -60, max: 20 })).element,
      (this.duckDb = number("Lower the music under it by, dB", { value: 9, min: 0, max: 60 })).element);
    const known = SOUNDS.filter((suffix) => store.about.sound_suffixes.includes(suffix));
    this.what = h("p", { class: "range" });
    this.button = h("button", { type: "submit", class: "main" }, icon("down"), "Export");
    this.list = h("div", { class: "exports" });
    this.test = h("div", { class: "form" });
    this.element = h("div", { class: "form" },
      h("form", { class: "form", onsubmit: (event) => { event.preventDefault(); this.#export(); } }, this.what,
        h("fieldset", { class: "checks" }, h("legend", {}, "Files"), box("video", "Video with the music", true), box("stems", "Stems"), box("midi", "Notes (MIDI)"), box("take", "Take file"), markers.map((suffix) => box(suffix, `Markers (${suffix.slice(1)})`))),
        h("fieldset", { class: "checks" }, h("legend", {}, "Music alone"), known.map((suffix) => box(suffix, suffix.slice(1).toUpperCase()))),
        this.original, this.button),
      this.list, this.test);
    this.known = known;
  }

  refresh() {
    const { take, takes } = this.work;
    fill(this.what, take ? [h("b", {}, take.title), " of ", this.work.dance.title] : "There is no take to export yet.");
    const has = { stems: Boolean(take?.about.stem_waves), midi: ["planned", "composer"].includes(take?.about.method) };
    for (const key of ["stems", "midi"]) {
      this.boxes.get(key).disabled = !has[key];
      if (!has[key]) this.boxes.get(key).checked = false;
    }
    this.original.hidden = !this.work.dance.about.has_sound;
    this.button.disabled = !take || take.candidate || store.about.read_only;
    this.#exports();
    const enough = takes.length >= 2;
    fill(this.test, h("h3", {}, "Listening test"), h("p", { class: "hint" }, enough
      ? "Hear the takes two at a time without knowing which is which."
      : "With two takes or more you can compare them blindly."),
    enough && h("button", { type: "button", onclick: () => this.#listen() }, `Compare ${Math.min(takes.length, 8)} takes`));
  }

  changed(table) {
    if (table === "exports" && this.element.isConnected) this.refresh();
  }

  #exports() {
    const found = [...store.exports.values()].filter((row) => row.dance === this.work.dance.id && !row.deleted).reverse().slice(0, 8);
    fill(this.list, found.map((row) => h("div", { class: "export" },
      h("b", {}, row.about.test ? `Listening test of ${row.about.takes.length} takes` : row.title),
      row.about.test
        ? h("a", { class: "button", href: `/listen/${row.id}/index.html`, target: "_blank", rel: "noopener" }, "Open the test")
        : h("ul", {}, row.about.files.map((file, i) => h("li", {}, h("a", { href: `/media/exports/${row.id}/${i}`, download: file }, file)))))));
  }

  async #export() {
    const on = (key) => this.boxes.get(key).checked;
    const body = { video: on("video"), stems: on("stems"), midi: on("midi"), take: on("take"), sounds: this.known.filter(on), markers: this.markers.filter(on) };
    if (on("original") && !this.original.hidden) Object.assign(body, { original_db: this.originalDb.value, duck_db: this.duckDb.value });
    const made = await attempt(() => ask("POST", `/api/takes/${this.work.take.id}/exports`, body));
    if (made && !store.jobs.has(made.job.id)) store.put("jobs", made.job);
  }

  async #listen() {
    const takes = this.work.takes.slice(0, 8).map((take) => take.id);
    const made = await attempt(() => ask("POST", `/api/dances/${this.work.dance.id}/listening-test`, { takes }));
    if (made && !store.jobs.has(made.job.id)) store.put("jobs", made.job);
  }
}

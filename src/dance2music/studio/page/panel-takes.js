// More takes: in which genre, by which method, in which sound.

import { ask } from "/page/api.js";
import { Answer, madeBy } from "/page/answer.js";
import { fill, h, icon } from "/page/dom.js";
import { endingBox, number, select } from "/page/fields.js";
import { press } from "/page/notify.js";
import { store } from "/page/store.js";
import { METHODS, SOUNDS } from "/page/words.js";

export class TakesPanel {
  key = "takes";
  title = "Takes";

  constructor(work) {
    this.work = work;
    const { genres, methods } = store.about;
    this.genre = select("Genre", [["", "As the dance has it"], ...genres.map((genre) => [genre, genre])], "");
    this.method = select("How it is made", Object.keys(methods).map((name) => [name, METHODS[name] ?? name]), "planned", () => this.#sounds());
    this.place = h("div", {});
    this.who = h("div", {});
    this.count = number("How many", { value: 1, min: 1, max: 8 });
    this.ending = endingBox();
    this.button = h("button", { type: "submit", class: "main" }, icon("plus"), "Make more takes");
    this.answer = new Answer(work.dance.id, (job) => job.kind === "dance" || (job.kind === "takes" && !job.asked.rhythm), madeBy);
    this.element = h("form", { class: "form", onsubmit: (event) => this.#make(event) },
      h("p", { class: "hint" }, "Every take is other music for the same dance. Press 1 to 9 while it plays to hear them against each other."),
      this.who, this.genre.element, this.method.element, this.place, this.ending.element, this.count.element, this.button, this.answer.element);
    this.#sounds();
  }

  refresh() {
    const people = this.work.dance.about.dancers ?? [];
    if (people.length > 1 && !this.dancer) {
      const share = ({ share }) => `counts ${Math.round(100 * share)} %`;
      const label = this.work.dance.about.has_places ? "For (numbers as in the picture)" : "For";
      this.dancer = select(label, [["", "As the take that is heard"], ["all", "All who dance"], ["largest", "The largest dancer"],
        ...people.map((one) => [`${one.number}`, `Dancer ${one.number} (${share(one)})`])], "", () => this.#mark());
      fill(this.who, this.dancer.element);
    }
    this.#mark();
    this.button.lastChild.textContent = this.work.takes.length ? "Make more takes" : "Make a take";
    this.button.disabled = this.work.dance.state !== "ready" || store.about.read_only;
    this.answer.refresh();
  }

  hide() {
    this.work.people.mark(null);
  }

  /** Show in the picture whom the music is to be for. */
  #mark() {
    this.work.people.mark(Number(this.dancer?.value) || null);
  }

  changed(table) {
    if (table === "jobs") this.answer.refresh();
  }

  #sounds() {
    const sounds = store.about.methods[this.method.value].sounds;
    this.sound = select("Sound", sounds.map((sound) => [sound, SOUNDS[sound] ?? sound]), sounds[0]);
    fill(this.place, this.sound.element);
  }

  async #make(event) {
    event.preventDefault();
    const made = await press(this.button, () => ask("POST", `/api/dances/${this.work.dance.id}/takes`, {
      count: this.count.value, genre: this.genre.value || null, method: this.method.value, sound: this.sound.value, ending: this.ending.checked,
      dancer: this.dancer?.value || null, like: this.dancer?.value ? null : this.work.take?.id ?? null,
    }), () => this.refresh());
    if (made && !store.jobs.has(made.job.id)) store.put("jobs", made.job);
  }
}

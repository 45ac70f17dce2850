// The blind comparison of takes, at their list: a quiet button makes it, then a link opens it.

import { ask } from "/page/api.js";
import { fill, h } from "/page/dom.js";
import { press } from "/page/notify.js";
import { store } from "/page/store.js";

const MOST_TAKES = 8;
const WHAT = "Hear your takes two at a time without knowing which is which. At the end you see which you chose.";

export class Comparison {
  element = h("div", { class: "compare" });
  #button = h("button", { type: "button", class: "quiet", title: WHAT, onclick: () => this.#make() });

  constructor(work) {
    this.work = work;
  }

  refresh() {
    const takes = this.#takes;
    const made = [...store.exports.values()].find((row) => row.dance === this.work.dance.id && !row.deleted && row.about.test && String(row.about.takes) === String(takes));
    const busy = store.jobsOf(this.work.dance.id).some((job) => job.kind === "listen");
    this.#button.textContent = busy ? "Making the comparison …" : `Compare ${takes.length} blindly`;
    this.#button.disabled = busy || store.about.read_only;
    if (takes.length < 2) fill(this.element);
    else if (!made) fill(this.element, this.#button);
    else fill(this.element, h("a", { class: "button", href: `/listen/${made.id}/index.html`, target: "_blank", rel: "noopener", title: WHAT }, "Open the comparison"));
  }

  /** Ids of the takes that are compared. */
  get #takes() {
    return this.work.takes.slice(0, MOST_TAKES).map((take) => take.id);
  }

  async #make() {
    const made = await press(this.#button, () => ask("POST", `/api/dances/${this.work.dance.id}/listening-test`, { takes: this.#takes }));
    if (made && !store.jobs.has(made.job.id)) store.put("jobs", made.job);
    this.refresh();
  }
}

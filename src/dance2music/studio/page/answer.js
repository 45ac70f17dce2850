// The answer beside a button: how far what it began is, and that it is done. On a phone nothing else of the page may be in sight.

import { fill, h } from "/page/dom.js";
import { progressOf } from "/page/progress.js";
import { store } from "/page/store.js";

export class Answer {
  element = h("div", { class: "answer", role: "status" });
  #bars = new Map();
  #said = "";
  #kind = "said";

  /** For jobs of a dance that `mine` picks; `done` says in words what came of one. */
  constructor(dance, mine, done) {
    Object.assign(this, { dance, mine, done });
  }

  /** Whether such a job waits or runs. */
  get busy() {
    return store.jobsOf(this.dance).some(this.mine);
  }

  refresh() {
    const jobs = store.jobsOf(this.dance).filter(this.mine);
    let other = false;
    for (const key of this.#bars.keys()) {
      if (jobs.some((job) => job.id === key)) continue;
      this.#bars.delete(key);
      this.#kind = { done: "said", cancelled: "hint" }[store.jobs.get(key)?.state] ?? "error";
      this.#said = this.#ended(store.jobs.get(key));
      other = true;
    }
    for (const job of jobs) {
      if (this.#bars.has(job.id)) {
        this.#bars.get(job.id).update(job);
        continue;
      }
      this.#bars.set(job.id, progressOf(job));
      this.#said = "";
      other = true;
    }
    if (!other) return;
    fill(this.element, [...this.#bars.values()].map((bar) => bar.element), this.#said && h("p", { class: this.#kind }, this.#said));
    if (this.element.isConnected && this.element.firstChild) requestAnimationFrame(() => this.element.scrollIntoView({ block: "nearest" }));
  }

  #ended(job) {
    if (job?.state === "done") return this.done(job);
    return job?.state === "cancelled" ? "It was cancelled." : `That did not work: ${job?.error ?? "the job is gone"}`;
  }
}

/** "Take 4 is there, and it is what you hear." of a job that made takes. */
export function madeBy(job) {
  const made = [...store.takes.values()].filter((take) => take.job === job.id && !take.deleted);
  if (made.length > 1) return `${made.map((take) => take.title).join(", ")} are there; you hear the last.`;
  return made.length ? `${made[0].title} is there, and it is what you hear.` : "It is there.";
}

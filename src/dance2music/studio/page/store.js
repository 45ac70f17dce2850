// What the page knows of the library, kept up to date by the server's events.

import { ask } from "/page/api.js";

const TABLES = ["dances", "takes", "exports", "jobs"];

class Store extends EventTarget {
  about = { genres: [], methods: {}, read_only: false, folder: "" };
  dances = new Map();
  takes = new Map();
  exports = new Map();
  jobs = new Map();
  connected = false;

  async load() {
    const all = await ask("GET", "/api/library");
    for (const table of TABLES) this[table] = new Map(all[table].map((row) => [row.id, row]));
    this.about = all;
    this.connected = true;
    this.#tell("all");
  }

  /** Load everything, then hear of changes; after a lost connection everything is loaded anew. */
  async connect() {
    const source = new EventSource("/api/events");
    let lost = false;
    source.addEventListener("open", () => {
      if (lost) this.load().catch(() => undefined);
      lost = false;
    });
    source.addEventListener("error", () => {
      lost = true;
      this.connected = false;
      this.#tell("connection");
    });
    source.addEventListener("anew", () => this.load());
    for (const table of TABLES) source.addEventListener(table, (event) => this.put(table, JSON.parse(event.data)));
    await this.load();
  }

  /** Take in a row that the server sent. */
  put(table, row) {
    this[table].set(row.id, row);
    this.#tell(table, row);
  }

  /** Takes of a dance that are neither candidates nor thrown away, in their order. */
  takesOf(dance) {
    return [...this.takes.values()].filter((take) => take.dance === dance && !take.candidate && !take.deleted);
  }

  /** Jobs of a dance that wait or run. */
  jobsOf(dance) {
    return [...this.jobs.values()].filter((job) => job.dance === dance && ["queued", "running"].includes(job.state));
  }

  #tell(table, row) {
    this.dispatchEvent(new CustomEvent("change", { detail: { table, row } }));
  }
}

export const store = new Store();

// The library: what is there, and three ways to begin.

import { ask, upload } from "/page/api.js";
import { clock, fill, h, icon, iconButton, tempo } from "/page/dom.js";
import { endingBox, select } from "/page/fields.js";
import { attempt, toast } from "/page/notify.js";
import { progressOf, stageOf } from "/page/progress.js";
import { store } from "/page/store.js";

const LARGEST_BYTES = 1 << 30;
/** Genre of the first take of what is dropped next; "" for the dance's own. */
let genre = "";
const wishes = () => ({ genre, ending: localStorage.getItem("ending") !== "off" });

export class Home {
  #stage;
  #grid = h("ul", { class: "dances" });
  #bin = h("div", {});
  #bars = new Map();
  #listener = ({ detail }) => this.#changed(detail);

  constructor(stage) {
    this.#stage = stage;
    const input = h("input", { type: "file", accept: "video/*,.mkv,.avi,.ts,.mpg,.flv,.wmv", multiple: true, class: "hidden-input", id: "file",
      onchange: () => { takeIn([...input.files]); input.value = ""; } });
    this.drop = h(
      "section", { class: "drop", "aria-label": "Begin" },
      h("p", { class: "drop-line" }, "Drop a dance video here"),
      h("p", { class: "drop-small" }, "1 second to 10 minutes. It stays on this machine."),
      h("div", { class: "drop-buttons" },
        input, h("label", { for: "file", class: "button main", role: "button", tabindex: "0", onkeydown: (event) => { if (["Enter", " "].includes(event.key)) { event.preventDefault(); input.click(); } } }, icon("plus"), "Choose a video"),
        h("button", { type: "button", onclick: () => this.#draw() }, icon("wand"), "Draw me a dance")),
      h("div", { class: "drop-wishes" }, endingBox().element, select("Genre", [["", "from the dance"], ...store.about.genres.map((name) => [name, name])], "", (chosen) => { genre = chosen; }).element),
    );
    fill(stage, h("div", { class: "home" }, this.drop, this.#grid, this.#bin));
    store.addEventListener("change", this.#listener);
    this.#list();
  }

  close() {
    genre = "";
    store.removeEventListener("change", this.#listener);
  }

  /** Something is held over the page, or no more. */
  over(held) {
    this.drop.classList.toggle("over", held);
  }

  async #draw() {
    const made = await attempt(() => ask("POST", "/api/dances/drawn", { ...wishes(), genre: genre || null }));
    if (made) location.hash = enter(made).id;
  }

  #changed({ table, row }) {
    if (table === "jobs" && this.#bars.has(row.id) && ["queued", "running"].includes(row.state)) this.#bars.get(row.id).update(row);
    else this.#list();
  }

  #list() {
    const dances = [...store.dances.values()].filter((dance) => !dance.deleted).reverse();
    this.#bars.clear();
    this.#stage.firstChild.classList.toggle("is-empty", dances.length === 0);
    fill(this.#grid, dances.map((dance) => this.#card(dance)));
    this.#listBin();
  }

  /** What was thrown away, to take it back. */
  #listBin() {
    const dances = [...store.dances.values()].filter((dance) => dance.deleted);
    const takes = [...store.takes.values()].filter((take) => take.deleted && !take.candidate && store.dances.get(take.dance)?.deleted === null);
    const open = this.#bin.querySelector("details")?.open;
    const row = (table, { id, title }, of = "") => h("li", {}, h("span", {}, title, of && h("small", {}, ` of ${of}`)),
      h("button", { type: "button", disabled: store.about.read_only, "aria-label": `Put ${title} back`, onclick: () => putBack(table, id) }, "Put back"));
    fill(this.#bin, dances.length + takes.length > 0 && h("details", { class: "bin", open }, h("summary", {}, `In the bin (${dances.length + takes.length})`),
      h("p", { class: "hint" }, "What lies here for 30 days is gone when the studio is opened next."),
      h("ul", {}, dances.map((dance) => row("dances", dance)), takes.map((take) => row("takes", take, store.dances.get(take.dance).title)))));
  }

  #card(dance) {
    const job = store.jobsOf(dance.id)[0];
    const takes = store.takesOf(dance.id).length;
    const facts = [dance.about.seconds && clock(dance.about.seconds), dance.about.tempo_bpm && tempo(dance.about.tempo_bpm),
      dance.about.genre, takes && `${takes} take${takes === 1 ? "" : "s"}`].filter(Boolean).join(" · ");
    const bar = job && progressOf(job);
    if (bar) this.#bars.set(job.id, bar);
    const picture = dance.state === "ready"
      ? h("img", { src: `/media/dances/${dance.id}/poster`, alt: "", loading: "lazy" })
      : h("div", { class: "no-picture" }, dance.state === "new" && job ? stageOf(job) : dance.state === "cancelled" ? "Cancelled" : "No music yet");
    return h(
      "li", { class: "card" },
      h("a", { href: `#${dance.id}`, class: "card-link" }, picture, h("h2", {}, dance.title), h("p", { class: "facts" }, facts)),
      dance.about.error && h("p", { class: "error" }, dance.about.error),
      bar && bar.element,
      iconButton("bin", `Throw away ${dance.title}`, () => this.#throwAway(dance), { class: "icon-button card-bin" }),
    );
  }

  async #throwAway(dance) {
    const gone = await attempt(() => ask("DELETE", `/api/dances/${dance.id}`));
    if (!gone) return;
    store.put("dances", gone);
    toast(`${dance.title} is in the bin`, { undo: () => putBack("dances", dance.id) });
  }
}

/** Take something out of the bin. */
export const putBack = (table, id) => attempt(async () => store.put(table, await ask("POST", `/api/${table}/${id}/restore`)));

/** Send videos to the studio, and open the one if it is one. */
export async function takeIn(files) {
  const wished = wishes();
  let last = null;
  for (const file of files) {
    if (file.size > LARGEST_BYTES) {
      toast(`${file.name} has ${Math.round(file.size / 1e6)} MB; at most ${Math.round(LARGEST_BYTES / 1e6)} MB can be taken. Cut it or make it smaller.`, { kind: "error" });
      continue;
    }
    const line = document.querySelector(".drop-line");
    if (line) line.textContent = `Copying ${file.name} …`;
    const made = await attempt(() => upload(file, wished));
    if (line) line.textContent = "Drop a dance video here";
    if (made) last = enter(made);
  }
  if (last && files.length === 1) location.hash = last.id;
}

function enter({ dance, job }) {
  if (!store.dances.has(dance.id)) store.put("dances", dance);
  if (!store.jobs.has(job.id)) store.put("jobs", job);
  return dance;
}

// One dance at work: the picture, the timeline, its takes, and what can be done with them.

import { ask, bytes } from "/page/api.js";
import { clock, fill, h, icon, iconButton } from "/page/dom.js";
import { keysOf } from "/page/keys.js";
import { attempt, toast } from "/page/notify.js";
import { panelsOf } from "/page/panels.js";
import { Player } from "/page/player.js";
import { progressOf } from "/page/progress.js";
import { store } from "/page/store.js";
import { Timeline, dancerLane, ruler, waveLane } from "/page/timeline.js";

export class Workspace {
  #bars = new Map();
  #waves = new Map();
  #frame = 0;
  #listener = ({ detail }) => this.#changed(detail);

  constructor(stage, dance) {
    this.dance = dance;
    this.timeline = new Timeline();
    const video = h("video", { "aria-label": `Video of ${dance.title}`, tabindex: "-1", disablepictureinpicture: true });
    this.player = new Player(video);
    this.playButton = h("button", { type: "button", class: "play", "aria-label": "Play", onclick: () => this.player.toggle() }, icon("play"));
    this.loopButton = iconButton("loop", "Loop the section, or all (key L)", () => this.loop(), { "aria-pressed": "false" });
    this.time = h("output", { class: "time" });
    this.where = h("span", { class: "where" });
    this.jobs = h("div", { class: "jobs" });
    this.transport = h(
      "div", { class: "transport", role: "group", "aria-label": "Playing" },
      iconButton("start", "To the beginning (key Home)", () => this.player.seek(0)), this.playButton, this.loopButton,
      h("div", { class: "clock" }, this.time, this.where));
    this.panels = h("section", { class: "panels", "aria-label": "Tools" });
    fill(stage, h(
      "div", { class: "work" },
      h("section", { class: "picture", "aria-label": "Picture" }, h("div", { class: "frame" }, video), this.transport, this.jobs),
      this.panels, this.timeline.element));
    this.timeline.addEventListener("seek", ({ detail }) => this.player.seek(detail));
    this.player.addEventListener("change", () => this.#showPlaying());
    this.tools = panelsOf(this);
    fill(this.panels, this.tools.element);
    this.keys = keysOf(this);
    addEventListener("keydown", this.keys);
    store.addEventListener("change", this.#listener);
    this.#open();
    this.#refresh();
    this.#tick();
  }

  close() {
    cancelAnimationFrame(this.#frame);
    removeEventListener("keydown", this.keys);
    store.removeEventListener("change", this.#listener);
    this.tools.close?.();
    this.player.close();
  }

  redraw() {
    this.timeline.draw();
  }

  /** Takes of this dance in their order. */
  get takes() {
    return store.takesOf(this.dance.id);
  }

  /** The take that is heard, or undefined. */
  get take() {
    return store.takes.get(this.player.take);
  }

  /** Hear a take from here on. */
  async hear(take) {
    this.wanted = take.id;
    const loaded = await attempt(() => this.player.load(take.id, { mix: `/media/takes/${take.id}/sound` }));
    if (!loaded || this.wanted !== take.id) return;
    this.player.use(take.id);
    this.#refresh();
  }

  /** Loop the selected section, the whole dance, or stop looping. */
  loop() {
    const chosen = this.timeline.selection;
    this.player.setLoop(this.player.loop ? null : chosen ?? { from: 0, to: this.player.duration });
  }

  async throwAway(take) {
    const gone = await attempt(() => ask("DELETE", `/api/takes/${take.id}`));
    if (!gone) return;
    store.put("takes", gone);
    const back = () => attempt(async () => store.put("takes", await ask("POST", `/api/takes/${take.id}/restore`)));
    toast(`${take.title} is in the bin`, { undo: back });
  }

  async change(take, changes) {
    const changed = await attempt(() => ask("PATCH", `/api/takes/${take.id}`, changes));
    if (changed) store.put("takes", changed);
  }

  #open() {
    const { about } = this.dance;
    if (this.dance.state !== "ready") return;
    const name = about.has_preview ? "preview" : "video";
    this.player.open({ source: `/media/dances/${this.dance.id}/${name}`, duration: about.seconds, fps: about.fps });
    this.player.video.style.aspectRatio = `${about.width} / ${about.height}`;
  }

  #changed({ table, row }) {
    if (table === "dances" && row.id === this.dance.id) {
      const before = this.dance.state;
      this.dance = row;
      if (before !== row.state) this.#open();
      this.#refresh();
    } else if (table === "jobs" && row.dance === this.dance.id) {
      if (row.state === "failed") toast(`That did not work: ${row.error}`, { kind: "error" });
      this.#showJobs();
    } else if (table === "takes" && row.dance === this.dance.id) this.#refresh();
    else if (table === "all") {
      this.dance = store.dances.get(this.dance.id) ?? this.dance;
      this.#refresh();
    }
    this.tools.changed?.(table, row);
  }

  #refresh() {
    const takes = this.takes;
    if (takes.length && (!this.take || this.take.deleted) && !takes.some((take) => take.id === this.wanted)) this.hear(takes.at(-1));
    const about = this.dance.about;
    const grid = this.take?.about ?? about;
    this.timeline.show(grid, about.seconds ?? 10);
    this.timeline.setLanes([
      { ...ruler, label: h("span", { class: "lane-name" }, about.tempo_bpm ? `${grid.tempo_bpm.toFixed(1)} bpm` : "") },
      { ...dancerLane(about), label: h("span", { class: "lane-name" }, "Dancer") },
      ...takes.map((take, i) => this.#takeLane(take, i)),
    ]);
    this.#showJobs();
    this.#showPlaying();
    this.tools.refresh?.();
  }

  #takeLane(take, i) {
    const active = take.id === this.player.take;
    const facts = [take.about.genre, take.about.sound].filter(Boolean).join(" · ");
    const label = h(
      "div", { class: "take-label" },
      h("button", { type: "button", class: "take-name", "aria-pressed": String(active), onclick: () => this.hear(take), title: `Hear ${take.title} (key ${i + 1})` },
        h("span", { class: "number" }, i + 1), h("span", { class: "take-text" }, h("b", {}, take.title), h("small", {}, facts))),
      iconButton("star", take.starred ? `Take the star from ${take.title}` : `Star ${take.title}`, () => this.change(take, { starred: !take.starred }),
        { "aria-pressed": String(Boolean(take.starred)), class: "icon-button star" }),
      iconButton("pencil", `Rename ${take.title}`, () => this.#rename(take)),
      iconButton("bin", `Throw ${take.title} away`, () => this.throwAway(take)));
    const lane = { key: take.id, kind: "take", height: 64, active, label, name: `Waveform of ${take.title}` };
    return waveLane(lane, () => this.#waveOf(take), active ? "--music" : "--music-soft");
  }

  #rename(take) {
    const row = this.timeline.element.querySelector(`[data-key="${take.id}"] .take-label`);
    const done = (event) => {
      event.preventDefault();
      const title = input.value.trim();
      if (title && title !== take.title) this.change(take, { title });
      else this.#refresh();
    };
    const input = h("input", { class: "rename", value: take.title, "aria-label": "Name of the take", maxlength: "120", onblur: done,
      onkeydown: (event) => { if (event.key === "Escape") { input.value = take.title; input.blur(); } } });
    fill(row, h("form", { onsubmit: (event) => { event.preventDefault(); input.blur(); } }, input));
    input.select();
  }

  #waveOf(take) {
    const held = this.#waves.get(take.id);
    if (held) return held.bytes ? held : null;
    this.#waves.set(take.id, {});
    bytes(`/media/takes/${take.id}/waves`).then((data) => {
      const { rate_hz: rate, length } = take.about.waves;
      this.#waves.set(take.id, { bytes: new Uint8Array(data, 0, length), rate });
      this.timeline.draw();
    }).catch(() => this.#waves.delete(take.id));
    return null;
  }

  #showJobs() {
    const jobs = store.jobsOf(this.dance.id);
    for (const key of this.#bars.keys()) if (!jobs.some((job) => job.id === key)) this.#bars.delete(key);
    for (const job of jobs) {
      if (!this.#bars.has(job.id)) this.#bars.set(job.id, progressOf(job));
      this.#bars.get(job.id).update(job);
    }
    const elements = [...this.#bars.values()].map((bar) => bar.element);
    if (this.dance.about.error && !this.takes.length) {
      elements.unshift(h("p", { class: "error" }, `This video could not be used: ${this.dance.about.error}`));
    }
    if (elements.length !== this.jobs.children.length || elements.some((element, i) => element !== this.jobs.children[i])) fill(this.jobs, elements);
  }

  #showPlaying() {
    const { playing, loop } = this.player;
    fill(this.playButton, icon(playing ? "pause" : "play"));
    this.playButton.setAttribute("aria-label", playing ? "Pause" : "Play");
    this.playButton.disabled = this.dance.state !== "ready";
    this.loopButton.setAttribute("aria-pressed", String(Boolean(loop)));
  }

  #tick() {
    this.player.tick();
    const seconds = this.player.at();
    if (this.player.playing) this.timeline.axis.follow(seconds);
    this.timeline.moveHead(seconds);
    const text = clock(seconds, 2);
    if (this.time.textContent !== text) {
      this.time.textContent = text;
      this.where.textContent = this.timeline.grid.name(seconds);
    }
    this.tools.tick?.();
    this.#frame = requestAnimationFrame(() => this.#tick());
  }
}

// One dance at work: the picture, the timeline, its takes, and what can be done with them.

import { ask, bytes } from "/page/api.js";
import { Comparison } from "/page/compare.js";
import { clock, fill, h, icon, iconButton, tempo } from "/page/dom.js";
import { putBack } from "/page/home.js";
import { keysOf } from "/page/keys.js";
import { attempt, toast } from "/page/notify.js";
import { changeOf } from "/page/panel-section.js";
import { panelsOf } from "/page/panels.js";
import { People } from "/page/people.js";
import { Player } from "/page/player.js";
import { progressOf } from "/page/progress.js";
import { store } from "/page/store.js";
import { Timeline, dancerLane, ruler, sectionsLane, waveLane } from "/page/timeline.js";
import { isNeutral, levelsOf } from "/page/mix.js";
import { ROLES, unusual } from "/page/words.js";

const SECOND_READING = "The curve is how fast the dancer moves. The picture and the score of dance2music generate are of a second reading of the dance, whose stops are partly others.";

export class Workspace {
  #bars = new Map();
  #waves = new Map();
  #known = new Set(store.takes.keys());
  #frame = 0;
  #listener = ({ detail }) => this.#changed(detail);

  constructor(stage, dance) {
    this.dance = dance;
    this.timeline = new Timeline();
    const video = h("video", { "aria-label": `Video of ${dance.title}`, tabindex: "-1", disablepictureinpicture: true });
    this.player = new Player(video);
    this.people = new People(video);
    this.playButton = h("button", { type: "button", class: "play", "aria-label": "Play", onclick: () => this.player.toggle() }, icon("play"));
    this.loopButton = iconButton("loop", "Loop the section, or all (key L)", () => this.loop(), { "aria-pressed": "false" });
    this.time = h("span", { class: "time" });
    this.where = h("span", { class: "where" });
    this.jobs = h("div", { class: "jobs" });
    this.transport = h(
      "div", { class: "transport", role: "group", "aria-label": "Playing" },
      iconButton("start", "To the beginning (key Home)", () => this.player.seek(0)), this.playButton, this.loopButton, this.people.button,
      h("div", { class: "clock" }, this.time, this.where));
    this.panels = h("section", { class: "panels", "aria-label": "Tools" });
    fill(stage, h(
      "div", { class: "work" },
      h("section", { class: "picture", "aria-label": "Picture" }, h("div", { class: "frame" }, video, this.people.element), this.transport, this.jobs),
      this.panels, this.timeline.element));
    this.comparison = new Comparison(this);
    this.timeline.bar.append(this.comparison.element);
    this.timeline.addEventListener("seek", ({ detail }) => this.player.seek(detail));
    this.player.addEventListener("change", () => this.#showPlaying());
    this.tools = panelsOf(this);
    fill(this.panels, this.tools.element);
    this.keys = keysOf(this);
    addEventListener("keydown", this.keys);
    stage.firstChild.addEventListener("click", letGo);
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
    return store.takes.get(this.heard);
  }

  /** Hear a take from here on: its stems where its faders were moved or are looked at, else its mix. */
  async hear(take) {
    this.wanted = take.id;
    const stems = take.about.stem_waves?.names ?? [];
    const apart = stems.length > 0 && (this.mixing || !isNeutral(take.mix));
    const key = apart ? `${take.id}/stems` : take.id;
    const parts = apart
      ? Object.fromEntries(stems.map((stem) => [stem, `/media/takes/${take.id}/stems/${stem}`]))
      : { mix: `/media/takes/${take.id}/sound` };
    const loaded = await attempt(() => this.player.load(key, parts));
    if (!loaded || this.wanted !== take.id) return;
    if (apart) this.player.setLevels(key, levelsOf(take.mix, stems));
    const other = this.heard !== take.id;
    this.heard = take.id;
    sessionStorage.setItem(`heard/${this.dance.id}`, take.id);
    if (this.player.take !== key) this.player.use(key);
    if (!other) return;
    this.#refresh();
    this.timeline.reveal(take.id);
  }

  /** The tempo of the beats that are shown. */
  showTempo(bpm) {
    this.tempo.textContent = bpm ? tempo(bpm) : "";
  }
  tempo = h("span", { class: "lane-name" });

  /** Whether the faders are looked at. */
  setMixing(mixing) {
    if (this.mixing === mixing) return;
    this.mixing = mixing;
    if (this.take) this.hear(this.take);
    this.#refresh();
  }
  mixing = false;

  /** Loop the selected section, the whole dance, or stop looping. */
  loop() {
    const chosen = this.timeline.selection;
    this.player.setLoop(this.player.loop ? null : chosen ?? { from: 0, to: this.player.duration });
  }

  async throwAway(take) {
    const gone = await attempt(() => ask("DELETE", `/api/takes/${take.id}`));
    if (!gone) return;
    store.put("takes", gone);
    toast(`${take.title} is in the bin`, { undo: () => putBack("takes", take.id) });
  }

  async change(take, changes) {
    const changed = await attempt(() => ask("PATCH", `/api/takes/${take.id}`, changes));
    if (changed) store.put("takes", changed);
  }

  #open() {
    const { about } = this.dance;
    if (this.dance.state !== "ready") return this.#openUnwatched();
    const name = about.has_preview ? "preview" : "video";
    this.player.open({ source: `/media/dances/${this.dance.id}/${name}`, duration: about.seconds, fps: about.fps });
    attempt(() => this.people.open(this.dance)).then(() => this.tools.refresh?.());
    this.player.video.style.aspectRatio = `${about.width} / ${about.height}`;
  }

  /** The clip as it came, to look at and hear meanwhile; a drawn one is there when it has been drawn. */
  #openUnwatched() {
    const { video, duration } = this.player;
    const [job] = store.jobsOf(this.dance.id);
    if (duration || video.src || (this.dance.about.drawn && [undefined, "start", "draw"].includes(job?.stage))) return;
    video.addEventListener("loadedmetadata", () => {
      if (this.dance.state === "ready" || !Number.isFinite(video.duration)) return;
      this.player.setDuration(video.duration);
      this.#refresh();
    }, { once: true });
    this.player.open({ source: `/media/dances/${this.dance.id}/video`, own: true });
  }

  #changed({ table, row }) {
    if (table === "dances" && row.id === this.dance.id) {
      const before = this.dance.state;
      this.dance = row;
      if (before !== row.state) this.#open();
      this.#refresh();
    } else if (table === "jobs" && row.dance === this.dance.id) {
      if (row.state === "failed") toast(`That did not work: ${row.error}`, { kind: "error" });
      if (this.dance.state !== "ready") this.#openUnwatched();
      this.showJobs();
    } else if (table === "takes" && row.dance === this.dance.id) {
      const isNew = !this.#known.has(row.id);
      this.#known.add(row.id);
      if (isNew && !row.candidate) this.hear(row);
      this.#refresh();
    }
    else if (table === "all") {
      this.dance = store.dances.get(this.dance.id) ?? this.dance;
      this.#refresh();
    }
    this.comparison.refresh();
    this.tools.changed?.(table, row);
  }

  #refresh() {
    const takes = this.takes;
    if (takes.length && (!this.take || this.take.deleted) && !takes.some((take) => take.id === this.wanted)) this.hear(this.#first(takes));
    const about = this.dance.about;
    const grid = this.take?.about ?? about;
    this.timeline.show(grid, about.seconds ?? (this.player.duration || 10));
    this.showTempo(about.tempo_bpm ? grid.tempo_bpm : 0);
    this.timeline.setLanes([
      { ...ruler, label: this.tempo },
      ...(grid.sections?.length ? [{ ...sectionsLane(grid.sections), label: h("span", { class: "lane-name" }, "Parts") }] : []),
      { ...dancerLane(about), label: h("span", { class: "lane-name", title: SECOND_READING }, "Dancer", about.velocity?.length > 0 && h("small", {}, "dots: stops the music is made for")) },
      ...takes.flatMap((take, i) => [
        this.#takeLane(take, i), ...(take.id === this.heard ? this.#stemLanes(take) : []), ...(take.id === this.take?.parent && this.take.candidate ? [this.#choiceLane(this.take)] : []),
      ]),
      ...(takes.length === 0 && this.dance.state === "ready" ? [{ key: "none", kind: "none", height: 44, name: "No take yet", draw: () => undefined, label: h("span", { class: "lane-name" }, store.jobsOf(this.dance.id).length ? "The first take is on its way." : "No take yet: make one in Takes.") }] : []),
    ]);
    this.showJobs();
    this.#showPlaying();
    this.comparison.refresh();
    this.tools.refresh?.();
  }

  /** The take to hear first: the one that was heard before the page was loaded again, else the starred one, else the last. */
  #first(takes) {
    const before = sessionStorage.getItem(`heard/${this.dance.id}`);
    return takes.find((take) => take.id === before) ?? takes.find((take) => take.starred) ?? takes.at(-1);
  }

  #takeLane(take, i) {
    const active = take.id === this.heard;
    const { section, loop, genre, tempo_bpm: bpm } = take.about;
    const playsOn = loop && `no ending, ${loop.in_time ? `loops in ${loop.bars} bar${loop.bars > 1 ? "s" : ""}` : `${loop.beats.toFixed(1)} beats long`}`;
    const other = Math.abs(bpm / this.dance.about.tempo_bpm - 1) > 0.01 && tempo(bpm);
    const facts = [section && changeOf(section, this.timeline.grid), genre, other, unusual(take.about), playsOn].flat().filter(Boolean).join(" · ");
    const label = h(
      "div", { class: "take-label" },
      h("button", { type: "button", class: "take-name", "aria-pressed": String(active), onclick: () => this.hear(take), title: `Hear ${take.title} (key ${i + 1})` },
        h("span", { class: "number" }, i + 1), h("span", { class: "take-text" }, h("b", {}, take.title), h("small", { title: facts }, facts))),
      iconButton("star", take.starred ? `Take the star from ${take.title}` : `Star ${take.title}`, () => this.change(take, { starred: !take.starred }),
        { "aria-pressed": String(Boolean(take.starred)), class: "icon-button star" }),
      iconButton("pencil", `Rename ${take.title}`, () => this.#rename(take)),
      iconButton("bin", `Throw ${take.title} away`, () => this.throwAway(take)));
    const lane = { key: take.id, kind: "take", height: 64, active, label, name: `How loud ${take.title} is` };
    return waveLane(lane, () => this.#waveOf(take), active ? "--music" : "--music-soft");
  }

  #choiceLane(take) {
    const label = h("span", { class: "lane-name" }, take.title);
    return waveLane({ key: take.id, kind: "stem", height: 48, active: true, name: `How loud ${take.title} is`, label }, () => this.#waveOf(take), "--music");
  }

  #stemLanes(take) {
    const stems = take.about.stem_waves;
    if (!stems || !this.mixing) return [];
    const levels = levelsOf(take.mix, stems.names);
    return stems.names.map((stem, i) => waveLane(
      { key: `${take.id}/${stem}`, kind: "stem", height: 34, name: `The ${ROLES[stem] ?? stem} of ${take.title}`, label: h("span", { class: "lane-name" }, ROLES[stem] ?? stem) },
      () => {
        const held = this.#bytesOf(`/media/takes/${take.id}/stem-waves`);
        return held && { bytes: held.subarray(i * stems.length, (i + 1) * stems.length), rate: stems.rate_hz };
      },
      levels[stem] > 0 ? "--music" : "--music-soft"));
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
    const held = this.#bytesOf(`/media/takes/${take.id}/waves`);
    return held && { bytes: held.subarray(0, take.about.waves.length), rate: take.about.waves.rate_hz };
  }

  /** Bytes of a file, or null until they are here. */
  #bytesOf(url) {
    if (!this.#waves.has(url)) {
      this.#waves.set(url, null);
      bytes(url).then((data) => {
        this.#waves.set(url, new Uint8Array(data));
        this.timeline.draw();
      }).catch(() => this.#waves.delete(url));
    }
    return this.#waves.get(url);
  }

  /** Bars of the jobs; where the tools are beside the picture, those that the open tool shows are left to it. */
  showJobs() {
    const beside = matchMedia("(min-width: 1100px)").matches;
    const jobs = store.jobsOf(this.dance.id).filter((job) => !(beside && this.tools?.answers(job)));
    for (const key of this.#bars.keys()) if (!jobs.some((job) => job.id === key)) this.#bars.delete(key);
    for (const job of jobs) {
      if (!this.#bars.has(job.id)) this.#bars.set(job.id, progressOf(job));
      this.#bars.get(job.id).update(job);
    }
    const elements = [...this.#bars.values()].map((bar) => bar.element);
    if (["failed", "cancelled"].includes(this.dance.state)) elements.unshift(this.#stuck ??= this.#whatNow());
    else this.#stuck = null;
    if (elements.length !== this.jobs.children.length || elements.some((element, i) => element !== this.jobs.children[i])) fill(this.jobs, elements);
  }

  /** What can be done about a dance that could not be watched. */
  #whatNow() {
    const { dance } = this;
    const why = dance.state === "cancelled" ? "Watching this dance was cancelled." : `${blame(dance.about.error)}: ${dance.about.error}`;
    const again = () => attempt(async () => store.put("jobs", (await ask("POST", `/api/dances/${dance.id}/watch`)).job));
    const away = async () => {
      const gone = await attempt(() => ask("DELETE", `/api/dances/${dance.id}`));
      if (!gone) return;
      location.hash = "";
      store.put("dances", gone);
    };
    return h("div", { class: "job" }, h("p", { class: dance.state === "failed" ? "error" : "" }, why),
      h("div", { class: "row" }, h("button", { type: "button", class: "main", onclick: again }, "Try again"), h("button", { type: "button", onclick: away }, "Throw it away")));
  }
  #stuck = null;

  #showPlaying() {
    const { playing, loop } = this.player;
    fill(this.playButton, icon(playing ? "pause" : "play"));
    this.playButton.setAttribute("aria-label", playing ? "Pause" : "Play");
    this.playButton.disabled = !this.player.duration;
    this.loopButton.setAttribute("aria-pressed", String(Boolean(loop)));
  }

  #tick() {
    this.player.tick();
    const seconds = this.player.at();
    if (this.player.playing) this.timeline.axis.follow(seconds);
    this.timeline.moveHead(seconds);
    this.people.tick(seconds);
    const text = clock(seconds, 2);
    if (this.time.textContent !== text) {
      this.time.textContent = text;
      this.where.textContent = this.timeline.grid.name(seconds);
    }
    this.tools.tick?.();
    this.#frame = requestAnimationFrame(() => this.#tick());
  }
}

/** Whether it was the video or the program (studio/worker.py says which). */
const blame = (error) => (/this is a fault of dance2music/.test(error) ? "Something went wrong in the program" : "This video could not be used");

/** A button that was clicked by mouse does not keep the keyboard: space is to play, not to press it again. */
function letGo(event) {
  if (event.detail > 0) event.target.closest("button")?.blur();
}

// The timeline: lanes over one time axis, a play head, a selection of bars, zoom and scroll.

import { Axis, Grid } from "/page/axis.js";
import { clock, fill, h, iconButton } from "/page/dom.js";
import { drawDancer, drawGrid, drawRuler, drawSections, drawWave, surface } from "/page/lanes.js";

const DRAG_PIXELS = 5;

export class Timeline extends EventTarget {
  axis = new Axis();
  grid = new Grid();
  selection = null;
  #lanes = [];
  #head = h("div", { class: "head", "aria-hidden": "true" }, h("div", { class: "handle" }));
  #chosen = h("div", { class: "selection", hidden: true, "aria-hidden": "true" });
  #rows = h("div", { class: "lanes" });
  #over = h("div", { class: "over" }, this.#chosen, this.#head);
  #slider = h("div", {
    class: "seek", role: "slider", tabindex: "0", "aria-label": "Where it plays", "aria-valuemin": "0", "aria-orientation": "horizontal",
  });
  #view = h("div", { class: "view" });
  #map = h("div", { class: "map", "aria-hidden": "true" }, this.#view);

  constructor() {
    super();
    this.element = h(
      "section", { class: "timeline", "aria-label": "Timeline" },
      this.bar = h("div", { class: "timeline-bar" },
        h("div", { class: "zoom" },
          iconButton("minus", "See more (key -)", () => this.axis.zoom(1.6)),
          iconButton("plus", "Look closer (key +)", () => this.axis.zoom(1 / 1.6)),
          iconButton("fit", "See all (key 0)", () => this.axis.fit())),
        this.#map),
      h("div", { class: "scroll" }, h("div", { class: "scrolled" }, this.#rows, this.#over, this.#slider)),
    );
    this.axis.addEventListener("change", () => this.draw());
    new ResizeObserver(() => this.draw()).observe(this.#rows);
    this.#rows.addEventListener("pointerdown", (event) => this.#press(event));
    this.#rows.addEventListener("wheel", (event) => this.#wheel(event), { passive: false });
    this.#map.addEventListener("pointerdown", (event) => this.#drag(event));
  }

  /** Show a dance of so many seconds, on a beat grid. */
  show(grid, duration) {
    this.grid = new Grid(grid, duration);
    if (this.axis.duration !== duration) this.axis.fit(duration);
    this.#slider.setAttribute("aria-valuemax", duration.toFixed(2));
    this.draw();
  }

  /**
   * The lanes from top to bottom: { key, label, height, draw, name, active }. `label` is what stands beside it, `draw` paints it, `name`
   * says what it is to those who do not see it.
   */
  setLanes(lanes) {
    this.#lanes = lanes.map((lane) => ({ ...lane, canvas: h("canvas", { role: "img", "aria-label": lane.name }) }));
    fill(this.#rows, this.#lanes.map((lane) => h(
      "div", { class: `lane ${lane.kind ?? ""} ${lane.active ? "active" : ""}`, "data-key": lane.key, style: { "--tall": `${lane.height / 15}rem` } },
      h("div", { class: "label" }, lane.label), h("div", { class: "strip" }, lane.canvas))));
    this.draw();
  }

  /** Scroll the lanes, not the page, until this one is in sight, under those that stay there: the ruler and the dancer. */
  reveal(key) {
    const lane = this.#rows.querySelector(`[data-key="${key}"]`);
    if (!lane) return;
    const window = this.element.querySelector(".scroll");
    const staying = [...this.#rows.querySelectorAll(".ruler, .dancer")].reduce((sum, row) => sum + row.offsetHeight, 0);
    const top = lane.offsetTop - staying;
    const bottom = lane.offsetTop + lane.offsetHeight - window.clientHeight;
    window.scrollTop = Math.min(top, Math.max(window.scrollTop, bottom));
  }

  /** Seconds that the play head shows. */
  moveHead(seconds) {
    this.head = seconds;
    const box = this.#box();
    const x = this.axis.x(seconds, box.width);
    this.#head.style.transform = `translateX(${box.left + x}px)`;
    this.#head.hidden = x < -1 || x > box.width + 1;
    const text = `${clock(seconds)}, ${this.grid.name(seconds)}`;
    if (this.#slider.dataset.text !== text) {
      this.#slider.dataset.text = text;
      this.#slider.setAttribute("aria-valuenow", seconds.toFixed(2));
      this.#slider.setAttribute("aria-valuetext", text);
    }
  }
  head = 0;

  /** Select { from, to }, or nothing with null. */
  select(selection) {
    this.selection = selection;
    this.#placeSelection();
    this.dispatchEvent(new Event("select"));
  }

  draw() {
    if (this.#waiting) return;
    this.#waiting = true;
    requestAnimationFrame(() => {
      this.#waiting = false;
      for (const lane of this.#lanes) {
        const paper = surface(lane.canvas);
        if (paper) lane.draw(paper, this.axis, this.grid);
      }
      this.#placeSelection();
      this.moveHead(this.head);
      const { from, to, duration } = this.axis;
      this.#view.style.left = `${(100 * from) / duration}%`;
      this.#view.style.width = `${(100 * (to - from)) / duration}%`;
    });
  }
  #waiting = false;

  #placeSelection() {
    const chosen = this.selection;
    this.#chosen.hidden = !chosen;
    if (!chosen) return;
    const box = this.#box();
    const left = Math.max(0, this.axis.x(chosen.from, box.width));
    const right = Math.min(box.width, this.axis.x(chosen.to, box.width));
    this.#chosen.hidden = right <= left;
    this.#chosen.style.left = `${box.left + left}px`;
    this.#chosen.style.width = `${right - left}px`;
  }

  /** Where the strips are, in pixels from the left of the lanes. */
  #box() {
    const canvas = this.#lanes[0]?.canvas;
    if (!canvas) return { left: 0, width: 1 };
    return { left: canvas.getBoundingClientRect().left - this.#rows.getBoundingClientRect().left, width: canvas.clientWidth || 1 };
  }

  #secondsAt(event) {
    const left = this.#lanes[0].canvas.getBoundingClientRect().left;
    const box = this.#box();
    return Math.min(Math.max(0, this.axis.seconds(event.clientX - left, box.width)), this.axis.duration);
  }

  #press(event) {
    if (event.button !== 0 || !(event.target instanceof HTMLCanvasElement)) return;
    const began = this.#secondsAt(event);
    const { clientX } = event;
    let dragged = false;
    const move = (next) => {
      dragged ||= Math.abs(next.clientX - clientX) > DRAG_PIXELS;
      if (dragged) this.select(next.altKey ? ordered(began, this.#secondsAt(next)) : this.grid.bars(began, this.#secondsAt(next)));
    };
    const up = () => {
      removeEventListener("pointermove", move);
      removeEventListener("pointerup", up);
      removeEventListener("pointercancel", up);
      if (!dragged) this.dispatchEvent(new CustomEvent("seek", { detail: began }));
    };
    addEventListener("pointermove", move);
    addEventListener("pointerup", up);
    addEventListener("pointercancel", up);
  }

  #wheel(event) {
    const sideways = event.shiftKey ? event.deltaY : event.deltaX;
    const width = this.#box().width;
    if (event.ctrlKey || event.metaKey) this.axis.zoom(Math.exp(event.deltaY * 0.01), this.#secondsAt(event));
    else if (Math.abs(sideways) > Math.abs(event.shiftKey ? 0 : event.deltaY)) this.axis.scroll((sideways / width) * (this.axis.to - this.axis.from));
    else return;
    event.preventDefault();
  }

  #drag(event) {
    const { left, width } = this.#map.getBoundingClientRect();
    const half = (this.axis.to - this.axis.from) / 2;
    const move = (next) => {
      const middle = ((next.clientX - left) / width) * this.axis.duration;
      this.axis.set(middle - half, middle + half);
    };
    const up = () => removeEventListener("pointermove", move);
    move(event);
    addEventListener("pointermove", move);
    addEventListener("pointerup", up, { once: true });
  }
}

const ordered = (a, b) => (a < b ? { from: a, to: b } : { from: b, to: a });

export const ruler = { key: "ruler", kind: "ruler", height: 40, name: "Bars and seconds", draw: drawRuler };

/** The lane of the dancer. */
export function dancerLane(about) {
  const count = about.kinematic_beats_seconds?.length ?? 0;
  return {
    key: "dancer", kind: "dancer", height: 72, name: `Speed of the dancer, with ${count} stops`,
    draw: (paper, axis, grid) => {
      drawGrid(paper, axis, grid);
      drawDancer(paper, axis, about);
    },
  };
}

/** The lane of the music's form: sections with their names. */
export function sectionsLane(sections) {
  const names = sections.map((section) => `${section.name} from ${section.begin_seconds.toFixed(1)} s`).join(", ");
  return { key: "sections", kind: "sections", height: 26, name: `Parts of the music: ${names}`, draw: (paper, axis) => drawSections(paper, axis, sections) };
}

/** A lane with a waveform; `wave` is { bytes, rate } or null until it is there. */
export function waveLane(lane, wave, tone) {
  return {
    ...lane,
    draw: (paper, axis, grid) => {
      drawGrid(paper, axis, grid);
      const found = wave();
      if (found) drawWave(paper, axis, found.bytes, found.rate, tone);
    },
  };
}

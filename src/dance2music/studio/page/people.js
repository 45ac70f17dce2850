// The numbers of the dancers over the picture, where several were seen: who is meant by "Dancer 2".

import { ask } from "/page/api.js";
import { fill, h, iconButton } from "/page/dom.js";

export class People {
  element = h("div", { class: "people", "aria-hidden": "true" });
  #badges = [];
  #rate = 10;

  constructor(video) {
    this.video = video;
    this.button = iconButton("people", "Numbers of the dancers over the picture", () => this.#show(this.element.hidden), { hidden: true });
    this.#show(localStorage.getItem("numbers") !== "off");
  }

  /** Get where everybody was in a dance that was watched. */
  async open(dance) {
    if (!dance.about.has_places || this.#badges.length) return;
    const { rate_hz: rate, dancers } = await ask("GET", `/media/dances/${dance.id}/places`);
    this.#rate = rate;
    this.#badges = dancers.map((one) => ({ ...one, badge: h("span", { class: "person" }, one.number) }));
    fill(this.element, this.#badges.map(({ badge }) => badge));
    this.button.hidden = false;
  }

  /** Show by its number who is chosen; nobody with null. */
  mark(number) {
    for (const one of this.#badges) one.badge.classList.toggle("chosen", one.number === number);
  }

  /** Put the numbers where the dancers are at a time. */
  tick(seconds) {
    if (!this.#badges.length || this.element.hidden) return;
    const { clientWidth: width, clientHeight: height } = this.element;
    const { videoWidth, videoHeight } = this.video;
    if (!videoHeight || !height) return;
    const tall = Math.min(height, (width * videoHeight) / videoWidth);
    const left = (width - (tall * videoWidth) / videoHeight) / 2;
    const top = (height - tall) / 2;
    const least = this.#badges[0].badge.offsetHeight;
    for (const { x, y, badge } of this.#badges) {
      const [across, down] = [between(x, seconds * this.#rate), between(y, seconds * this.#rate)];
      badge.hidden = across === null;
      if (across !== null) badge.style.transform = `translate(${left + across * tall}px, ${Math.max(top + down * tall, least)}px)`;
    }
  }

  #show(on) {
    this.element.hidden = !on;
    this.button.setAttribute("aria-pressed", String(on));
    localStorage.setItem("numbers", on ? "on" : "off");
  }
}

/** A value between those of a list; null where it is not known. */
function between(values, index) {
  const i = Math.min(Math.max(0, Math.floor(index)), values.length - 1);
  const [a, b] = [values[i] ?? null, values[i + 1] ?? null];
  return a === null || b === null ? a : a + (b - a) * Math.min(1, index - i);
}

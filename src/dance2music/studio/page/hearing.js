// What is heard while the beat is corrected: the music, a click on the beats as they are shown, the clip's own sound; one switch each.

import { Refused } from "/page/api.js";
import { h } from "/page/dom.js";
import { Monitor } from "/page/monitor.js";

export class Hearing {
  #shown = false;

  constructor(work) {
    this.work = work;
    this.monitor = new Monitor(work.player, () => work.timeline.grid);
    const chip = (text, title, checked = false) => {
      const input = h("input", { type: "checkbox", checked, onchange: () => this.#switched(input) });
      return { input, element: h("label", { class: "chip", title }, input, h("span", {}, text)) };
    };
    [this.music, this.click, this.own] = [chip("Music", "The take that is heard", true), chip("Click", "On every beat as it is shown, higher on the first of a bar"), chip("Clip's own sound", "What the clip came with")];
    this.element = h("fieldset", { class: "chips hearing" }, h("legend", {}, "Hear"), this.music.element, this.click.element, this.own.element, this.why = h("p", { class: "hint", role: "status" }));
  }

  refresh() {
    this.own.element.hidden = !this.work.dance.about.has_own_sound;
  }

  show() {
    this.#shown = true;
    this.#apply();
  }

  /** Elsewhere the music is heard, alone: the switches are out of sight. */
  hide() {
    this.#shown = false;
    this.#apply();
  }

  close() {
    this.monitor.close();
  }

  /** Where it was switched by mouse the keyboard is not kept: space is to play. */
  #switched(input) {
    if (!input.matches(":focus-visible")) input.blur();
    this.#apply();
  }

  async #apply() {
    const { player, dance } = this.work;
    const on = ({ input }) => this.#shown && input.checked;
    player.setMusic(!this.#shown || this.music.input.checked);
    this.monitor.click(on(this.click));
    if (on(this.own) && !this.parts) {
      try {
        this.parts = await player.load(`own/${dance.id}`, { own: `/media/dances/${dance.id}/own` });
      } catch (error) {
        Object.assign(this.own.input, { checked: false, disabled: true });
        this.why.textContent = `The clip's own sound cannot be heard: ${error instanceof Refused ? error.message : "its file is damaged"}. Drop the video in again to have it.`;
      }
    }
    this.monitor.hearOwn(on(this.own) ? this.parts ?? null : null);
  }
}

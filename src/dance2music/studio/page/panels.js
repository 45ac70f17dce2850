// The tools beside the picture, one tab each.

import { fill, h } from "/page/dom.js";
import { ExportPanel } from "/page/panel-export.js";
import { RhythmPanel } from "/page/panel-rhythm.js";
import { SectionPanel } from "/page/panel-section.js";
import { SoundPanel } from "/page/panel-sound.js";
import { TakesPanel } from "/page/panel-takes.js";

const PANELS = [TakesPanel, SectionPanel, RhythmPanel, SoundPanel, ExportPanel];

/** Tabs for a workspace; arrows go from one to the next. */
export function panelsOf(work) {
  const panels = PANELS.map((Panel) => new Panel(work));
  const body = h("div", { class: "panel", role: "tabpanel", id: "panel", tabindex: "-1" });
  const tabs = panels.map((panel, i) => h("button", {
    type: "button", role: "tab", id: `tab-${panel.key}`, "aria-controls": "panel", onclick: () => open(i),
    onkeydown: (event) => {
      const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
      if (!step) return;
      open((i + step + panels.length) % panels.length);
      tabs[(i + step + panels.length) % panels.length].focus();
    },
  }, panel.title));
  let now = 0;

  function open(i) {
    if (i !== now) panels[now].hide?.();
    now = i;
    panels[i].show?.();
    tabs.forEach((tab, k) => {
      tab.setAttribute("aria-selected", String(k === i));
      tab.tabIndex = k === i ? 0 : -1;
    });
    body.setAttribute("aria-labelledby", tabs[i].id);
    fill(body, panels[i].element);
    panels[i].refresh?.();
    work.showJobs();
  }

  open(0);
  return {
    element: h("div", { class: "tools" }, h("div", { class: "tabs", role: "tablist", "aria-label": "Tools" }, tabs), body),
    open: (key) => open(panels.findIndex((panel) => panel.key === key)),
    answers: (job) => Boolean(panels[now].answer?.mine(job)),
    refresh: () => panels[now].refresh?.(),
    changed: (table, row) => panels.forEach((panel) => panel.changed?.(table, row)),
    tick: () => panels[now].tick?.(),
    key: (key) => panels.map((panel) => panel.onKey?.(key)).find(Boolean),
    close: () => panels.forEach((panel) => panel.close?.()),
  };
}

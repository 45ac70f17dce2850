// Keys and help, in a dialog of the browser.

import { fill, h } from "/page/dom.js";
import { KEYS } from "/page/keys.js";
import { store } from "/page/store.js";

/** Open the help. */
export function showHelp() {
  const dialog = h("dialog", { class: "help", "aria-labelledby": "help-title" });
  fill(
    dialog,
    h("h2", { id: "help-title" }, "Keys"),
    h("dl", {}, KEYS.map(([key, what]) => h("div", {}, h("dt", {}, key.split(" ").map((one) => h("kbd", {}, one))), h("dd", {}, what)))),
    h("p", {}, "Drag over the timeline to choose bars; with Alt anything between. Ctrl and the wheel zoom, Shift and the wheel scroll."),
    h("p", { class: "small" }, `Library: ${store.about.folder}. dance2music ${store.about.version ?? ""}. Nothing leaves this machine.`),
    h("form", { method: "dialog" }, h("button", { class: "main", autofocus: true }, "Close")),
  );
  document.body.append(dialog);
  dialog.addEventListener("close", () => dialog.remove());
  dialog.showModal();
}

// Short messages in the head of the page, where they cover nothing, read out by screen readers; some can be undone.

import { fill, h, iconButton } from "/page/dom.js";

const STAY_MS = 8000;
const MOST = 2;

/** Show a message; `undo` makes it a message with a button. */
export function toast(text, { undo, kind = "" } = {}) {
  const place = document.getElementById("toasts");
  const close = () => item.remove();
  const item = h(
    "div", { class: `toast ${kind}` },
    h("span", {}, capital(text)),
    undo && h("button", { type: "button", onclick: () => { close(); undo(); } }, "Undo"),
    iconButton("close", "Close this message", close),
  );
  place.append(item);
  if (kind !== "error") setTimeout(close, STAY_MS);
  while (place.children.length > MOST) place.firstChild.remove();
}

/** A sentence begins with a capital; names of files and options keep theirs. */
const capital = (text) => (/^[a-z]+ [a-z]/.test(text) ? text[0].toUpperCase() + text.slice(1) : text);

/** What went wrong on a page is of no use on the next. */
export function clearErrors() {
  for (const item of document.querySelectorAll("#toasts .error")) item.remove();
}

/** Do something that the server may refuse, and say so if it does. */
export async function attempt(work) {
  try {
    return await work();
  } catch (error) {
    toast(error.message, { kind: "error" });
    return undefined;
  }
}

/** `attempt` for a button that is not to be pressed twice; `after` brings it up to date. */
export async function press(button, work, after = () => undefined) {
  if (button.disabled) return undefined;
  button.disabled = true;
  const made = await attempt(work);
  button.disabled = false;
  after();
  return made;
}

/** A lasting line above the page, or none. */
export function notice(text) {
  fill(document.getElementById("notices"), text && h("p", { class: "notice", role: "alert" }, text));
}

// Elements without markup: every text becomes a text node, so nothing that a user typed is ever read as HTML.

/** An element; properties that begin with "on" are listeners, `class`, `style` and aria/data attributes as in HTML. */
export function h(tag, properties = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (value === undefined || value === null || value === false) continue;
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (name === "class") element.className = value;
    else if (name === "style") for (const [key, text] of Object.entries(value)) element.style.setProperty(key, text);
    else if (name === "value" || name === "checked" || name === "hidden" || name === "disabled") element[name] = value;
    else element.setAttribute(name, value === true ? "" : value);
  }
  add(element, children);
  return element;
}

/** Put children into an element: elements, texts, lists of them, or nothing. */
export function add(element, children) {
  for (const child of [children].flat(Infinity)) {
    if (child === undefined || child === null || child === false) continue;
    element.append(child instanceof Node ? child : String(child));
  }
  return element;
}

/** Replace what an element holds. */
export function fill(element, ...children) {
  element.replaceChildren();
  return add(element, children);
}

const PATHS = {
  play: "M8 5v14l11-7z",
  pause: "M7 5h4v14H7zM13 5h4v14h-4z",
  start: "M6 5h2v14H6zM19 5v14l-10-7z",
  loop: "M7 7h9V4l5 4-5 4V9H8v4H6V8a1 1 0 0 1 1-1zM17 17H8v3l-5-4 5-4v3h8v-4h2v5a1 1 0 0 1-1 1z",
  star: "M12 3l2.7 5.8 6.3.8-4.6 4.4 1.2 6.3L12 17.2 6.4 20.3l1.2-6.3L3 9.6l6.3-.8z",
  bin: "M9 4h6l1 2h4v2H4V6h4zM6 9h12l-1 11H7z",
  plus: "M11 5h2v6h6v2h-6v6h-2v-6H5v-2h6z",
  minus: "M5 11h14v2H5z",
  fit: "M4 5h2v14H4zM18 5h2v14h-2zM8 11h8v2H8z",
  close: "M6.4 5L12 10.6 17.6 5 19 6.4 13.4 12l5.6 5.6-1.4 1.4L12 13.4 6.4 19 5 17.6 10.6 12 5 6.4z",
  pencil: "M4 16.5V20h3.5L18 9.5 14.5 6zM16 4.5l1.5-1.5 3.5 3.5L19.5 8z",
  down: "M11 4h2v9l3.5-3.5L18 11l-6 6-6-6 1.5-1.5L11 13zM4 19h16v2H4z",
  help: "M11 17h2v2h-2zM12 5a4 4 0 0 0-4 4h2a2 2 0 1 1 3.2 1.6C12 11.5 11 12.3 11 14.500h2c0-1.500 3-2 3-5.500a4 4 0 0 0-4-4z",
  sun: "M12 7a5 5 0 1 0 0 10 5 5 0 0 0 0-10zM11 1h2v4h-2zM11 19h2v4h-2zM1 11h4v2H1zM19 11h4v2h-4z",
  people: "M8 11a3.500 3.500 0 1 0 0-7 3.500 3.500 0 0 0 0 7zM2 20c0-4 2.700-6.500 6-6.500s6 2.500 6 6.500zM17 12a2.800 2.800 0 1 0 0-5.600 2.800 2.800 0 0 0 0 5.600zM15.700 20c0-2.200-.6-4-1.600-5.400.8-.5 1.800-.8 2.900-.8 2.800 0 5 2.200 5 6.200z",
  back: "M14 5l1.500 1.500L10 12l5.500 5.500L14 19l-7-7z",
  wand: "M4 18.500L14.500 8 16 9.500 5.500 20zM17 3l.8 2.200L20 6l-2.200.8L17 9l-.8-2.200L14 6l2.200-.8z",
};

/** A drawn sign; it says nothing to a screen reader, its button does. */
export function icon(name) {
  const space = "http://www.w3.org/2000/svg";
  const svg = document.createElementNS(space, "svg");
  svg.setAttribute("viewBox", "0 0 24 24");
  svg.setAttribute("class", "icon");
  svg.setAttribute("aria-hidden", "true");
  const path = document.createElementNS(space, "path");
  path.setAttribute("d", PATHS[name]);
  svg.append(path);
  return svg;
}

/** A button with a sign and, for those who cannot see it, a name. */
export function iconButton(name, label, onclick, extra = {}) {
  return h("button", { type: "button", class: "icon-button", "aria-label": label, title: label, onclick, ...extra }, icon(name));
}

/** A tempo, everywhere the same: 80.52 -> "80.5 bpm". */
export const tempo = (bpm) => `${bpm.toFixed(1)} bpm`;

/** 75.3 -> "1:15.3". */
export function clock(seconds, digits = 1) {
  const whole = Math.max(0, seconds);
  const minutes = Math.floor(whole / 60 + 1e-9);
  return `${minutes}:${(whole - 60 * minutes).toFixed(digits).padStart(digits ? digits + 3 : 2, "0")}`;
}

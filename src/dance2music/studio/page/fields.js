// Small parts of forms.

import { h } from "/page/dom.js";

let count = 0;

/** A labelled select; `options` is a list of [value, text]. */
export function select(label, options, value, onchange) {
  const id = `field-${++count}`;
  const element = h("select", { id, onchange: () => onchange?.(element.value) }, options.map(([key, text]) => h("option", { value: key, selected: key === value }, text)));
  return { element: h("div", { class: "field" }, h("label", { for: id }, label), element), get value() { return element.value; }, set value(text) { element.value = text; } };
}

/** A box to tick. */
export function box(label, checked, onchange) {
  const element = h("input", { type: "checkbox", checked, onchange: () => onchange?.(element.checked) });
  return { element: h("label", { class: "check" }, element, label), get checked() { return element.checked; } };
}

/** Whether music is to end on a last chord: one box for the first take and for more, kept for the next time. */
export function endingBox() {
  return box("End on a last chord (not for a loop)", localStorage.getItem("ending") !== "off", (on) => localStorage.setItem("ending", on ? "on" : "off"));
}

/** A labelled number. */
export function number(label, { value, min, max, step = 1 }, onchange) {
  const id = `field-${++count}`;
  const element = h("input", { id, type: "number", min, max, step, value, onchange: () => onchange?.(Number(element.value)) });
  return { element: h("div", { class: "field" }, h("label", { for: id }, label), element), get value() { return Number(element.value); }, set value(next) { element.value = next; } };
}

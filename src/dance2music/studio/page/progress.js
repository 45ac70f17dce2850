// A job that waits or runs: its stage, how far it is, how long it takes yet, and a way to stop it.

import { ask } from "/page/api.js";
import { h } from "/page/dom.js";
import { attempt } from "/page/notify.js";

const STAGES = {
  start: "Getting ready", draw: "Drawing a dancer", look: "Looking at the video", load: "Loading", watch: "Watching the dance",
  rhythm: "Finding the beat", preview: "Making a preview", music: "Making music", finish: "Finishing the sound", write: "Writing",
  stems: "Playing the instruments one by one", mix: "Mixing",
};

/** What a job does, as a sentence. */
export function stageOf(job) {
  if (job.state === "queued") return job.error ? "Beginning again" : "Waiting for its turn";
  return STAGES[job.stage] ?? "Getting ready";
}

/** "about 8 s left", or nothing where nobody knows. */
export function leftOf(job) {
  if (job.state !== "running" || job.left_seconds === undefined) return "";
  const exact = Math.max(1, Math.ceil(job.left_seconds));
  const seconds = exact <= 10 ? exact : 5 * Math.ceil(exact / 5);
  return seconds < 90 ? `about ${seconds} s left` : `about ${Math.round(seconds / 60)} min left`;
}

/** Elements for a job, and a function that brings them up to date. */
export function progressOf(job) {
  const bar = h("progress", { max: "1", value: 0, "aria-label": "Progress" });
  const stage = h("span", { class: "stage" });
  const left = h("span", { class: "left" });
  const cancel = h("button", { type: "button", class: "quiet", onclick: () => attempt(() => ask("DELETE", `/api/jobs/${job.id}`)) }, "Cancel");
  const element = h("div", { class: "job" }, h("div", { class: "job-text" }, stage, left), h("div", { class: "job-bar" }, bar, cancel));
  function update(next) {
    stage.textContent = stageOf(next);
    left.textContent = leftOf(next);
    if (next.steps) bar.value = (next.step + (next.share ?? 0)) / next.steps;
    else bar.removeAttribute("value");
  }
  update(job);
  return { element, update };
}

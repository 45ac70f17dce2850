// The listening test in a browser, from a folder, without a server: test.js gives window.LISTENING_TEST, the listener gets a file to send.
// What is what (which sample is which method, which item is a check) is not known here; it is in the key that the experimenter keeps.
// Only where the listener made the music, test.names has the names: they are shown at the end.
"use strict";
(() => {
  const test = window.LISTENING_TEST;
  const stage = document.getElementById("stage");
  if (!test) {
    stage.textContent = "test.js is missing or damaged: copy the whole folder again.";
    return;
  }
  const HEARD_SHARE = 0.95; // of a sample has to be played before it can be answered
  const store = `listening-test:${test.id}:`; // and the listener's number: several may share a browser
  const part = Object.fromEntries(test.parts.map((p) => [p.name, p]));
  let state = null; // {listener, session, started, finished, position, answers: {index: answer}, comment}
  let players = []; // of the present item
  let introduced = null; // name of the part whose introduction was shown
  let act = {}; // what the keys do on this screen

  // --- small helpers ---------------------------------------------------------------------------------------------------------------

  function make(tag, attributes = {}, ...children) {
    const node = document.createElement(tag);
    for (const [name, value] of Object.entries(attributes)) {
      if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
      else if (value === true) node.setAttribute(name, "");
      else if (value !== false && value !== null && value !== undefined) node.setAttribute(name, value);
    }
    node.append(...children.filter((child) => child !== null && child !== undefined));
    return node;
  }

  function show(...children) {
    for (const player of players) player.stop();
    players = [];
    act = {};
    stage.replaceChildren(make("section", { class: "card" }, ...children));
    const heading = stage.querySelector("h1");
    if (heading) {
      heading.tabIndex = -1;
      heading.focus({ preventScroll: true });
    }
    window.scrollTo(0, 0);
  }

  const say = (text) => { document.getElementById("say").textContent = text; };
  const button = (text, onclick, kind = "main") => make("button", { type: "button", class: kind, onclick }, text);
  const paragraphs = (texts) => texts.map((text) => make("p", {}, text));
  const trials = () => test.sessions[state.listener - 1];

  function where(text, share) {
    document.getElementById("where").textContent = text;
    document.getElementById("progress").value = share;
  }

  // Where a browser forbids storage (some do for files), the test still runs; only a reload begins anew.
  function keep() {
    try { localStorage.setItem(store + state.listener, JSON.stringify(state)); } catch { /* see above */ }
  }
  function kept(listener) {
    try {
      const found = JSON.parse(localStorage.getItem(store + listener));
      const fits = found && found.listener === listener && Number.isInteger(found.position) && found.position > 0 && found.answers;
      return fits ? found : null;
    } catch { return null; }
  }
  function forget(listener) {
    try { localStorage.removeItem(store + listener); } catch { /* see above */ }
  }
  function random() {
    const bytes = crypto.getRandomValues(new Uint8Array(8));
    return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
  }

  // --- playing ---------------------------------------------------------------------------------------------------------------------

  const ICONS = { play: "M7 4v16l13-8z", pause: "M6 4h4v16H6zM14 4h4v16h-4z" };
  function icon(name) {
    const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
    const path = document.createElementNS("http://www.w3.org/2000/svg", "path");
    svg.setAttribute("viewBox", "0 0 24 24");
    svg.setAttribute("aria-hidden", "true");
    path.setAttribute("d", ICONS[name]);
    svg.append(path);
    return svg;
  }

  class Player {
    constructor(id, { video, label, onheard }) {
      this.id = id;
      this.label = label;
      this.plays = 0;
      this.heard = false;
      this.broken = false;
      this.onheard = onheard;
      const kind = video ? "video" : "audio";
      const { file, width, height } = test.media[id]; // the size keeps the page from jumping when a video arrives
      this.media = make(kind, { src: file, width, height, preload: "auto", playsinline: true, disablepictureinpicture: true, "aria-label": label });
      this.bar = make("progress", { max: 1, value: 0, "aria-label": `${label}: how much was played` });
      this.note = make("p", { class: "heard" }, "Not played yet");
      this.toggle = make("button", { type: "button", class: "play", onclick: () => this.press() }, icon("play"));
      this.toggle.setAttribute("aria-label", `Play ${label}`);
      this.node = make("figure", { class: video ? "player" : "player sound" },
        label === "the sample" ? null : make("h2", {}, label[0].toUpperCase() + label.slice(1)),
        this.media,
        make("div", { class: "bar" }, this.toggle, make("div", { class: "track" }, this.bar, this.note)));
      this.media.addEventListener("timeupdate", () => this.look());
      this.media.addEventListener("ended", () => { this.look(); this.draw(); });
      this.media.addEventListener("pause", () => this.draw());
      this.media.addEventListener("play", () => this.draw());
      this.media.addEventListener("error", () => this.fail());
      if (video) this.media.addEventListener("click", () => this.press());
    }

    press() {
      if (!this.media.paused) { this.media.pause(); return; }
      for (const other of players) if (other !== this) other.media.pause();
      if (this.media.ended || this.media.currentTime === 0) this.plays += 1;
      if (this.media.ended) this.media.currentTime = 0;
      this.media.play().catch((error) => { if (error.name !== "AbortError") this.fail(); });
    }

    look() {
      const length = this.media.duration;
      if (!(length > 0)) return;
      this.bar.value = Math.min(1, this.media.currentTime / length);
      let played = 0;
      for (let i = 0; i < this.media.played.length; i += 1) played += this.media.played.end(i) - this.media.played.start(i);
      if (!this.heard && played >= HEARD_SHARE * length) {
        this.heard = true;
        this.onheard();
      }
      this.draw();
    }

    draw() {
      const playing = !this.media.paused && !this.media.ended;
      const wanted = playing ? "pause" : "play";
      if (this.shown !== wanted) {
        this.shown = wanted;
        this.toggle.replaceChildren(icon(wanted));
        this.toggle.setAttribute("aria-label", `${playing ? "Pause" : "Play"} ${this.label}`);
      }
      const text = this.heard ? "Played. You may play it again." : playing ? "Playing" : this.plays ? "Paused" : "Not played yet";
      if (this.note.textContent !== text) this.note.textContent = text;
    }

    fail() {
      if (this.broken) return;
      this.broken = true;
      this.note.textContent = "This sample cannot be played in this browser.";
      this.onheard();
    }

    stop() {
      this.media.pause();
      this.media.removeAttribute("src");
      this.media.load();
    }
  }

  // --- screens ---------------------------------------------------------------------------------------------------------------------

  function welcome() {
    where("", 0);
    const trouble = make("p", { class: "trouble", role: "alert", hidden: true });
    const number = make("input", {
      type: "number", id: "listener", min: 1, max: test.sessions.length, inputmode: "numeric", value: invited, readonly: invited !== null,
    });
    const begin = () => {
      if (test.names) { start(1); return; }
      const listener = number.value === "" ? 1 + Math.floor(Math.random() * test.sessions.length) : Number(number.value);
      if (!Number.isInteger(listener) || listener < 1 || listener > test.sessions.length) {
        trouble.textContent = `Your listener number is a whole number from 1 to ${test.sessions.length}. Leave it empty if you have none.`;
        trouble.hidden = false;
        number.focus();
        return;
      }
      const found = kept(listener);
      if (found) { welcomeBack(found); return; }
      start(listener);
    };
    show(
      make("h1", {}, test.title),
      ...paragraphs(test.welcome),
      test.names ? null : make("label", { class: "field", for: "listener" }, `Listener number, 1 to ${test.sessions.length}${invited ? "" : " (leave empty if you have none)"}`, number),
      trouble,
      make("div", { class: "row" }, button("Begin", begin)),
    );
    act = { next: begin };
  }

  function start(listener) {
    state = { listener, session: random(), started: new Date().toISOString(), finished: null, position: 0, answers: {}, comment: "" };
    keep();
    step();
  }

  function welcomeBack(found) {
    where("", 0);
    const goOn = () => { state = found; step(); };
    show(
      make("h1", {}, "Welcome back"),
      make("p", {}, `Your answers so far are kept in this browser: ${found.position} of ${test.sessions[found.listener - 1].length} items are done.`),
      make("div", { class: "row" }, button("Go on", goOn), button("Start over", () => {
        if (confirm("This deletes your answers so far. Start over?")) { forget(found.listener); introduced = null; welcome(); }
      }, "")),
    );
    act = { next: goOn };
  }

  function step() {
    const all = trials();
    if (state.position >= all.length) { done(); return; }
    const trial = all[state.position];
    const place = test.parts.findIndex((p) => p.name === trial.part) + 1;
    const item = test.names ? `Pair ${state.position + 1} of ${all.length}` : `Part ${place} of ${test.parts.length}: ${part[trial.part].title}. Item ${state.position + 1} of ${all.length}`;
    where(item, state.position / all.length);
    if (!test.names && introduced !== trial.part) introduce(trial.part, place); else ask(trial);
  }

  function introduce(name, place) {
    const goOn = () => { introduced = name; step(); };
    show(
      make("p", { class: "tag" }, `Part ${place} of ${test.parts.length}`),
      make("h1", {}, part[name].title),
      ...paragraphs(part[name].introduction),
      make("div", { class: "row" }, button("Go on", goOn)),
    );
    act = { next: goOn };
  }

  function ask(trial) {
    const { question, scale, kind, video } = part[trial.part];
    const begun = performance.now();
    const pair = kind === "pair";
    let answer = null;

    const hint = make("p", { class: "hint", id: "hint" }, pair ? `Play both${test.names ? "" : " samples"} to the end, then choose.` : "Play the sample to the end, then choose.");
    const inputs = scale.map(({ value }) => make("input", { type: "radio", name: "answer", value, disabled: true, "aria-describedby": "hint" }));
    const choices = scale.map(({ value, label }, i) => make("label", { class: "choice" }, inputs[i], make("b", {}, String(value)), make("span", {}, label)));
    const next = make("button", { type: "button", class: "main", disabled: true }, "Next");

    const choose = (i) => {
      if (!inputs[i] || inputs[i].disabled) return;
      inputs[i].checked = true;
      answer = scale[i].value;
      next.disabled = false;
    };
    inputs.forEach((input, i) => input.addEventListener("change", () => choose(i)));
    const goOn = () => {
      const broken = judged.filter((player) => player.broken).length > 0;
      if (answer === null && !broken) {
        say(hint.textContent);
        return;
      }
      state.answers[state.position] = {
        trial: state.position,
        samples: judged.map((player) => player.id),
        answer: broken ? null : answer,
        plays: judged.map((player) => player.plays),
        seconds: Math.round((performance.now() - begun) / 100) / 10,
      };
      state.position += 1;
      keep();
      step();
    };
    next.addEventListener("click", goOn);
    const onheard = () => {
      if (judged.some((player) => player.broken)) {
        hint.textContent = "A sample cannot be played here. Go on; the item is left out.";
        next.disabled = false;
      } else if (judged.every((player) => player.heard)) {
        for (const input of inputs) input.disabled = false;
        hint.textContent = "You may answer now.";
      } else {
        hint.textContent = `Now play ${judged.find((player) => !player.heard).label} to the end.`;
      }
      say(hint.textContent);
    };

    const judged = trial.samples.map((id, i) => new Player(id, { video, label: pair ? `${test.names ? "take" : "sample"} ${"AB"[i]}` : "the sample", onheard }));
    const { width, height } = test.media[trial.samples[0]];
    const shown = [...judged];
    if (trial.reference) shown.unshift(new Player(trial.reference, { video, label: "the original, for reference", onheard: () => {} }));
    show(
      make("h1", { class: "unseen" }, `Item ${state.position + 1}`),
      trial.training ? make("div", { class: "practice" }, make("p", { class: "tag" }, "Practice"), make("p", {}, trial.note)) : null,
      make("div", { class: `players ${shown.length > 1 ? "pair" : ""} ${width > height ? "wide" : ""}` }, ...shown.map((player) => player.node)),
      make("fieldset", {}, make("legend", {}, question), hint, make("div", { class: scale.length > 2 ? "choices five" : "choices" }, ...choices)),
      make("div", { class: "row" }, make("span", { class: "grow" }), next),
    );
    players = shown;
    act = { next: goOn, choose, play: (i) => judged[i] && judged[i].press() };
  }

  function result() {
    return JSON.stringify({
      format: "dance2music-listening-result",
      version: 1,
      test: test.id,
      listener: state.listener,
      session: state.session,
      started: state.started,
      finished: state.finished,
      comment: state.comment,
      answers: Object.values(state.answers),
    }, null, 1);
  }

  function done() {
    if (!state.finished) { state.finished = new Date().toISOString(); keep(); }
    where("Finished", 1);
    if (test.names) { tell(); return; }
    const name = `listening-${test.id}-${String(state.listener).padStart(3, "0")}-${state.session}.json`;
    const comment = make("textarea", { id: "comment", oninput: () => { state.comment = comment.value.slice(0, 2000); keep(); } });
    comment.value = state.comment;
    const text = make("pre", { tabindex: 0, hidden: true, "aria-label": "Your answers as text" });
    const save = () => {
      const link = make("a", { href: URL.createObjectURL(new Blob([result()], { type: "application/json" })), download: name });
      document.body.append(link);
      link.click();
      link.remove();
      setTimeout(() => URL.revokeObjectURL(link.href), 10000);
      note.textContent = `Saved as ${name} in your downloads. Please send this file to the person who invited you.`;
    };
    const note = make("p", { role: "status" }, "");
    show(
      make("h1", {}, "Thank you"),
      make("p", {}, "All items are done. Your answers are only in this browser; save them as a file and send it to the person who invited you."),
      make("label", { class: "field", for: "comment" }, "Is there anything you would like to tell us? (optional)", comment),
      make("div", { class: "row" }, button("Save my answers", save), button("Show them as text", () => { text.textContent = result(); text.hidden = false; text.focus(); }, "")),
      note,
      text,
    );
    act = {};
  }

  /** Which take was chosen how often, for the one who made them. */
  function tell() {
    const tally = {};
    for (const { samples, answer } of Object.values(state.answers)) {
      samples.forEach((id, i) => {
        const row = (tally[test.names[id]] ??= { name: test.names[id], won: 0, heard: 0 });
        if (answer === null) return;
        row.heard += 1;
        row.won += "AB"[i] === answer;
      });
    }
    const rows = Object.values(tally).sort((a, b) => b.won / (b.heard || 1) - a.won / (a.heard || 1) || b.won - a.won);
    show(
      make("h1", {}, "This is what you chose"),
      make("ol", { class: "tally" }, ...rows.map(({ name, won, heard }) => make("li", {},
        make("span", {}, name), make("meter", { min: 0, max: Math.max(heard, 1), value: won, "aria-hidden": "true" }), make("b", {}, `${won} of ${heard}`)))),
      make("p", {}, "Every take stood against every other once, all equally loud. What you chose stays in this browser."),
      make("div", { class: "row" }, button("Hear them again", () => { forget(state.listener); introduced = null; welcome(); })),
    );
    act = {};
  }

  // --- keys ------------------------------------------------------------------------------------------------------------------------

  const shortcuts = document.getElementById("shortcuts");
  const help = document.getElementById("help");
  help.addEventListener("click", () => {
    const keys = document.getElementById("keys");
    keys.hidden = !keys.hidden;
    help.setAttribute("aria-expanded", String(!keys.hidden));
    help.textContent = keys.hidden ? "Show keys" : "Hide keys";
  });
  document.addEventListener("keydown", (event) => {
    if (!shortcuts.checked || event.ctrlKey || event.metaKey || event.altKey || event.repeat) return;
    const target = event.target;
    const radio = target.matches("input[type=radio]");
    if (target.matches("textarea, input:not([type=radio], [type=checkbox])") && event.key !== "Enter") return;
    if (target.matches("textarea, button, a, [type=checkbox]") && (event.key === "Enter" || event.key === " ")) return;
    const key = event.key.toLowerCase();
    if (key === "enter" && act.next) act.next();
    else if ((key === "p" || (key === " " && !radio)) && act.play) act.play(0);
    else if (key === "a" && act.play) act.play(0);
    else if (key === "b" && act.play) act.play(1);
    else if (/^[1-5]$/.test(key) && act.choose) act.choose(Number(key) - 1);
    else return;
    event.preventDefault();
  });

  if (test.names) {  // opened from the studio: in its look, light or dark as there
    const root = document.documentElement;
    root.dataset.own = "";
    try { root.dataset.theme = localStorage.getItem("theme") ?? ""; } catch { /* as the system has it */ }
    document.head.prepend(make("link", { rel: "stylesheet", href: "/page/base.css" }));
  }
  document.title = test.title;
  const given = Number(new URLSearchParams(location.search).get("listener"));
  const invited = Number.isInteger(given) && given >= 1 && given <= test.sessions.length ? given : null;
  const candidates = invited ? [invited] : test.sessions.map((_, i) => i + 1);
  const begun = candidates.map(kept).find((found) => found);
  if (begun) welcomeBack(begun); else welcome();
})();

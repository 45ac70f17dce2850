// The page: the library, or one dance to work on; which of them stands behind the # of the address.

import { fill, h, icon, iconButton } from "/page/dom.js";
import { showHelp } from "/page/help.js";
import { Home, takeIn } from "/page/home.js";
import { keepsKeys } from "/page/keys.js";
import { clearErrors, notice } from "/page/notify.js";
import { store } from "/page/store.js";
import { Workspace } from "/page/work.js";

const stage = document.getElementById("stage");
const toasts = document.getElementById("toasts");
let view = null;

function theme() {
  const root = document.documentElement;
  const dark = root.dataset.theme ? root.dataset.theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
  root.dataset.theme = dark ? "light" : "dark";
  localStorage.setItem("theme", root.dataset.theme);
  view?.redraw?.();
}

function header(dance) {
  const home = h("a", { class: "brand", href: "#", "aria-label": "Library" }, icon("back"), h("span", {}, "Studio"));
  if (!dance) home.firstChild.remove();
  const name = h("h1", { class: "title", id: "title" }, dance ? dance.title : "Library");
  fill(
    document.getElementById("top"), home, name, toasts,
    iconButton("help", "Keys and help", showHelp), iconButton("sun", "Light or dark", theme),
  );
  document.title = dance ? `${dance.title}: dance2music studio` : "dance2music studio";
}

function route() {
  const dance = store.dances.get(location.hash.slice(1));
  view?.close();
  view = dance && !dance.deleted ? new Workspace(stage, dance) : new Home(stage);
  header(dance && !dance.deleted ? dance : null);
  if (view instanceof Workspace) scrollTo(0, 0);
}

function tellConnection() {
  if (!store.connected) notice("The studio does not answer. If you closed it, start it again and open the address that it prints; what was made is kept.");
  else if (store.about.read_only) notice(`This library is read-only: you can look and listen. To change something, copy ${store.about.folder} to a folder that you may write in.`);
  else notice("");
}

if (localStorage.getItem("theme")) document.documentElement.dataset.theme = localStorage.getItem("theme");
store.addEventListener("change", ({ detail }) => {
  tellConnection();
  if (detail.table === "all") {
    const open = location.hash.slice(1);
    if (!(view instanceof Workspace) || view.dance.id !== open || !store.dances.has(open)) route();
  } else if (detail.table === "dances" && detail.row.id === location.hash.slice(1)) {
    if (detail.row.deleted) location.hash = "";
    else header(detail.row);
  }
});
for (const kind of ["dragover", "dragleave", "drop"]) {
  addEventListener(kind, (event) => {
    event.preventDefault();  // else the browser would leave the page for the video
    view?.over?.(kind === "dragover");
    if (kind === "drop") takeIn([...event.dataTransfer.files]);
  });
}
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => view?.redraw?.());
addEventListener("keydown", (event) => {
  if (event.key === "?" && !keepsKeys(event.target)) showHelp();
});
addEventListener("hashchange", () => {
  clearErrors();
  route();
});
store.connect().catch((error) => notice(error.message));

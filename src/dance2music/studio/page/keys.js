// The keyboard: one table, which the help shows too.

const STEP_SECONDS = 1;

export const KEYS = [
  ["Space", "play or pause"],
  ["← →", "a frame back or on; with Shift a second; with Ctrl a bar"],
  ["Home End", "to the beginning or the end"],
  ["1 … 9", "hear that take, without a gap"],
  ["[ ]", "begin or end the section at the bar that is heard"],
  ["Esc", "no section"],
  ["R", "draw the section again"],
  ["T", "tap the beat (in Rhythm)"],
  ["L", "loop the section, or all"],
  ["+ − 0", "look closer, see more, see all"],
  ["?", "this help"],
];

/** Whether keys belong to where the focus is: to what is typed into, chosen from or slid; chips and ticks leave them to the page. */
export const keepsKeys = (target) => target instanceof HTMLElement && Boolean(target.closest("input:not([type=radio], [type=checkbox]), select, textarea, dialog"));

/** Keydown listener of a workspace. */
export function keysOf(work) {
  return (event) => {
    const target = event.target;
    if (keepsKeys(target)) return;
    if (event.altKey || event.metaKey || (event.ctrlKey && !event.key.startsWith("Arrow"))) return;
    if ([" ", "Enter"].includes(event.key) && target instanceof HTMLElement && target.closest("button, a, summary") && !isOpenTab(target)) return;
    if (event.key === " " && target instanceof HTMLElement && target.closest("[type=checkbox]")) return;
    if (event.key.startsWith("Arrow") && target instanceof HTMLElement && target.closest("[role=tab], [type=radio]")) return;
    const act = actionOf(work, event);
    if (!act) return;
    event.preventDefault();
    act();
  };
}

/** A tab that is open does nothing when it is pressed again, so its space may play. */
const isOpenTab = (target) => target.closest("[role=tab]")?.getAttribute("aria-selected") === "true";

function actionOf(work, event) {
  const { player, timeline } = work;
  const here = player.at();
  const { grid } = timeline;
  const step = event.ctrlKey ? null : event.shiftKey ? STEP_SECONDS : 1 / player.fps;
  const borders = grid.borders();
  if (event.key >= "1" && event.key <= "9") {
    const take = work.takes[Number(event.key) - 1];
    return take && (() => work.hear(take));
  }
  switch (event.key) {
    case " ": return () => player.toggle();
    case "ArrowLeft": return () => player.seek(step ? here - step : Math.max(...borders.filter((time) => time < here - 0.05), 0));
    case "ArrowRight": return () => player.seek(step ? here + step : Math.min(...borders.filter((time) => time > here + 0.05), player.duration));
    case "Home": return () => player.seek(0);
    case "End": return () => player.seek(player.duration);
    case "[": return () => border(timeline, grid.bars(here, here).from, "from");
    case "]": return () => border(timeline, grid.bars(here, here + 1e-6).to, "to");
    case "Escape": return timeline.selection && (() => timeline.select(null));
    case "l": case "L": return () => work.loop();
    case "+": case "=": return () => timeline.axis.zoom(1 / 1.6, here);
    case "-": return () => timeline.axis.zoom(1.6, here);
    case "0": return () => timeline.axis.fit();
    default: return work.tools.key?.(event.key);
  }
}

/** Move one border of the section, and keep it the right way round. */
function border(timeline, seconds, side) {
  const other = side === "from" ? timeline.selection?.to ?? timeline.axis.duration : timeline.selection?.from ?? 0;
  if (side === "from") timeline.select(seconds < other ? { from: seconds, to: other } : timeline.grid.bars(seconds, seconds));
  else timeline.select(seconds > other ? { from: other, to: seconds } : timeline.grid.bars(seconds, seconds));
}

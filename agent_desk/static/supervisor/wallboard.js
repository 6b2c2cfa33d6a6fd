// @ts-check
/**
 * The page wallboard: hears the figures, says how old they are, lets durations tick.
 * It runs for a whole shift without being loaded again.
 */
import { h, write } from "../desk/dom.js";
import { Live } from "../desk/live.js";
import { Charts } from "./wallboard_charts.js";
import { Clock } from "./wallboard_clock.js";
import { View } from "./wallboard_view.js";
import { find, given, page, say } from "./page.js";

/** Milliseconds between two steps of the durations. */
const STEP = 250;
/** Milliseconds until a page for which there was no room tries again. */
const LATER = 30000;
const { limits } = given;
const board = find("#board");
const clock = new Clock(given.company.zone, say.language);
const view = new View(board, clock);
const charts = new Charts(board, clock);

/** @type {any} the figures on the screen */
let figures = null;
/** What the figures are of: { state, at, upto, told }. */
let mark = { state: "loading", at: 0, upto: 0, told: 0 };
let connected = true;
let over = "";

const live = new Live("/desk/supervisor/wallboard/events", {
  event(name, data) {
    if (name === "bye") return end("bye");
    const told = name === "figures" ? { ...data.feed, told: data.told ?? 0 } : data;
    clock.set(data.time);
    mark = told;
    if (name === "figures" && data.queues) {
      figures = data;
      view.show(figures);
      charts.show(figures);
    }
    step();
  },
  up() {
    connected = true;
  },
  down() {
    connected = false;
    step();
  },
  refused(status) {
    if (status !== 409) return end("bye");
    over = "full";
    step();
    setTimeout(() => {
      over = "";
      live.listen();
    }, LATER);
  },
});

/** @param {string} why the stream ends for good */
function end(why) {
  over = why;
  live.stop();
  step();
}

/** What is said of the age of the figures, "" while they are of this moment. @returns {string} */
function age() {
  if (over === "full") return say("wallboard_full");
  if (!figures) return mark.state === "away" || !connected ? say("supervisor_lost") : say("wallboard_loading");
  const at = clock.second(mark.at);
  if (over) return say("wallboard_bye", { at });
  if (!connected) return say("wallboard_cut", { at });
  if (mark.state === "away" || clock.now() - mark.at > limits.stale) return say("wallboard_as_of", { at });
  if (clock.now() - mark.told > limits.silent) return say("wallboard_silent", { at: clock.minute(mark.told) });
  return "";
}

/** Durations of figures that are old stand still: nobody knows how they went on. */
function step() {
  const told = age();
  const place = find("#age");
  place.hidden = !told;
  if (place.dataset.told !== told) {
    place.dataset.told = told;
    place.replaceChildren(told, over === "bye" ? h("a", { href: "/desk/sign-in" }, say("wallboard_sign_in")) : "");
  }
  write(find("#clock"), clock.second(clock.now()));
  if (!figures) return;
  const now = told && mark.state !== "live" ? mark.at : Math.max(clock.now(), mark.at);
  board.dataset.state = told ? "old" : "live";
  view.tick(now);
  Object.assign(board.dataset, { now: now.toFixed(3), at: mark.at, upto: mark.upto });
  write(find("#upto"), say("wallboard_upto", { upto: mark.upto, at: clock.second(mark.at) }));
}

const percent = (/** @type {number} */ share) => Math.round(share * 100);
write(
  find("#formula"),
  say("wallboard_formula", { seconds: limits.within, target: percent(limits.target), lost: percent(limits.lost) }) +
    ` · ${say("wallboard_ends", { at: clock.minute(given.ends) })}`,
);
if (given.big) document.body.classList.add("wall");

/** A display on the wall must not fall asleep; browsers that cannot promise it are left alone. */
async function stayAwake() {
  if (given.big && document.visibilityState === "visible") await navigator.wakeLock?.request("screen").catch(() => {});
}

stayAwake();
document.addEventListener("visibilitychange", () => {
  stayAwake();
  if (document.visibilityState === "visible") live.hurry();
});
window.addEventListener("online", () => live.hurry());
setInterval(step, STEP);
live.listen();
page.ready();

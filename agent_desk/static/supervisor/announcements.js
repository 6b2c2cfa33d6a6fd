// @ts-check
/** The page announcements: what is heard now, a form for it, and the hours of single days. */
import { canvas, h } from "../desk/dom.js";
import { time } from "../desk/format.js";
import { Days } from "./announcements_days.js";
import { Words } from "./announcements_words.js";
import { find, given, page, say } from "./page.js";

/** Milliseconds between two looks at what others have done. */
const PACE = 3000;
const LAST = 10;

/** @type {any} */
let state = null;
const draw = Object.fromEntries(["on", "hours", "done"].map((name) => [name, canvas(find(`#${name}`))]));

/** Changes something and shows what came of it. @param {string} path @param {object} body @returns {Promise<boolean>} */
async function send(path, body) {
  const answer = await page.send(`announcements/${path}`, body);
  if (answer) show(answer);
  else await ask();
  return !!answer;
}

const words = new Words(find("#words"), send);
const days = new Days(find("#day"), send, () => state);

/** @param {string} clock "2026-11-20T14:00" @returns {string} 20.11 14:00 */
function shown(clock) {
  return `${clock.slice(8, 10)}.${clock.slice(5, 7)} ${clock.slice(11)}`;
}

/** @param {number} seconds @returns {string} 12:05, hours and minutes */
function left(seconds) {
  const minutes = Math.max(0, Math.floor(seconds / 60));
  return `${Math.floor(minutes / 60)}:${String(minutes % 60).padStart(2, "0")}`;
}

/** @param {any} fresh */
function show(fresh) {
  state = fresh;
  find("#lost").hidden = true;
  draw.on([fresh.announcements.map((/** @type {any} */ each) => ({ ...each, left: Math.floor(each.left / 60) }))], on);
  draw.hours(fresh.hours, () => days.list(fresh.hours));
  draw.done(fresh.actions, done);
  words.known(fresh);
  days.known(fresh);
}

function on() {
  if (!state.announcements.length) return [h("p", { class: "quiet" }, say("announcements_none"))];
  return state.announcements.map((/** @type {any} */ each) =>
    h(
      "div",
      { class: each.on ? "said-now on" : "said-now", "data-announcement": each.id },
      h(
        "div",
        {},
        h("b", {}, `${say(`announcements_place_${each.place}`)}${each.queues.length ? `: ${each.queues.map((/** @type {string} */ queue) => say.of("queue", queue)).join(", ")}` : ""}`),
        h(
          "small",
          {},
          ` ${each.on ? say("announcements_sounds") : say("announcements_later", { starts: shown(each.starts) })} · ${say("announcements_left", { span: left(each.left), until: shown(each.until) })} · ${say("announcements_by", { who: each.by })}`,
        ),
      ),
      h(
        "div",
        { class: "row" },
        h("button", { type: "button", class: "small", on: { click: () => words.change(each) } }, say("announcements_change")),
        h("button", { type: "button", class: "small", on: { click: () => send("off", { id: each.id, version: each.version }) } }, say("announcements_off")),
      ),
      given.languages.map((/** @type {string} */ language) => h("p", { lang: language }, each.texts[language])),
    ),
  );
}

function done() {
  const rows = state.actions.slice(0, LAST);
  return rows.length ? rows.map(did) : [h("p", { class: "quiet" }, say("announcements_done_none"))];
}

/** @param {any} each */
function did(each) {
  const told = `${each.undoes ? `${say("announcements_undoes")}: ` : ""}${say(`announcements_did_${each.what}`, { shown: about(each) })}`;
  return h(
    "div",
    { class: each.undone ? "did over" : "did", "data-action": each.id },
    h("time", {}, time(each.at, say.language)),
    h("span", {}, told, h("small", {}, ` ${each.who}${each.undone ? ` · ${say("announcements_undone", { who: each.undone })}` : ""}`)),
    each.undoable
      ? h("button", { type: "button", class: "small", "data-focus": `undo-${each.id}`, on: { click: () => send(`undo/${each.id}`, {}) } }, say("announcements_undo"))
      : h("span", {}),
  );
}

/** @param {any} each */
function about({ what, target, shown: values }) {
  if (what.startsWith("announcement")) return values.texts?.[say.language] ?? Object.values(values.texts ?? {})[0] ?? target;
  return values.service ? `${days.name(values.service)}, ${values.day}: ${days.span(values)}` : target;
}

async function ask() {
  const fresh = await page.ask("announcements/state");
  if (fresh) show(fresh);
}

async function live() {
  await ask();
  setTimeout(live, PACE);
}

if (given.queues.length) await live();
page.ready();

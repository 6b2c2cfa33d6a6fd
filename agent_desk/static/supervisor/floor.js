// @ts-check
/** The page floor: asked anew each second, and drawn in place. */
import { canvas, h, write } from "../desk/dom.js";
import { span, time } from "../desk/format.js";
import * as callers from "./floor_callers.js";
import * as people from "./floor_operators.js";
import { help } from "./help.js";
import { messages } from "./messages.js";
import { find, given, page, say } from "./page.js";
import { Rows } from "./rows.js";

const SECOND = 1000;
/** Actions shown at first. */
const LAST = 8;

/** @type {any} */
let state = null;
/** Seconds the server's clock is ahead of ours. */
let ahead = 0;
let queue = "";
let doing = "";

const now = () => Date.now() / SECOND + ahead;
const nameOf = (/** @type {string} */ login) => state?.operators.find((/** @type {any} */ each) => each.name === login)?.shown ?? state?.people[login] ?? login;

/** Changes something; a refusal closes what was open, so that the next look is at what is now. @param {string} path @param {object} body */
async function send(path, body) {
  const answer = await page.send(path, body);
  operators.close();
  waiting.close();
  if (answer) show(answer);
  else await ask();
  return !!answer;
}

const operators = new Rows(find("#operators"), {
  key: (/** @type {people.Operator} */ each) => each.name,
  make: (each) => people.line(each, now, (name) => operators.turn(name)),
  open: (item) => people.panel(item, send),
});
const waiting = new Rows(find("#waiting"), {
  key: (/** @type {callers.Caller} */ each) => each.id,
  make: (each) => callers.line(each, now, (id) => waiting.turn(id), nameOf),
  open: (item) => callers.panel(item, send, () => state.operators),
});
const draw = Object.fromEntries(["queues", "states", "done"].map((name) => [name, canvas(find(`#${name}`))]));

/** @param {any} fresh */
function show(fresh) {
  state = fresh;
  ahead = fresh.time - Date.now() / SECOND;
  find("#lost").hidden = true;
  drawn();
}

/** Draws what is known; times go on by themselves. */
function drawn() {
  const second = Math.floor(now());
  draw.queues([state.queues, queue, second], queues);
  draw.states([state.operators.map(people.doing), doing], states);
  draw.done(state.actions, done);
  const mine = state.waiting.filter((/** @type {any} */ each) => !queue || each.queue === queue);
  waiting.show(mine);
  write(find("#waiting-count"), queue ? String(mine.length) : String(state.count));
  find("#waiting-none").hidden = mine.length > 0;
  const more = find("#waiting-more");
  more.hidden = state.count <= state.waiting.length;
  write(more, say("floor_more", { count: state.count - state.waiting.length }));
  const wanted = /** @type {HTMLInputElement} */ (find("#find")).value.trim().toLocaleLowerCase();
  const some = state.operators
    .filter((/** @type {any} */ each) => !doing || people.doing(each) === doing)
    .filter((/** @type {any} */ each) => `${each.shown} ${each.name}`.toLocaleLowerCase().includes(wanted))
    .sort((/** @type {any} */ one, /** @type {any} */ other) => one.shown.localeCompare(other.shown, say.language));
  operators.show(some);
  write(find("#operators-count"), String(state.operators.length));
  find("#operators-none").hidden = some.length > 0;
}

function queues() {
  const chip = (/** @type {string} */ name, /** @type {string} */ kind, /** @type {any[]} */ inside) =>
    h(
      "button",
      { type: "button", class: `queue ${kind}`, "aria-pressed": String(queue === name), "data-focus": `queue-${name}`, "data-queue": name, on: { click: () => choose(name) } },
      inside,
    );
  return [
    chip("", "", [h("span", {}, say("floor_all")), h("b", {}, state.count)]),
    ...state.queues.map((/** @type {any} */ each) => {
      const longest = each.longest === null ? 0 : now() - each.longest;
      const staffed = each.serving ? say("floor_queue_figures", each) : say("floor_queue_nobody");
      const kind = each.waiting ? callers.alarm(longest) || (each.serving ? "" : "bad") : "";
      return chip(each.queue, kind, [
        h("span", {}, say.of("queue", each.queue)),
        h("b", {}, each.waiting),
        h("small", {}, [each.waiting ? span(longest) : "", each.closed ? say("floor_queue_closed") : staffed].filter(Boolean).join(" · ")),
      ]);
    }),
  ];
}

function states() {
  const counts = people.STATES.map((word) => ({ word, count: state.operators.filter((/** @type {any} */ each) => people.doing(each) === word).length }));
  return counts
    .filter((each) => each.count || each.word === doing)
    .map(({ word, count }) =>
      h(
        "button",
        { type: "button", class: "small", "aria-pressed": String(doing === word), "data-focus": `state-${word}`, on: { click: () => pick(word) } },
        `${say(`floor_state_${word}`)} `,
        h("b", {}, count),
      ),
    );
}

/** @param {string} name */
function choose(name) {
  queue = queue === name ? "" : name;
  drawn();
}

/** @param {string} word */
function pick(word) {
  doing = doing === word ? "" : word;
  drawn();
}

// ---------------------------------------------------------------------- what was done

function done() {
  const rows = state.actions.slice(0, LAST);
  return rows.length ? rows.map(did) : [h("p", { class: "quiet" }, say("floor_done_none"))];
}

/** @param {any} each */
function did(each) {
  const told = `${each.undoes ? `${say("floor_undoes")}: ` : ""}${say(`floor_did_${each.what}`, words(each))}`;
  return h(
    "div",
    { class: each.undone ? "did over" : "did", "data-action": each.id },
    h("time", {}, time(each.at, say.language)),
    h("span", {}, told, h("small", {}, ` ${each.who}${each.undone ? ` · ${say("floor_undone", { who: each.undone })}` : ""}`)),
    each.undoable
      ? h("button", { type: "button", class: "small", "data-focus": `undo-${each.id}`, on: { click: () => send(`floor/undo/${each.id}`, {}) } }, say("floor_undo"))
      : h("span", {}),
  );
}

/** A caller as the list of those who wait shows him; who hides his number is known by when he came. @param {any} caller @param {boolean} [where] */
function named(caller, where = false) {
  if (!caller) return say("floor_caller");
  const number = caller.number || `${say("floor_hidden")}, ${time(caller.entered, say.language)}`;
  return where ? `${number} (${say.of("queue", caller.queue)})` : number;
}

/** What an action changed, in words. @param {any} each */
function words({ what, target, caller: who, before, after }) {
  const name = nameOf(target);
  const caller = named(who, what === "ticket_lift" || what === "ticket_give");
  if (what === "operator_status") return { name, after: people.chosen(after) };
  if (what === "operator_log_out") return { name };
  if (what === "operator_skills") return { name, after: people.served(after.skills) };
  if (what === "ticket_lift") return { caller, before: say(`floor_priority_${before.priority}`), after: say(`floor_priority_${after.priority}`) };
  if (what === "ticket_give") return { caller, after: after.operator ? nameOf(after.operator) : say("floor_anybody") };
  return { caller, before: say.of("queue", before.queue ?? ""), after: say.of("queue", after.queue ?? "") };
}

// ---------------------------------------------------------------------- live

async function ask() {
  const fresh = await page.ask("floor/state");
  if (fresh) show(fresh);
}

/** Asks again a second after each answer: a slow server is not asked twice at once. */
async function live() {
  await ask();
  setTimeout(live, SECOND);
}

find("#asks").append(help());
find("#messages").append(messages());
find("#find").addEventListener("input", drawn);
setInterval(() => state && drawn(), SECOND);
if (given.queues.length < 2) find("#queues").hidden = true;
await live();
page.ready();

// @ts-check
/** The operators on the floor: what each does, and the panel that steers one. */
import { h, write } from "../desk/dom.js";
import { span } from "../desk/format.js";
import { controls } from "./listen.js";
import { given, say } from "./page.js";

/**
 * @typedef {{ name: string, shown: string, status: string, reason: string, state: string, since: number, until: number, skills: Record<string, number>, desk: boolean, ticket: string, token: string, queue: string, caller: string }} Operator
 */

export const STATES = ["free", "talking", "offered", "wrap_up", "paused", "disconnected", "offline"];
const LEVELS = [0, 1, 2, 3, 4, 5];

/** What he does, in one word. @param {Operator} operator */
export function doing(operator) {
  if (operator.state !== "idle") return operator.state;
  return operator.status === "ready" ? "free" : operator.status;
}

/** What a status says, with the reason of a pause. @param {{ status: string, reason: string }} chosen */
export function chosen({ status, reason }) {
  const word = say(`status_${status === "paused" ? "pause" : status}`).replace("…", "");
  return reason ? `${word}: ${say.of("pause", reason)}` : word;
}

/** @param {Record<string, number>} skills */
export function served(skills) {
  const all = Object.entries(skills).sort((one, other) => other[1] - one[1] || one[0].localeCompare(other[0]));
  return all.map(([queue, level]) => `${say.of("queue", queue)} ${level}`).join(", ") || "–";
}

/**
 * @param {Operator} first @param {() => number} now the server's time @param {(name: string) => void} turn
 */
export function line(first, now, turn) {
  const shown = h("b", {});
  const skills = h("small", {});
  const pill = h("span", { class: "pill" });
  const what = h("small", {});
  const steer = h(
    "button",
    { type: "button", class: "small steer", "aria-expanded": "false", "aria-label": say("floor_steer_name", { name: first.shown }), on: { click: () => turn(first.name) } },
    say("floor_steer"),
  );
  const show = (/** @type {Operator} */ operator) => {
    const word = doing(operator);
    write(shown, operator.shown);
    write(skills, served(operator.skills));
    pill.className = `pill ${word}`;
    write(pill, `${say(`floor_is_${word}`)} ${span(now() - operator.since)}`);
    write(what, details(operator, word));
  };
  return { line: h("div", { class: "floor-line" }, h("div", {}, shown, skills), h("div", {}, pill, what), steer), show };
}

/** @param {Operator} operator @param {string} word */
function details(operator, word) {
  const parts = [];
  if (operator.queue) parts.push(say.of("queue", operator.queue));
  if (operator.caller) parts.push(operator.caller);
  if (word === "paused" && operator.reason) parts.push(say.of("pause", operator.reason));
  else if (operator.status !== "ready" && operator.state !== "idle") parts.push(say("floor_then", { what: chosen(operator) }));
  return parts.join(" · ");
}

/**
 * @param {() => Operator} item @param {(path: string, body: object) => Promise<boolean>} send
 */
export function panel(item, send) {
  const { name } = item();
  const reason = h("select", { "aria-label": say("floor_pause_reason") }, given.pauses.map((/** @type {string} */ word) => h("option", { value: word }, say.of("pause", word))));
  const status = (/** @type {string} */ wanted) => {
    const { status: was, reason: why } = item();
    send("floor/status", { operator: name, status: wanted, reason: wanted === "paused" ? reason.value : "", seen: { status: was, reason: why } });
  };
  const button = (/** @type {string} */ key, /** @type {string} */ wanted) =>
    h("button", { type: "button", class: "small", on: { click: () => status(wanted) } }, say(key));
  const now = h(
    "div",
    { class: "row" },
    button("floor_ready", "ready"),
    reason,
    button("floor_pause", "paused"),
    button("floor_log_out", "offline"),
    h("small", { class: "quiet" }, say("floor_after_talk")),
  );
  const talk = item().state === "talking" && item().ticket ? controls(item(), item().ticket) : null;
  return h("div", { class: "steering" }, talk, now, skills(item, send));
}

/** @param {() => Operator} item @param {(path: string, body: object) => Promise<boolean>} send */
function skills(item, send) {
  const { name, skills: seen } = item();
  const levels = given.queues.map((/** @type {string} */ queue) => {
    const choice = h(
      "select",
      { "data-queue": queue },
      LEVELS.map((level) => h("option", { value: level, selected: level === (seen[queue] ?? 0) }, level || say("floor_skill_none"))),
    );
    return { queue, choice, label: h("label", {}, say.of("queue", queue), choice) };
  });
  const kept = h("select", {}, h("option", { value: "" }, say("floor_kept_now")), h("option", { value: "yes" }, say("floor_kept_always")));
  kept.setAttribute("aria-label", say("floor_skills_set"));
  const set = () => {
    const wanted = Object.fromEntries(levels.map((/** @type {any} */ each) => [each.queue, Number(each.choice.value)]));
    send("floor/skills", { operator: name, skills: wanted, seen, kept: kept.value === "yes" });
  };
  return h(
    "fieldset",
    {},
    h("legend", {}, say("floor_skills")),
    h("div", { class: "levels" }, levels.map((/** @type {any} */ each) => each.label)),
    h("div", { class: "row end" }, kept, h("button", { type: "button", class: "small main", on: { click: set } }, say("floor_skills_set"))),
  );
}

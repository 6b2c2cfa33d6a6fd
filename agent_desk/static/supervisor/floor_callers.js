// @ts-check
/** The callers who wait: how long, for what, and the panel that steers one. */
import { h, write } from "../desk/dom.js";
import { span } from "../desk/format.js";
import { given, say } from "./page.js";

/**
 * @typedef {{ id: string, kind: string, queue: string, state: string, entered: number, priority: string, lifted: boolean, moved: string, caller: string, language: string, reason: string, operator: string, first: boolean }} Caller
 */

/** Seconds of a wait from which it is late, and bad. */
export const LATE = 60;
export const BAD = 180;
/** Milliseconds in which a withdrawal is said a second time. */
const SURE = 4000;

/** @param {number} waited */
export function alarm(waited) {
  return waited >= BAD ? "bad" : waited >= LATE ? "late" : "";
}

/**
 * @param {Caller} first @param {() => number} now the server's time @param {(id: string) => void} turn
 * @param {(login: string) => string} nameOf
 */
export function line(first, now, turn, nameOf) {
  const waited = h("span", { class: "long" });
  const queue = h("b", {});
  const pill = h("span", { class: "pill" });
  const what = h("small", {});
  const steer = h("button", { type: "button", class: "small steer", "aria-expanded": "false", on: { click: () => turn(first.id) } }, say("floor_steer"));
  const row = h("div", { class: "floor-line" }, waited, h("div", {}, queue, " ", pill, what), steer);
  const show = (/** @type {Caller} */ caller) => {
    const seconds = now() - caller.entered;
    row.className = `floor-line ${alarm(seconds)}`;
    write(waited, span(seconds));
    write(queue, say.of("queue", caller.queue));
    pill.hidden = caller.priority === "normal";
    pill.className = `pill ${caller.priority}`;
    write(pill, say(`floor_priority_${caller.priority}`));
    write(what, details(caller, nameOf));
    steer.setAttribute("aria-label", say("floor_steer_name", { name: caller.caller || caller.id }));
  };
  return { line: row, show };
}

/** @param {Caller} caller @param {(login: string) => string} nameOf */
function details(caller, nameOf) {
  const held = caller.state === "waiting" && caller.operator;
  return [
    caller.kind === "callback" ? say("floor_callback") : "",
    caller.caller || say("floor_hidden"),
    held || caller.state !== "waiting" ? say(`floor_ticket_${held ? "held" : caller.state}`, { operator: nameOf(caller.operator) }) : "",
    caller.moved ? say("floor_moved", { queue: say.of("queue", caller.moved) }) : "",
    caller.reason ? say.of("reason", caller.reason) : "",
    caller.language,
  ]
    .filter(Boolean)
    .join(" · ");
}

/**
 * @param {() => Caller} item @param {(path: string, body: object) => Promise<boolean>} send
 * @param {() => { name: string, shown: string, status: string }[]} operators
 */
export function panel(item, send, operators) {
  const { id } = item();
  const queue = h(
    "select",
    { "aria-label": say("floor_move_to") },
    given.into.filter((/** @type {string} */ each) => each !== item().queue).map((/** @type {string} */ each) => h("option", { value: each }, say.of("queue", each))),
  );
  const operator = h(
    "select",
    { "aria-label": say("floor_give_to") },
    operators().filter((each) => each.status === "ready").map((each) => h("option", { value: each.name }, each.shown)),
  );
  const button = (/** @type {string} */ text, /** @type {() => void} */ act) => h("button", { type: "button", class: "small", on: { click: act } }, text);
  const lift = (/** @type {string} */ priority) => button(say(`floor_lift_${priority}`), () => send("floor/lift", { ticket: id, priority, was: item().priority }));
  return h(
    "div",
    { class: "steering" },
    h("div", { class: "row" }, queue, button(say("floor_move"), () => send("floor/move", { ticket: id, queue: queue.value, was: item().queue })), given.lifted.map(lift)),
    h("div", { class: "row" }, operator, button(say("floor_give"), () => send("floor/give", { ticket: id, operator: operator.value }))),
    h("div", { class: "row" }, withdrawing(item, send), h("small", { class: "quiet" }, say("floor_withdraw_note"))),
  );
}

/** Wants to be pressed twice: what a caller has heard cannot be taken back. @param {() => Caller} item @param {(path: string, body: object) => Promise<boolean>} send */
function withdrawing(item, send) {
  const made = h("button", { type: "button", class: "small" }, say("floor_withdraw"));
  made.addEventListener("click", () => {
    if (made.dataset.sure) return void send("floor/withdraw", { ticket: item().id, was: item().queue });
    made.dataset.sure = "yes";
    write(made, say("floor_withdraw_sure"));
    setTimeout(() => {
      delete made.dataset.sure;
      write(made, say("floor_withdraw"));
    }, SURE);
  });
  return made;
}

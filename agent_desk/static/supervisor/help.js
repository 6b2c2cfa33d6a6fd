// @ts-check
/** Operators who ask for help: seen at once, taken by one supervisor. */
import { canvas, h, write } from "../desk/dom.js";
import { span } from "../desk/format.js";
import { controls } from "./listen.js";
import { page, say } from "./page.js";
import { staff } from "./staff.js";

/** @typedef {import("./staff.js").Help} Help */

/** Milliseconds between two steps of the seconds that are shown. */
const SECOND = 1000;

/**
 * A card with all who ask for help. Who asks anew is told to screen readers as an alarm.
 * @returns {HTMLElement}
 */
export function help() {
  const list = h("ul", { class: "asks" });
  const alarm = h("p", { class: "unseen", role: "alert" });
  const node = h("section", { class: "card help-card", "aria-labelledby": "help-title" }, h("h2", { id: "help-title" }, say("listening_help")), alarm, list);
  /** @type {Set<number>} */
  const told = new Set();
  const draw = canvas(list);
  staff.on(node, ({ help: asks }) => {
    node.dataset.asks = String(asks.filter((each) => !each.taken_by).length);
    draw(asks, () => (asks.length ? asks.map(row) : [h("li", { class: "quiet" }, say("listening_help_none"))]));
    tick(list);
    const fresh = asks.filter((each) => !told.has(each.id) && !each.taken_by);
    if (fresh.length) write(alarm, fresh.map(({ shown }) => say("listening_help_alarm", { name: shown })).join(" "));
    node.classList.toggle("wanted", asks.some((each) => !each.taken_by));
    for (const each of asks) told.add(each.id);
  });
  setInterval(() => tick(list), SECOND);
  return node;
}

/** @param {Help} ask */
function row(ask) {
  const mine = ask.taken_by === staff.me;
  const talk = ask.talk ? "in_talk" : ask.call ? "talk_over" : "";
  return h(
    "li",
    { "data-help": ask.id, class: ask.taken_by ? "ask taken" : "ask open" },
    h("b", {}, ask.shown),
    " ",
    h("time", { "data-since": ask.asked_at }),
    talk && h("small", { class: "quiet" }, ` ${say(`listening_help_${talk}`)}`),
    ask.note ? h("p", {}, ask.note) : null,
    ask.talk && ask.operator !== staff.me ? controls(ask.operator, ask.talk) : null,
    h(
      "p",
      { class: "row" },
      ask.taken_by
        ? h("span", { class: "taken-by" }, mine ? say("listening_help_mine") : say("listening_help_taken", { name: ask.taken_shown }))
        : h("button", { type: "button", class: "main", "data-focus": `come-${ask.id}`, on: { click: () => page.send("listening/help", { id: ask.id, do: "take" }) } }, say("listening_help_come")),
      h("button", { type: "button", class: "small", "data-focus": `end-${ask.id}`, on: { click: () => page.send("listening/help", { id: ask.id, do: "end" }) } }, say("listening_help_end")),
    ),
  );
}

/** @param {Element} list */
function tick(list) {
  for (const place of list.querySelectorAll("[data-since]")) {
    write(place, span(Math.max(0, Date.now() / 1000 - Number(/** @type {HTMLElement} */ (place).dataset.since))));
  }
}

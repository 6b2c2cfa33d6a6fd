// @ts-check
/** Listening to a running talk: buttons beside an operator. */
import { fill, h } from "../desk/dom.js";
import { page, say } from "./page.js";
import { staff } from "./staff.js";

/** @typedef {import("./staff.js").Listening} Listening */

const MODES = ["listen", "whisper", "barge"];
/** Milliseconds in which taking over is said a second time. */
const SURE = 4000;

/**
 * Buttons to listen, whisper, barge in, take over and leave, and who listens already. They follow
 * the talk by themselves as long as they are in the page.
 * @param {{ name: string } | string} operator his entry on the board, or his login
 * @param {{ ticket: string } | string | null | undefined} talk his ticket while he talks
 * @returns {HTMLElement}
 */
export function controls(operator, talk) {
  const name = typeof operator === "string" ? operator : operator.name;
  const ticket = (typeof talk === "string" ? talk : talk?.ticket) ?? "";
  const node = h("div", { class: "row listening", role: "group", "aria-label": say("listening_group") });
  draw(node, name, ticket, null);
  staff.on(node, (now) => draw(node, name, ticket, now));
  return node;
}

/** @param {HTMLElement} node @param {string} operator @param {string} ticket @param {import("./staff.js").Staff | null} now */
function draw(node, operator, ticket, now) {
  const here = now?.listenings.filter((each) => each.operator === operator && each.call === ticket) ?? [];
  const mine = here.find((each) => each.mine);
  const able = !!ticket && !!now && (mine ? true : !now.able);
  const hint = now?.able && !mine ? say(`error_${now.able}`) : "";
  fill(node, [
    ...MODES.map((mode) => button(mode, able, hint, mine, () => want(operator, ticket, mode, mine))),
    take(operator, ticket, able, hint, mine),
    mine && h("button", { type: "button", class: "small", on: { click: () => page.send("listening/end", { token: mine.token }) } }, say("listening_stop")),
    here.length
      ? h("small", { class: "quiet" }, here.map((each) => say(`listening_who_${each.heard ? each.mode : "rings"}`, { name: each.shown })).join(" · "))
      : null,
  ]);
}

/** @param {string} mode @param {boolean} able @param {string} hint @param {Listening | undefined} mine @param {() => void} act */
function button(mode, able, hint, mine, act) {
  const on = !!mine?.heard && mine.mode === mode;
  return h(
    "button",
    {
      type: "button", class: on ? "small on" : "small", disabled: !able, title: hint || say(`listening_hint_${mode}`),
      "aria-pressed": on ? "true" : "false", "data-mode": mode, on: { click: act },
    },
    say(`listening_${mode}`),
  );
}

/** @param {string} operator @param {string} ticket @param {boolean} able @param {string} hint @param {Listening | undefined} mine */
function take(operator, ticket, able, hint, mine) {
  const made = button("take", able, hint, mine, () => {
    if (made.dataset.sure) return want(operator, ticket, "take", mine);
    made.dataset.sure = "yes";
    made.textContent = say("listening_take_sure");
    setTimeout(() => {
      delete made.dataset.sure;
      made.textContent = say("listening_take");
    }, SURE);
  });
  return made;
}

/** @param {string} operator @param {string} ticket @param {string} mode @param {Listening | undefined} mine */
function want(operator, ticket, mode, mine) {
  if (mine) page.send("listening/mode", { token: mine.token, mode });
  else page.send("listening/begin", { operator, ticket, mode });
}

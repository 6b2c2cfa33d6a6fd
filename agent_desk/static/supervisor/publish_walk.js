// @ts-check
/** The walk through every way a call can take: how far it is, what it came to, and the way to each finding. */
import { h } from "../desk/dom.js";
import { span } from "../desk/format.js";
import { say } from "./page.js";

const number = (/** @type {number} */ value) => Math.round(value).toLocaleString(say.language);

/** Whether somebody waits for it. @param {any} walked */
export const open = (walked) => walked.state === "waiting" || walked.state === "running";

/** The walk in a few words, "" where there was none. @param {any} walked @returns {string} */
export function brief(walked) {
  if (walked.state === "running" && walked.done) return say("publish_walk_percent", { percent: percent(walked) });
  if (open(walked)) return say("publish_walk_waiting");
  if (walked.state !== "done") return "";
  return walked.found.length ? say("publish_walk_wrong", { count: walked.found.length }) : say("publish_walk_good");
}

/** @param {any} walked @returns {(Node | null)[]} */
export function shown(walked) {
  const [kind, text] = verdict(walked);
  if (!text) return [];
  const far = walked.state === "running" && walked.done;
  return [
    h("p", { class: kind, id: "walked", "data-state": walked.state }, text),
    far ? h("progress", { max: walked.expected, value: walked.done, "aria-label": say("publish_walk") }) : null,
    walked.idle ? h("p", { class: "warn" }, say("publish_walk_idle")) : null,
  ];
}

/** @param {any} walked @returns {[string, string]} class and words */
function verdict(walked) {
  const { state } = walked;
  if (state === "waiting") return ["quiet", walked.ahead ? say("publish_walk_ahead", { count: walked.ahead }) : say("publish_walk_waiting")];
  if (state === "running" && !walked.done) return ["quiet", say("publish_walk_running")];
  if (state === "running") return ["quiet", far(walked)];
  if (["late", "broken", "cancelled"].includes(state)) return [state === "cancelled" ? "quiet" : "warn", say(`publish_walk_${state}`)];
  if (state !== "done") return ["", ""];
  if (walked.old) return ["warn", say("publish_walk_old")];
  if (walked.found.length) return ["refusal", say("publish_walk_wrong", { count: walked.found.length })];
  if (!walked.entrances.length) return ["done", say("publish_walk_unused")];
  return ["done", say("publish_walk_passed", { states: number(walked.states), took: span(walked.seconds) })];
}

/** @param {any} walked */
const percent = (walked) => Math.min(99, Math.floor((100 * walked.done) / walked.expected));

/** @param {any} walked */
function far(walked) {
  const counted = { done: number(walked.done), expected: number(walked.expected), percent: percent(walked) };
  return say("publish_walk_far", { ...counted, took: span(walked.took), left: span(walked.left) });
}

/** What breaks a rule: what it is, where, and what a caller does to come there. @param {any} violation @param {Node | string} where */
export function violation(violation, where) {
  const acts = violation.way.map((/** @type {[string, string]} */ each) => h("li", {}, h("span", {}, act(...each))));
  return h("li", { class: "violation" },
    h("div", {}, where, " ", h("strong", {}, say(`publish_rule_${violation.rule.replaceAll("-", "_")}`))),
    h("p", { class: "quiet" }, `${violation.place}: ${violation.text}`),
    h("div", { class: "way" }, h("span", { class: "quiet" }, say("publish_way")), acts.length ? h("ol", {}, acts) : say("publish_way_none")),
    h("details", {}, h("summary", {}, say("publish_script")), h("pre", {}, violation.script)));
}

/** One thing that happens; keys as keys. @param {string} kind @param {string} text @returns {(Node | string)[]} */
function act(kind, text) {
  if (kind === "press") return [...text].map((key) => h("kbd", {}, key));
  return [say(`publish_act_${kind}`, { text: text.replace(" ", ": ") })];
}

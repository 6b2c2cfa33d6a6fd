// @ts-check
/** The strip on every page: what is wrong, since when, who sees to it; a sound for who wants one. */
import { Refusal } from "../desk/api.js";
import { canvas, h, write } from "../desk/dom.js";
import { dayTime, span } from "../desk/format.js";

/**
 * @typedef {{ id: number, kind: string, target: string, level: string, since: number, value: number | null, now: number | null,
 *   worst: number | null, bound: number | null, storm: string, ended: number | null, taken_by: string | null, taken_at: number | null }} Alert
 * @typedef {{ find: (selector: string) => HTMLElement, say: import("../desk/words.js").Say, api: import("../desk/api.js").Api,
 *   send: (path: string) => Promise<any> }} Tools
 */

/** Milliseconds between two looks. */
const LOOK = 1000;
/** Failures in a row after which nothing is known. */
const LOST = 4;
const SOUND = "press2.alarms.sound";
const PERCENT = ["service_level", "lost", "disk_full"];
const SPANS = ["longest", "outbox_stuck", "calls_fail", "figures_old", "matchmaker"];

/** @param {string} kind @param {number | null} value @returns {string} as it is read */
export function figure(kind, value) {
  if (value === null) return "";
  if (PERCENT.includes(kind)) return `${Math.round(value * 100)} %`;
  return SPANS.includes(kind) ? span(value) : String(value);
}

/** @param {Alert} alert @param {import("../desk/words.js").Say} say @returns {string} what is wrong, of what */
export function named(alert, say) {
  const kind = say(`alert_kind_${alert.kind}`);
  if (alert.kind === "recogniser_down" && alert.target) return say("alert_busy");
  if (alert.kind === "figures_old" && alert.target) return say("alert_unmeasured");
  if (["service_level", "lost"].includes(alert.kind) && !alert.target) return `${kind}: ${say("alert_all")}`;
  return alert.target ? `${kind}: ${say.of("queue", alert.target)}` : kind;
}

export const sound = {
  /** Whether this browser wants it. */
  on: () => localStorage.getItem(SOUND) === "yes",
  /** @param {boolean} on */
  set(on) {
    localStorage.setItem(SOUND, on ? "yes" : "no");
    if (on) sound.play();
  },
  /** Two short tones; browsers keep silent until the page was touched once. */
  play() {
    const context = new AudioContext();
    for (const [at, pitch] of [[0, 880], [0.25, 660]]) {
      const tone = new OscillatorNode(context, { frequency: pitch });
      const volume = new GainNode(context, { gain: 0.15 });
      tone.connect(volume).connect(context.destination);
      tone.start(context.currentTime + at);
      tone.stop(context.currentTime + at + 0.18);
      if (at) tone.onended = () => context.close();
    }
  },
};

/** Shows what is wrong from now on. @param {Tools} tools */
export function alarms({ find, say, api, send }) {
  const place = find("#alarms");
  const told = h("p", { class: "unseen", role: "status" });
  const list = h("ul", { class: "alarms" });
  const more = h("p", { class: "alarms-more" });
  place.append(told, list, more);
  const draw = canvas(list);
  /** @type {Set<number> | null} null: nothing was looked at yet */
  let known = null;
  let failed = 0;
  let timer = 0;

  /** @param {Alert} alert */
  async function take(alert) {
    await send(`alerts/take/${alert.id}`);
    clearTimeout(timer);
    await look();
  }

  /** @param {Alert} alert */
  function line(alert) {
    const plain = figure(alert.kind, alert.now);
    const callers = { no_operators: "alert_no_place", unmatched: "alert_callers" }[alert.kind];
    const value = callers ? say(callers, { count: plain }) : plain;
    const bound = figure(alert.kind, alert.bound);
    return h(
      "li",
      { class: `${alert.level}${alert.taken_by ? " taken" : ""}`, "data-kind": alert.kind, "data-target": alert.target },
      h("span", { class: "sign" }, `${alert.level === "alarm" ? "▲" : "●"} ${say(`alert_level_${alert.level}`)}`),
      h("strong", {}, named(alert, say)),
      value && h("span", { class: "digits" }, bound ? say("alert_value", { value, bound }) : value),
      h("span", { class: "since" }, say("alert_since", { at: dayTime(alert.since, say.language) })),
      alert.storm === "on" && h("span", { class: "since" }, say("alert_storm")),
      alert.taken_by
        ? h("span", { class: "since" }, say("alert_taken", { who: alert.taken_by, at: dayTime(alert.taken_at, say.language) }))
        : h("button", { type: "button", class: "small", "data-focus": `take-${alert.id}`, "aria-label": `${say("alert_take")}: ${named(alert, say)}`, on: { click: () => take(alert) } }, say("alert_take")),
    );
  }

  /** @param {{ alerts: Alert[], watched: boolean }} state */
  function show({ alerts, watched }) {
    const fresh = known === null ? [] : alerts.filter((alert) => !known?.has(alert.id));
    known = new Set(alerts.map((alert) => alert.id));
    if (fresh.length) {
      write(told, fresh.map((alert) => `${say(`alert_level_${alert.level}`)}: ${named(alert, say)}`).join(". "));
      if (sound.on()) sound.play();
    }
    draw([alerts, watched], () => [
      watched ? null : h("li", { class: "alarm" }, h("span", { class: "sign" }, "▲"), h("strong", {}, say("alert_unwatched"))),
      ...alerts.map(line),
    ]);
    count();
    place.dataset.state = "live";
    document.dispatchEvent(new CustomEvent("alarms", { detail: alerts }));
  }

  /** Says how many have no room on a display on the wall. */
  function count() {
    const end = list.getBoundingClientRect().bottom + 1;
    const out = [...list.children].filter((each) => each.getBoundingClientRect().bottom > end).length;
    write(more, out ? `+${out}` : "");
  }

  function lose() {
    place.dataset.state = "lost";
    draw("lost", () => [h("li", { class: "alarm" }, h("span", { class: "sign" }, "▲"), h("strong", {}, say("alert_lost")))]);
  }

  async function look() {
    try {
      show(await api.get("/desk/supervisor/alerts/live"));
      failed = 0;
    } catch (error) {
      if (error instanceof Refusal && error.status === 401) return lose(); // the sign-in has ended
      failed += 1;
      if (failed === LOST) lose();
    }
    timer = setTimeout(look, LOOK);
  }

  look();
}

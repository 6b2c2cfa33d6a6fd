// @ts-check
/** Storm mode: what it is, why it is proposed, the form that switches it, what became of callers. */
import { canvas, h } from "../desk/dom.js";
import { dayTime } from "../desk/format.js";
import { field, number, select, ticks } from "./fields.js";

const COUNTS = ["calls", "announced", "subscribed", "queued", "answered", "callbacks", "called_back", "lost"];
const EXTENSIONS = [1, 3];
/** A reason that was made of figures, which stand in the table anyway. */
const FIGURES = /^\w+=\d/;

export class StormView {
  /** @param {import("./main.js").Page} page @param {HTMLElement} place @param {HTMLElement} counts */
  constructor(page, place, counts) {
    this.page = page;
    this.counts = counts;
    this.head = h("div", { class: "state-line" });
    this.why = h("div", { class: "why" });
    this.form = h("div", { class: "switch" });
    place.replaceChildren(this.head, this.why, this.form);
    this.drawHead = canvas(this.head);
    this.drawWhy = canvas(this.why);
    this.drawForm = canvas(this.form);
    this.drawCounts = canvas(counts);
  }

  /** @param {any} state */
  show({ storm, counts, time }) {
    const now = new Date(time * 1000);
    const minute = Math.floor(time / 60);
    this.drawHead([storm.state, storm.version, storm.calm_since, minute], () => this.#head(storm, now));
    this.drawWhy([storm.measured, storm.state, minute], () => this.#why(storm, now));
    // Whoever fills the form in keeps what he has filled in until the storm itself changes.
    this.drawForm([storm.state, storm.version], () => this.#form(storm));
    this.counts.hidden = !counts;
    this.drawCounts(counts, () => this.#counts(counts));
  }

  /** @param {any} storm @param {Date} now */
  #head(storm, now) {
    const { say } = this.page;
    const at = (/** @type {number | null} */ moment) => dayTime(moment, say.language, now);
    const who = (/** @type {string} */ login) => (login === "rule" ? say("dispatch_rule") : login);
    const facts = [];
    if (storm.state === "proposed") facts.push(say("storm_proposed_at", { at: at(storm.proposed_at) }));
    if (storm.state === "on") {
      facts.push(say("storm_since", { at: at(storm.started_at), who: who(storm.started_by) }));
      if (storm.until) facts.push(say("storm_until", { at: at(storm.until) }));
    }
    if (storm.ended_at) facts.push(say("storm_ended", { at: at(storm.ended_at), who: who(storm.ended_by) }));
    return [
      h("h2", { id: "storm-title" }, `${say("storm_title")}: `, h("strong", { class: "big-state" }, say(`storm_state_${storm.state}`))),
      h("p", { class: "quiet" }, facts.join(" · ")),
      storm.state === "on" && storm.reason && !FIGURES.test(storm.reason) ? h("p", {}, storm.reason) : null,
      storm.state === "on" && storm.calm_since ? h("p", { class: "done" }, say("storm_calm", { at: at(storm.calm_since) })) : null,
    ];
  }

  /** @param {any} storm @param {Date} now */
  #why(storm, now) {
    const { say } = this.page;
    const measured = storm.measured;
    const live = storm.state === "proposed" || storm.state === "on";
    if (!live) return [h("p", { class: "quiet" }, say("storm_not_measured"))];
    if (!measured) return [];
    const { proposed, latest, limits, span } = measured;
    const minutes = (/** @type {any} */ figures) => (figures ? say("dispatch_min", { count: Math.round(figures.wait / 60) }) : "–");
    const calls = (/** @type {any} */ figures) => {
      if (!figures) return "–";
      const usual = figures.forecast === null ? say("storm_usual_unknown") : say("storm_usual", { count: figures.forecast.toFixed(1) });
      return [`${figures.calls} `, h("small", {}, `(${usual})`)];
    };
    const row = (/** @type {string} */ reason, /** @type {string} */ name, /** @type {any[]} */ cells) =>
      h(
        "tr",
        { class: storm.reasons.includes(reason) ? "reason" : "" },
        h("th", { scope: "row" }, name),
        cells.map((cell) => h("td", {}, cell)),
      );
    return [
      h(
        "table",
        {},
        h("caption", {}, say("storm_why")),
        h("thead", {}, h("tr", {}, ["storm_figure", "storm_then", "storm_now", "storm_limit"].map((key) => h("th", { scope: "col" }, say(key))))),
        h(
          "tbody",
          {},
          row("arrivals", say("storm_calls", { span }), [calls(proposed), calls(latest), `> ${Math.round((latest ?? proposed).threshold)}`]),
          row("wait", say("storm_wait_of"), [minutes(proposed), minutes(latest), `> ${say("dispatch_min", { count: limits.wait / 60 })}`]),
          row("customers", say("storm_biggest"), [proposed?.customers ?? "–", latest?.customers ?? "–", `> ${limits.customers}`]),
        ),
      ),
      measured.stale ? h("p", { class: "warn" }, say("storm_stale", { at: dayTime(measured.at, say.language, now) })) : null,
    ];
  }

  /** @param {any} storm */
  #form(storm) {
    const { say, given } = this.page;
    const { terms } = given;
    const live = storm.state === "proposed" || storm.state === "on";
    const on = storm.state === "on";
    const known = live ? storm : { ...terms, regions: [], message: given.messages[0] };
    const [least, most] = given.hours;
    const parts = {
      hours: number("storm-hours", on ? "" : terms.hours, least, most, 0.25),
      cap: number("storm-cap", known.cap, 1, 240, 1),
      wrap_up: number("storm-wrap-up", known.wrap_up, 0, 600, 5),
      callbacks: select("storm-callbacks", ["place", "calm", "spread"], known.callbacks, (word) => say(`storm_callbacks_${word}`)),
      message: select("storm-message", given.messages, known.message, (word) => say(`storm_message_${word}`)),
      reason: h("input", { id: "storm-reason", maxlength: 400, autocomplete: "off" }),
    };
    const regions = ticks(say("storm_regions"), given.regions, known.regions, (word) => word, say("storm_everywhere"));
    const gates = ticks(say("storm_gates"), given.queues, known.gates, (word) => say.of("queue", word));
    const wanted = () => ({
      hours: parts.hours.value === "" ? null : Number(parts.hours.value),
      cap: Number(parts.cap.value),
      wrap_up: Number(parts.wrap_up.value),
      callbacks: parts.callbacks.value,
      message: parts.message.value,
      regions: regions.chosen(),
      gates: gates.chosen(),
      reason: parts.reason.value,
    });
    const send = (/** @type {string} */ act, /** @type {object} */ more) =>
      this.page.send("storm", { do: act, version: storm.version, ...more });
    const form = h(
      "form",
      {
        on: {
          submit: (/** @type {Event} */ event) => {
            event.preventDefault();
            send(on ? "change" : "on", wanted());
          },
        },
      },
      h(
        "div",
        { class: "fields" },
        field(say("storm_message"), parts.message),
        field(say("storm_hours"), parts.hours),
        field(say("storm_cap"), parts.cap),
        field(say("storm_callbacks"), parts.callbacks),
        field(say("storm_wrap_up"), parts.wrap_up),
        field(say("storm_reason"), parts.reason),
      ),
      h("div", { class: "pair" }, regions.element, gates.element),
      h(
        "div",
        { class: "row" },
        h("button", { class: on ? "" : "main" }, say(on ? "storm_change" : "storm_switch_on")),
        storm.state === "proposed"
          ? h(
              "button",
              {
                type: "button",
                on: {
                  click: () => (parts.reason.value.trim() ? send("refuse", { reason: parts.reason.value }) : parts.reason.focus()),
                },
              },
              say("storm_refuse"),
            )
          : null,
      ),
      h("p", { class: "quiet" }, say("storm_lines", { lines: terms.lines })),
    );
    if (storm.state === "proposed") return [form];
    if (!on) return [h("details", {}, h("summary", {}, say("storm_plan")), form)];
    const extend = (/** @type {number} */ hours) => Math.max(0.25, storm.until ? storm.until - Date.now() / 1000 : 0) / 3600 + hours;
    return [
      h(
        "div",
        { class: "row" },
        h(
          "button",
          { type: "button", class: "main", on: { click: () => confirm(say("storm_end_sure")) && send("off", { reason: parts.reason.value }) } },
          say("storm_end"),
        ),
        EXTENSIONS.map((hours) =>
          h(
            "button",
            { type: "button", on: { click: () => send("change", { hours: Math.min(most, extend(hours)) }) } },
            say("storm_extend", { hours }),
          ),
        ),
      ),
      h("details", {}, h("summary", {}, say("storm_settings")), form),
    ];
  }

  /** @param {Record<string, number>} counts */
  #counts(counts) {
    const { say } = this.page;
    return [
      h("h2", { id: "counts-title" }, say("storm_counts")),
      h(
        "dl",
        { class: "tiles" },
        COUNTS.map((name) => h("div", { "data-count": name }, h("dt", {}, say(`storm_count_${name}`)), h("dd", {}, counts[name] ?? 0))),
      ),
      h("p", {}, h("a", { href: "/desk/dispatch/after.csv", download: true }, say("storm_after"))),
    ];
  }
}

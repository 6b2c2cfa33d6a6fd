// @ts-check
/** A day lived again with a change: the question, how far it is, the figures side by side. */
import { fill, h, write } from "../desk/dom.js";
import { day } from "../desk/format.js";
import { api, find, given, page, say } from "./page.js";
import { field, form, queueName, share, whole } from "./staffing_words.js";

/** Milliseconds between two looks at what runs. */
const AGAIN = 700;
const BETTER = { answered: 1, level: 1, lost: -1, p50: -1, p90: -1 };
const SHARES = ["level", "lost", "busy"];

export class WhatIf {
  #timer = 0;

  constructor() {
    const now = h("input", { type: "number", name: "operators", required: true, value: 0, min: -given.most.operators, max: given.most.operators });
    this.form = form("#change", [
      h("div", { class: "fields" },
        field(say("staffing_which_day"), h("input", { type: "date", name: "day", required: true, value: given.yesterday, max: given.yesterday })),
        field(say("staffing_more_fewer"), now),
        field(say("staffing_since"), this.#clock("since", "00:00")),
        field(say("staffing_until"), this.#clock("until", "24:00")),
        field(`${say("staffing_handle")}, ${say("staffing_seconds")}`, h("input", { type: "number", name: "handle", min: 1, max: 7200, placeholder: say("staffing_as_it_was") })),
        field(say("staffing_runs"), h("input", { type: "number", name: "runs", required: true, value: given.runs, min: 1, max: given.most.runs })),
      ),
      h("fieldset", {}, h("legend", {}, say("staffing_skills")),
        h("div", { class: "fields" }, given.queues.map((/** @type {string} */ name) => field(queueName(name), h("input", { type: "number", name: `skill ${name}`, min: 1, max: 5 }))))),
      this.#rules(),
      h("div", { class: "row" }, h("button", { class: "main" }, say("staffing_run"))),
    ]);
    this.form.addEventListener("submit", (event) => {
      event.preventDefault();
      this.#begin();
    });
    find("#stop").addEventListener("click", () => this.#stop());
  }

  /** @param {string} name @param {string} value */
  #clock(name, value) {
    return h("input", { name, value, required: true, pattern: "([01]?\\d|2[0-3]):[0-5]\\d|24:00", inputmode: "numeric", size: 5 });
  }

  /** The rules of one queue; what is left empty stays. */
  #rules() {
    const [first] = given.queues;
    const places = {
      wrap_up: h("input", { type: "number", name: "wrap_up", min: 0, max: 86400 }),
      relax: h("input", { name: "relax", pattern: "[0-9:., ]+", maxlength: 100 }),
      overflow_to: h("select", { name: "overflow_to" }, h("option", { value: "" }, ""), given.queues.map((/** @type {string} */ name) => h("option", { value: name }, queueName(name)))),
      overflow_after: h("input", { type: "number", name: "overflow_after", min: 0, max: 86400 }),
    };
    const hint = () => {
      for (const [rule, place] of Object.entries(places)) {
        const value = given.rules[queue.value][rule];
        if (place instanceof HTMLInputElement) place.placeholder = String(value);
        else write(place.options[0], value ? queueName(value) : say("staffing_nowhere"));
      }
    };
    const queue = h("select", { name: "rule_queue", on: { change: hint } }, given.queues.map((/** @type {string} */ name) => h("option", { value: name }, queueName(name))));
    queue.value = first;
    hint();
    return h("fieldset", {}, h("legend", {}, say("staffing_rules")),
      h("div", { class: "fields" }, field(say("staffing_rule_queue"), queue), Object.entries(places).map(([rule, place]) => field(say(`staffing_rule_${rule}`), place))));
  }

  #asked() {
    const said = Object.fromEntries(new FormData(this.form));
    const number = (/** @type {string} */ name) => (said[name] ? Number(said[name]) : undefined);
    const skills = Object.fromEntries(given.queues.filter((/** @type {string} */ name) => said[`skill ${name}`]).map((/** @type {string} */ name) => [name, Number(said[`skill ${name}`])]));
    const rules = { wrap_up: number("wrap_up"), overflow_after: number("overflow_after"), relax: said.relax || undefined, overflow_to: said.overflow_to || undefined };
    const changed = Object.values(rules).some((value) => value !== undefined);
    return {
      day: said.day, operators: Number(said.operators), since: said.since, until: said.until, runs: Number(said.runs), skills,
      handle: number("handle"), rules: changed ? { [String(said.rule_queue)]: rules } : {},
    };
  }

  async #begin() {
    try {
      this.#show(await api.post("/desk/supervisor/staffing/whatif", this.#asked()));
    } catch (error) {
      page.refused(error);
    }
  }

  async #stop() {
    try {
      this.#show(await api.post("/desk/supervisor/staffing/whatif/stop"));
    } catch (error) {
      page.refused(error);
    }
  }

  /** Shows the last one of the company, whoever began it. */
  async look() {
    this.#show(await page.ask("staffing/whatif"));
  }

  /** @param {any} job */
  #show(job) {
    clearTimeout(this.#timer);
    const running = job?.state === "running";
    find("#running").hidden = !running;
    if (!job) return;
    if (running) {
      const { done, of } = job;
      /** @type {HTMLProgressElement} */ (find("#running progress")).value = of ? done / of : 0;
      write(find("#running span"), of ? say("staffing_progress", { done, of }) : say("staffing_running"));
      this.#timer = window.setTimeout(() => this.look(), AGAIN);
    }
    const place = find("#answer");
    place.dataset.state = job.state;
    if (job.state === "done") fill(place, this.#table(job));
    else if (job.state === "refused") fill(place, [h("p", { class: "refusal" }, say("staffing_refused", { why: job.why }))]);
    else if (job.state === "failed") fill(place, [h("p", { class: "refusal" }, say("staffing_failed"))]);
    else fill(place, [job.state === "stopped" && h("p", {}, say("staffing_stopped"))]);
  }

  /** @param {any} job */
  #table({ asked, answer }) {
    const queues = [...new Set(answer.figures.map((/** @type {any} */ each) => each.queue))];
    const figures = answer.figures.filter((/** @type {any} */ each) => !(each.queue && each.name === "busy"));
    const head = ["figure", "log", "replayed", "changed", "difference"];
    return [
      h("p", {}, say("staffing_answer", { day: day(asked.day, say.language), runs: answer.runs })),
      h("table", {},
        h("thead", {}, h("tr", {}, head.map((name) => h("th", { scope: "col" }, say(`staffing_head_${name}`))))),
        queues.map((queue) => h("tbody", {},
          queue && h("tr", {}, h("th", { colspan: 5, scope: "rowgroup" }, queueName(String(queue)))),
          figures.filter((/** @type {any} */ each) => each.queue === queue).map((/** @type {any} */ each) => this.#row(each))))),
      answer.notes.map((/** @type {[string, number]} */ [word, value]) => h("p", { class: "quiet" }, say(`staffing_note_${word}`, { value: Math.abs(value) < 1 ? share(value, 1, true) : whole(value) }))),
    ];
  }

  /** @param {any} figure */
  #row(figure) {
    const value = (/** @type {number | null} */ number, /** @type {boolean} */ sign = false) => {
      if (number === null) return "–";
      if (SHARES.includes(figure.name)) return share(number, 1, sign);
      const text = Math.abs(number) < 10 && figure.name.startsWith("p") ? number.toFixed(1) : whole(number);
      return sign && number > 0 ? `+${text}` : text;
    };
    const pair = (/** @type {[number, number] | null} */ both, sign = false) =>
      both === null ? "–" : [value(both[0], sign), h("small", {}, ` ±${value(both[1])}`)];
    const [mean, half] = figure.difference ?? [0, 0];
    const good = mean * (Reflect.get(BETTER, figure.name) ?? 0);
    const clear = Math.abs(mean) > half && good !== 0;
    return h("tr", { "data-figure": `${figure.queue}.${figure.name}` },
      h("th", { scope: "row" }, say(`staffing_figure_${figure.name}`)),
      h("td", {}, value(figure.true)), h("td", {}, pair(figure.was)), h("td", {}, pair(figure.changed)),
      h("td", { class: clear ? (good > 0 ? "better" : "worse") : "" }, pair(figure.difference, true)));
  }
}

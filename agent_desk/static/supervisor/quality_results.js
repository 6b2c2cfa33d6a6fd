// @ts-check
/** What the scorecards come to: a table and a chart by month. */
import { fill, h } from "../desk/dom.js";
import { Chart } from "./chart.js";
import { find, given, page, say } from "./page.js";
import { criterion } from "./quality_talk.js";

const COLOURS = ["#0b57c8", "#bf231c", "#127338", "#8a4d00", "#6b3fa0", "#00798c", "#a0356b", "#555f00"];

export class Results {
  #first = h("input", { type: "month", id: "results-first", required: true, value: before(given.last.slice(0, 7), 5) });
  #last = h("input", { type: "month", id: "results-last", required: true, value: given.last.slice(0, 7) });
  #csv = h("a", { class: "plain", download: "" }, say("quality_csv"));
  #chart = /** @type {any} */ (null);

  constructor() {
    const form = find("#span");
    fill(form, [
      h("div", {}, h("label", { for: "results-first" }, say("quality_from")), this.#first),
      h("div", {}, h("label", { for: "results-last" }, say("quality_to")), this.#last),
      h("button", { class: "main" }, say("quality_show")),
      this.#csv,
    ]);
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      this.look();
    });
  }

  async look() {
    const asked = `first=${encodeURIComponent(this.#first.value)}&last=${encodeURIComponent(this.#last.value)}`;
    const told = await page.ask(`quality/results?${asked}`);
    if (!told) return;
    this.#csv.href = `/desk/supervisor/quality/results.csv?${asked}`;
    const names = [...new Set(told.rows.flatMap((/** @type {any} */ row) => Object.keys(row.criteria)))];
    const order = given.criteria.map((/** @type {any} */ each) => each.name);
    names.sort((one, two) => order.indexOf(one) - order.indexOf(two));
    const heads = ["month", "operator", "talks", "failed", "total"];
    const figure = (/** @type {any} */ value) => h("td", { class: "figure" }, value);
    fill(find("#table"), [
      told.rows.length
        ? h(
            "div",
            { class: "wide-table" },
            h(
              "table",
              {},
              h("thead", {}, h("tr", {}, heads.map((name) => h("th", {}, say(`quality_${name}`))), names.map((name) => h("th", { class: "figure" }, criterion(name))))),
              h(
                "tbody",
                {},
                told.rows.map((/** @type {any} */ row) =>
                  h(
                    "tr",
                    {},
                    h("td", {}, row.month),
                    h("td", {}, row.operator ? (given.operators[row.operator] ?? row.operator) : h("b", {}, say("quality_all"))),
                    figure(row.talks), figure(row.failed), figure(row.total.toFixed(1)),
                    names.map((name) => figure(name in row.criteria ? `${Math.round(100 * row.criteria[name])} %` : "")),
                  ),
                ),
              ),
            ),
          )
        : h("p", { class: "quiet" }, say("quality_none")),
    ]);
    this.#draw(told.rows);
  }

  /** @param {any[]} rows */
  #draw(rows) {
    const months = [...new Set(rows.map((row) => row.month))];
    const operators = [...new Set(rows.map((row) => row.operator))];
    const datasets = operators.map((operator, at) => ({
      label: operator ? (given.operators[operator] ?? operator) : say("quality_all"),
      data: months.map((month) => rows.find((row) => row.month === month && row.operator === operator)?.total ?? null),
      borderColor: COLOURS[at % COLOURS.length],
      backgroundColor: COLOURS[at % COLOURS.length],
      borderWidth: operator ? 2 : 4,
      spanGaps: true,
    }));
    this.#chart?.destroy();
    const ink = getComputedStyle(document.body).color;
    const axis = { ticks: { color: ink } };
    this.#chart = new Chart(find("#chart"), {
      type: "line",
      data: { labels: months, datasets },
      options: { animation: false, maintainAspectRatio: false, scales: { x: axis, y: { ...axis, min: 0, max: 100 } }, plugins: { legend: { labels: { color: ink } } } },
    });
  }
}

/** @param {string} month "2026-11" @param {number} count months */
function before(month, count) {
  const [year, number] = month.split("-").map(Number);
  const all = year * 12 + number - 1 - count;
  return `${Math.floor(all / 12)}-${String((all % 12) + 1).padStart(2, "0")}`;
}

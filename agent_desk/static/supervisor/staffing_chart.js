// @ts-check
/** Calls as columns, operators as steps, by half hour (Chart.js). */
import { day } from "../desk/format.js";
import { Chart } from "./chart.js";
import { find, say } from "./page.js";

export class PlanChart {
  /** @type {any} */
  #chart = null;
  /** @type {any[]} */
  #slots = [];
  #days = false;

  constructor() {
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this.show(this.#slots, this.#days));
  }

  /** @param {any[]} slots @param {boolean} days more than one of them */
  show(slots, days) {
    [this.#slots, this.#days] = [slots, days];
    this.#chart?.destroy();
    const style = getComputedStyle(document.body);
    const color = (/** @type {string} */ name) => style.getPropertyValue(name).trim();
    const label = (/** @type {any} */ slot) => (days ? `${day(slot.day, say.language).slice(0, 5)} ${slot.clock}` : slot.clock);
    const steps = { type: "line", stepped: "middle", pointRadius: 0, borderWidth: 2, yAxisID: "operators" };
    const bound = { type: "line", pointRadius: 0, borderWidth: 1, borderColor: color("--quiet"), borderDash: [2, 3], yAxisID: "calls" };
    const data = (/** @type {string} */ name) => slots.map((slot) => slot[name]);
    const axis = (/** @type {string} */ text, /** @type {any} */ more) => ({
      beginAtZero: true, title: { display: true, text, color: color("--quiet") }, ticks: { color: color("--quiet"), precision: 0 }, grid: { color: color("--edge") }, ...more,
    });
    this.#chart = new Chart(find("#chart"), {
      data: {
        labels: slots.map(label),
        datasets: [
          { ...steps, label: say("staffing_col_operators"), data: data("operators"), borderColor: color("--blue"), backgroundColor: color("--blue") },
          { ...steps, label: say("staffing_col_paid"), data: data("paid"), borderColor: color("--green"), backgroundColor: color("--green"), borderDash: [6, 4] },
          { ...bound, label: say("staffing_least_line"), data: data("least") },
          { ...bound, label: say("staffing_most_line"), data: data("most") },
          { type: "bar", label: say("staffing_col_calls"), data: data("calls"), backgroundColor: color("--lamp-off"), yAxisID: "calls" },
        ],
      },
      options: {
        animation: false, maintainAspectRatio: false, interaction: { mode: "index", intersect: false },
        plugins: { legend: { labels: { color: color("--ink"), boxWidth: 22 } } },
        scales: {
          x: { ticks: { color: color("--quiet"), maxTicksLimit: 25 }, grid: { display: false } },
          calls: axis(say("staffing_col_calls"), { position: "left" }),
          operators: axis(say("staffing_col_operators"), { position: "right", grid: { display: false } }),
        },
      },
    });
  }
}

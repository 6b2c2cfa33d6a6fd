// @ts-check
/** The charts of the wallboard, by Chart.js; they are drawn anew only when their figures change. */
import { write } from "../desk/dom.js";
import { Chart } from "./chart.js";
import { find, given, say } from "./page.js";

const MINUTE = 60;

export class Charts {
  #shown = "";
  #waited = "";

  /** @param {HTMLElement} board @param {import("./wallboard_clock.js").Clock} clock */
  constructor(board, clock) {
    this.board = board;
    this.clock = clock;
    this.history = new Chart(find("#history canvas"), { data: { labels: [], datasets: this.#historySets() }, options: this.#options(true) });
    this.waits = new Chart(find("#waits canvas"), { data: { labels: [], datasets: this.#waitSets() }, options: this.#options(false) });
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this.#restyle());
    addEventListener("resize", () => this.#restyle());
  }

  /** @param {any} figures */
  show({ history, waits, all }) {
    const key = JSON.stringify(history);
    if (key !== this.#shown) {
      this.#shown = key;
      const { data } = this.history;
      data.labels = this.clock.halves(history.map((/** @type {any} */ each) => each.since));
      data.datasets[0].data = history.map((/** @type {any} */ each) => each.level && each.level * 100);
      data.datasets[1].data = history.map(() => given.limits.target * 100);
      data.datasets[2].data = history.map((/** @type {any} */ each) => each.offered);
      data.datasets[3].data = history.map((/** @type {any} */ each) => each.lost);
      this.history.update("none");
    }
    const waited = JSON.stringify([waits, all.waiting]);
    if (waited !== this.#waited) {
      this.#waited = waited;
      const { counts, minute } = waits;
      const { data } = this.waits;
      data.labels = counts.map((/** @type {number} */ _, /** @type {number} */ at) => this.clock.minute(minute - MINUTE * (counts.length - 1 - at)));
      data.labels.push(say("wallboard_chart_now"));
      data.datasets[0].data = [...counts, all.waiting];
      this.waits.update("none");
      write(find("#waits-told"), say("wallboard_told_waits", { now: all.waiting, most: Math.max(...counts, all.waiting) }));
    }
  }

  #restyle() {
    const anew = [
      [this.history, this.#historySets(), this.#options(true)],
      [this.waits, this.#waitSets(), this.#options(false)],
    ];
    for (const [chart, sets, options] of anew) {
      sets.forEach((/** @type {any} */ set, /** @type {number} */ at) => Object.assign(chart.data.datasets[at], set));
      chart.options = options;
      chart.update("none");
    }
  }

  /** @param {string} name of a custom property of desk.css */
  #colour(name) {
    return getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();
  }

  /** Of one size with the words around it. */
  #font() {
    return parseFloat(getComputedStyle(find("#history h2")).fontSize) * 0.8;
  }

  #historySets() {
    const [blue, red, quiet, green] = ["blue", "red", "lamp-off", "green"].map((name) => this.#colour(name));
    const line = { type: "line", yAxisID: "share", pointRadius: 3, borderWidth: 3, tension: 0, spanGaps: false, clip: false, pointStyle: "circle" };
    return [
      { ...line, label: say("wallboard_chart_level"), borderColor: blue, backgroundColor: blue },
      { ...line, label: say("wallboard_chart_target"), borderColor: green, backgroundColor: green, borderDash: [6, 6], pointRadius: 0, borderWidth: 2, pointStyle: "line" },
      { type: "bar", label: say("wallboard_chart_offered"), yAxisID: "count", backgroundColor: quiet, pointStyle: "rect", grouped: false, order: 3 },
      { type: "bar", label: say("wallboard_chart_lost"), yAxisID: "count", backgroundColor: red, pointStyle: "rect", grouped: false, order: 2, barPercentage: 0.5 },
    ];
  }

  #waitSets() {
    const blue = this.#colour("blue");
    const area = { fill: true, backgroundColor: `${blue}40`, borderColor: blue, borderWidth: 3, pointRadius: 0, stepped: false };
    return [{ type: "line", label: say("wallboard_chart_waiting"), yAxisID: "count", ...area }];
  }

  /** @param {boolean} shares whether there is an axis of shares on the right */
  #options(shares) {
    const [ink, edge] = [this.#colour("ink"), this.#colour("edge")];
    const font = { size: this.#font() };
    const ticks = { color: ink, font };
    return {
      animation: false,
      responsive: true,
      maintainAspectRatio: false,
      interaction: { mode: "index", intersect: false },
      plugins: {
        legend: { display: shares, position: "top", align: "end", labels: { color: ink, font, usePointStyle: true, boxHeight: font.size * 0.7, padding: font.size } },
        tooltip: { bodyFont: font, titleFont: font },
      },
      scales: {
        x: { ticks: { ...ticks, maxRotation: 0, autoSkipPadding: font.size * 2 }, grid: { display: false } },
        count: { beginAtZero: true, suggestedMax: 4, ticks: { ...ticks, precision: 0, maxTicksLimit: 5 }, grid: { color: edge } },
        ...(shares
          ? { share: { position: "right", min: 0, max: 100, ticks: { ...ticks, stepSize: 25, callback: (/** @type {number} */ v) => `${v} %` }, grid: { display: false } } }
          : {}),
      },
    };
  }
}

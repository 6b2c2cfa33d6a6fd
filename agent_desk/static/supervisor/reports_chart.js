// @ts-check
/** One table as a chart. */
import { Chart } from "./chart.js";
import { say } from "./page.js";

/** One a series; more than any report has reasons. */
const COLOURS = [
  "#2f74c8", "#d9822b", "#4c9a5b", "#c2566d", "#8a68b8", "#75828f", "#b99a1d", "#3aa3a8", "#99684f", "#8fbce6", "#e0a07a", "#93c998",
  "#d98fc4", "#5a5fd0", "#a8b820", "#e05f4a", "#c9b8e6", "#4f7f7a",
];
/** More points than these are a line, whatever the table says. */
const BARS = 80;
/** So many labels are all written. */
const NAMES = 20;

/** How many of a unit a figure is. @type {Record<string, number>} */
const SCALES = { share: 100, hours: 1 / 3600 };
/** @type {Record<string, string>} */
const UNITS = { share: " %", hours: " h", seconds: " s" };

/**
 * @param {HTMLElement | null} place a canvas
 * @param {{ kind: string, unit: string, labels: string[], series: { name: string, values: (number | null)[] }[], aim: number | null }} plot
 * @returns {{ destroy(): void }}
 */
export function drawing(place, plot) {
  const style = getComputedStyle(document.body);
  const [ink, edge] = ["--quiet", "--edge"].map((name) => style.getPropertyValue(name).trim());
  const scale = SCALES[plot.unit] ?? 1;
  const unit = UNITS[plot.unit] ?? "";
  const line = plot.kind === "line" || plot.labels.length > BARS;
  const sets = plot.series.map(({ name, values }, index) => ({
    label: name,
    data: values.map((value) => (value === null ? null : value * scale)),
    backgroundColor: COLOURS[index % COLOURS.length],
    borderColor: COLOURS[index % COLOURS.length],
    borderWidth: line ? 2 : 0,
    pointRadius: plot.labels.length > BARS ? 0 : 3,
    spanGaps: false,
  }));
  if (plot.aim !== null) sets.push(aim(plot.aim * scale, plot.labels.length, ink));
  const write = (/** @type {number} */ value) => `${value.toLocaleString(say.language, { maximumFractionDigits: 1 })}${unit}`;
  return new Chart(place, {
    type: line ? "line" : "bar",
    data: { labels: plot.labels, datasets: sets },
    options: {
      animation: false,
      responsive: true,
      maintainAspectRatio: false,
      interaction: { mode: "index", intersect: false },
      plugins: {
        legend: { labels: { color: ink, boxWidth: 14 }, position: "bottom" },
        tooltip: { callbacks: { label: (/** @type {any} */ item) => `${item.dataset.label}: ${write(item.raw ?? 0)}` } },
      },
      scales: {
        x: { stacked: plot.kind === "stack", ticks: { color: ink, maxRotation: 40, autoSkipPadding: 12, autoSkip: plot.labels.length > NAMES }, grid: { display: false } },
        y: { stacked: plot.kind === "stack", beginAtZero: true, ticks: { color: ink, callback: write, precision: plot.unit === "count" ? 0 : undefined }, grid: { color: edge } },
      },
    },
  });
}

/** @param {number} value @param {number} count @param {string} ink @returns {any} */
function aim(value, count, ink) {
  return {
    type: "line",
    label: say("reports_aim"),
    data: Array(count).fill(value),
    borderColor: ink,
    backgroundColor: ink,
    borderDash: [6, 4],
    borderWidth: 1,
    pointRadius: 0,
  };
}

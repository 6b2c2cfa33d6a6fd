// @ts-check
/** The page staffing: forecast and operators by half hour; what if. */
import { fill, h, write } from "../desk/dom.js";
import { day as dayText } from "../desk/format.js";
import { api, find, given, page, say } from "./page.js";
import { PlanChart } from "./staffing_chart.js";
import { WhatIf } from "./staffing_whatif.js";
import { field, form, queueName, share, whole } from "./staffing_words.js";

const SHARES = ["level", "lost", "shrinkage"];
const chart = new PlanChart();
/** What was last shown. @type {any} */
let shown = null;

// ---------------------------------------------------------------------- wishes

/** @param {string} name @param {string} unit */
function wish(name, unit) {
  const [low, high] = given.bounds[name];
  const times = SHARES.includes(name) ? 100 : 1;
  const input = h("input", {
    type: "number", name, min: low * times, max: high * times, step: name === "least" ? 1 : "any",
    placeholder: name in given.promised ? String(whole(given.promised[name] * times)) : say("staffing_measured"),
  });
  return field(say(`staffing_${name}`) + (unit ? `, ${unit}` : ""), input);
}

const second = say("staffing_seconds");
const wishes = form("#wishes", [
  field(say("staffing_day"), h("input", { type: "date", name: "day", required: true, value: given.tomorrow, max: given.furthest })),
  field(say("staffing_count"), h("select", { name: "count" }, h("option", { value: 1 }, say("staffing_one_day")), h("option", { value: 7 }, say("staffing_week")))),
  field(say("staffing_queue"), h("select", { name: "queue" }, h("option", { value: "" }, say("staffing_all")), given.queues.map((/** @type {string} */ name) => h("option", { value: name }, queueName(name))))),
  field(say("staffing_kind"), h("select", { name: "kind" }, h("option", { value: "" }, say("staffing_by_calendar")), given.kinds.map((/** @type {string} */ kind) => h("option", { value: kind }, say(`staffing_kind_${kind}`))))),
  field(say("staffing_days"), h("input", { type: "number", name: "days", min: 1, max: given.most_days, placeholder: given.promised.days })),
  wish("handle", second), wish("patience", second), wish("within", second), wish("level", "%"), wish("lost", "%"), wish("shrinkage", "%"), wish("least", ""),
  h("button", { class: "main" }, say("staffing_calculate")),
]);

/** @returns {Record<string, any>} */
function wished() {
  /** @type {Record<string, any>} */
  const body = {};
  for (const [name, value] of new FormData(wishes)) {
    if (value === "") continue;
    const text = ["day", "queue", "kind"].includes(name);
    body[name] = text ? value : Number(value) / (SHARES.includes(name) ? 100 : 1);
  }
  return body;
}

// ---------------------------------------------------------------------- the plan

async function plan() {
  try {
    shown = await api.post("/desk/supervisor/staffing/plan", wished());
  } catch (error) {
    page.refused(error);
    return;
  }
  fill(find("#stands"), [...shown.days.flatMap(stands), inputs()]);
  draw();
  if (/** @type {HTMLDetailsElement} */ (find("#scores")).open) await scores();
}

/** On what a forecast stands. @param {any} day */
function stands(day) {
  const { trend } = day;
  const percent = trend.kind === "year" ? trend.yearly - 1 : trend.weekly - 1;
  const lines = [
    h("li", {}, h("strong", {}, dayText(day.day, say.language)), " – ", say(`staffing_kind_${day.kind}`), ", ",
      say("staffing_stands", { calls: whole(day.calls), found: day.used.length, wanted: day.wanted }), " ",
      day.used.map((/** @type {any} */ each) => dayText(each.day, say.language)).join(", "), ". ",
      say(`staffing_trend_${trend.kind}`, { percent: share(percent, 2, true), points: trend.points })),
  ];
  if (day.borrowed) lines.push(h("li", { class: "warn" }, say("staffing_borrowed", { kind: say(`staffing_kind_${day.borrowed}`) })));
  else if (day.few) lines.push(h("li", { class: "warn" }, say("staffing_few", { found: day.used.length })));
  if (day.dead) lines.push(h("li", { class: "warn" }, say("staffing_dead", { count: day.dead })));
  return lines;
}

/** What the formulas were given. */
function inputs() {
  const { handling, patience, inputs: used } = shown;
  const talks = handling.talks
    ? say("staffing_handling_measured", { talk: whole(handling.talk), wrap: whole(handling.wrap), talks: handling.talks })
    : say("staffing_handling_unknown", { seconds: whole(handling.seconds) });
  const waits = patience.measured
    ? say("staffing_patience_measured", { seconds: whole(patience.mean), lost: patience.lost, callers: patience.callers })
    : say("staffing_patience_unknown", { seconds: whole(patience.mean), lost: patience.lost });
  const { target } = used;
  const said = say("staffing_used", {
    handle: whole(used.handle), patience: whole(used.patience), level: share(target.level), within: target.within,
    lost: share(target.lost), shrinkage: share(used.shrinkage), least: used.least,
  });
  return h("li", {}, `${talks} ${waits} ${said}`);
}

function draw() {
  const slots = shown.days.flatMap((/** @type {any} */ day) => day.slots);
  const hours = (/** @type {string} */ name) => slots.reduce((/** @type {number} */ sum, /** @type {any} */ slot) => sum + slot[name], 0) * (given.slot / 3600);
  const most = Math.max(0, ...slots.map((/** @type {any} */ slot) => slot.operators));
  const calls = slots.reduce((/** @type {number} */ sum, /** @type {any} */ slot) => sum + slot.calls, 0);
  const tiles = { calls: whole(calls), most, hours: whole(hours("operators")), paid: whole(hours("paid")) };
  fill(find("#sums"), Object.entries(tiles).map(([name, value]) => h("div", {}, h("dt", {}, say(`staffing_sum_${name}`)), h("dd", { "data-sum": name }, value))));
  chart.show(slots, shown.days.length > 1);
  const head = ["clock", "calls", "least_most", "erlang_c", "erlang_a", "operators", "paid", "expected_level", "expected_lost", "busy"];
  const rows = slots.map((/** @type {any} */ slot) =>
    h("tr", {},
      h("th", { scope: "row" }, shown.days.length > 1 ? `${dayText(slot.day, say.language)} ${slot.clock}` : slot.clock),
      [slot.calls.toFixed(1), `${slot.least.toFixed(0)}–${slot.most.toFixed(0)}`, slot.erlang_c, slot.erlang_a, slot.operators, slot.paid, share(slot.level), share(slot.lost), share(slot.busy)].map((cell) => h("td", {}, cell))));
  fill(find("#slots > div"), [h("table", {}, h("thead", {}, h("tr", {}, head.map((name) => h("th", { scope: "col" }, say(`staffing_col_${name}`))))), h("tbody", {}, rows))]);
}

// ---------------------------------------------------------------------- how good it was

async function scores() {
  const place = find("#scores > div");
  const { queue } = wished();
  try {
    const { scores: found } = await api.post("/desk/supervisor/staffing/backtest", queue ? { queue } : {});
    const head = ["kind", "tried", "half_hours", "chance", "whole_days", "bias", "last_week"];
    const rows = found.map((/** @type {any} */ each) =>
      h("tr", {},
        h("th", { scope: "row" }, each.kind === "all" ? say("staffing_every_day") : say(`staffing_kind_${each.kind}`)),
        [each.days, share(each.half_hours), share(each.chance), share(each.whole_days), share(each.bias, 1, true), share(each.last_week)].map((cell) => h("td", {}, cell))));
    fill(place, [h("table", {}, h("thead", {}, h("tr", {}, head.map((name) => h("th", { scope: "col" }, say(`staffing_score_${name}`))))), h("tbody", {}, rows))]);
  } catch (error) {
    page.refused(error);
  }
}

wishes.addEventListener("submit", (event) => {
  event.preventDefault();
  write(find("#said"), "");
  plan();
});
find("#scores").addEventListener("toggle", (event) => {
  if (/** @type {HTMLDetailsElement} */ (event.target).open) scores();
});

const whatif = new WhatIf();
await Promise.all([plan(), whatif.look()]);
page.ready();

// @ts-check
/** The page alerts: what was wrong, the bounds, calls to ourselves, a test of the webhook. */
import { fill, h, write } from "../desk/dom.js";
import { dayTime, span } from "../desk/format.js";
import { figure, named, sound } from "./alarms.js";
import { find, given, page, say } from "./page.js";

/** Milliseconds between two looks whether the test arrived, and how many. */
const LOOK = 1000;
const LOOKS = 40;
/** Milliseconds between two looks at the calls. */
const CALLS = 15000;
/** Calls that went well shown at most. */
const SHOWN = 10;
const input = (/** @type {string} */ id) => /** @type {HTMLInputElement} */ (find(`#${id}`));
let number = 0;

/** @param {string[]} heads @param {any[]} lines */
const table = (heads, lines) => h("table", {}, h("thead", {}, h("tr", {}, heads.map((text) => h("th", {}, text)))), h("tbody", {}, lines));
const cells = (/** @type {any[]} */ values) => values.map((value) => h("td", {}, value));

async function search() {
  const asked = new URLSearchParams({ page: String(number) });
  for (const name of ["first", "last", "kind", "level"]) asked.set(name, input(name).value);
  const told = await page.ask(`alerts/history?${asked}`);
  if (!told) return;
  const begin = number * given.rows;
  /** @type {any} */ (find("#newer")).disabled = number === 0;
  /** @type {any} */ (find("#older")).disabled = begin + told.rows.length >= told.total;
  write(find("#range"), told.total ? say("alerts_range", { from: begin + 1, to: begin + told.rows.length, total: told.total }) : "");
  const lines = told.rows.map((/** @type {import("./alarms.js").Alert} */ row) =>
    h(
      "tr",
      {},
      cells([
        dayTime(row.since, say.language),
        row.ended ? span(row.ended - row.since) : say("alerts_lasts"),
        say(`alert_level_${row.level}`),
        named(row, say),
        figure(row.kind, row.worst ?? row.value),
        figure(row.kind, row.bound),
        row.taken_by ? `${row.taken_by}, ${dayTime(row.taken_at, say.language)}` : "",
        row.storm === "on" ? say("alert_storm") : "",
      ]),
    ),
  );
  const heads = [say("alerts_since"), say("alerts_lasted"), say("alerts_level"), say("alerts_kind"), say("alerts_worst"), say("alerts_bound"), say("alerts_taken"), say("alerts_note")];
  fill(find("#rows"), [lines.length ? table(heads, lines) : h("p", { class: "quiet" }, say("alerts_never"))]);
}

function bounds() {
  write(find("#times"), say("alerts_times", { hold: given.hold, clear: given.clear, calls: given.calls }));
  const lines = given.kinds.map((/** @type {string} */ kind) =>
    h("tr", {}, cells([say(`alert_kind_${kind}`), figure(kind, given.bounds[kind]), given.quiet.includes(kind) ? say("alerts_quiet") : ""])),
  );
  fill(find("#bounds"), [table([say("alerts_kind"), say("alerts_bound"), say("alerts_note")], lines)]);
}

async function calls() {
  const told = await page.ask("alerts/calls");
  if (!told) return;
  write(find("#failed"), say("alerts_failed", { hours: given.hours, count: told.rows.length, failed: told.failed }));
  const some = told.rows.filter((/** @type {any} */ row, /** @type {number} */ index) => !row.ok || index < SHOWN);
  const lines = some.map((/** @type {any} */ row) =>
    h("tr", { class: row.ok ? null : "bad-call" }, cells([dayTime(row.at, say.language), say(row.ok ? "alerts_call_well" : "alerts_call_failed"), say(`alerts_stage_${row.stage}`), row.seconds === null ? "" : span(row.seconds)])),
  );
  const heads = [say("alerts_since"), say("alerts_result"), say("alerts_stage"), say("alerts_lasted")];
  fill(find("#calls"), [lines.length ? table(heads, lines) : h("p", { class: "quiet" }, say("alerts_no_calls"))]);
}

async function test() {
  const button = /** @type {any} */ (find("#test"));
  button.disabled = true;
  const made = await page.send("alerts/test");
  for (let looks = 0; made && looks < LOOKS; looks += 1) {
    const told = await page.ask(`alerts/test/${made.id}`);
    if (!told) break;
    write(find("#tested"), told.state === "done" ? say("alerts_arrived") : told.error ? say("alerts_refused", { error: told.error }) : say("alerts_on_its_way"));
    if (told.state !== "due" || told.error) break;
    await new Promise((next) => setTimeout(next, LOOK));
  }
  button.disabled = false;
}

find("#search").addEventListener("submit", (event) => {
  event.preventDefault();
  number = 0;
  search();
});
find("#newer").addEventListener("click", () => ((number -= 1), search()));
find("#older").addEventListener("click", () => ((number += 1), search()));
input("sound").checked = sound.on();
input("sound").addEventListener("change", () => sound.set(input("sound").checked));
if (given.webhook) find("#test").addEventListener("click", test);
let known = "";
document.addEventListener("alarms", (event) => {
  const alerts = /** @type {CustomEvent} */ (event).detail;
  find("#none").hidden = alerts.length > 0;
  fill(find("#now"), alerts.map((/** @type {import("./alarms.js").Alert} */ each) =>
    h("li", { class: each.level }, `${say(`alert_level_${each.level}`)}: ${named(each, say)} ${figure(each.kind, each.now)}, ${say("alert_since", { at: dayTime(each.since, say.language) })}`)));
  const fresh = JSON.stringify(alerts.map((/** @type {any} */ each) => [each.id, each.taken_by, each.level]));
  if (known !== fresh && number === 0) search();
  known = fresh;
});
bounds();
calls();
setInterval(calls, CALLS);
page.ready();

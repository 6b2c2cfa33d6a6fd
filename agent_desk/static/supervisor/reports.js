// @ts-check
/** The page reports: the question, what the server counted, and files of it. */
import { Refusal, Unreachable } from "../desk/api.js";
import { fill, h } from "../desk/dom.js";
import { find, given, page, say } from "./page.js";
import { drawing } from "./reports_chart.js";
import { presets } from "./reports_days.js";

/** Milliseconds after which an answer is not waited for any more. */
const PATIENCE = 150_000;
const FILES = ["xlsx", "csv", "html"];

const input = (/** @type {string} */ id) => /** @type {HTMLInputElement} */ (document.getElementById(id));
const known = new Map(given.reports.map((/** @type {any} */ each) => [each.name, each]));
/** Charts that are shown. @type {{ destroy(): void }[]} */
let charts = [];
/** Shows the last answer again. */
let shown = () => {};
/** Counts the questions: only the answer to the last one is shown. */
let asked = 0;

// ---------------------------------------------------------------------- the question

function question() {
  const by = [input("by").value, input("and").value].filter(Boolean);
  return new URLSearchParams({
    name: input("name").value,
    from: input("from").value,
    to: input("to").value,
    ...(by.length && { by: by.join(",") }),
    ...(input("calm").checked && { storms: "no" }),
  });
}

function choices(/** @type {string[]} */ words, /** @type {string} */ chosen) {
  return words.map((word) =>
    h("option", { value: word, selected: word === chosen }, word ? say(`reports_by_${word.replaceAll("-", "_")}`) : say("reports_usual")),
  );
}

/** Offers the rows that the chosen report can have. @param {string[]} chosen */
function offer(chosen = []) {
  const { by } = known.get(input("name").value);
  const words = ["", ...by];
  fill(input("by"), choices(words, chosen[0] ?? ""));
  fill(input("and"), [h("option", { value: "" }, "–"), ...choices(by, chosen[1] ?? "")]);
  input("by").disabled = input("and").disabled = !by.length;
}

function mark() {
  for (const button of find("#presets").querySelectorAll("button")) {
    const [first, last] = /** @type {string} */ (button.dataset.days).split(" ");
    button.setAttribute("aria-pressed", String(first === input("from").value && last === input("to").value));
  }
}

function choose(/** @type {[string, string]} */ [first, last]) {
  input("from").value = first;
  input("to").value = last;
  mark();
}

// ---------------------------------------------------------------------- the answer

async function ask() {
  const number = ++asked;
  const wish = question();
  history.replaceState(null, "", `?${wish}`);
  const place = find("#answer");
  place.setAttribute("aria-busy", "true");
  const began = performance.now();
  const told = setInterval(() => {
    input("count").textContent = say("reports_counting", { seconds: Math.round((performance.now() - began) / 1000) });
  }, 1000);
  try {
    const answer = await get(`answer?${wish}&fresh=yes`);
    if (number === asked) (shown = () => show(answer, wish))();
  } catch (error) {
    if (number === asked) page.refused(error);
  } finally {
    clearInterval(told);
    if (number === asked) {
      input("count").textContent = say("reports_count");
      place.setAttribute("aria-busy", "false");
    }
  }
}

/** Asks with more patience than the desk has. @param {string} path @returns {Promise<any>} */
async function get(path) {
  let response, told;
  try {
    response = await fetch(path, { headers: { Accept: "application/json" }, signal: AbortSignal.timeout(PATIENCE) });
    told = await response.json();
  } catch {
    throw new Unreachable();
  }
  if (!response.ok) throw new Refusal(response.status, told.error ?? "", told.text ?? "");
  find("#lost").hidden = true;
  return told;
}

/** @param {any} answer @param {URLSearchParams} wish */
function show(answer, wish) {
  charts.forEach((chart) => chart.destroy());
  const lines = answer.empty ? answer.lines.slice(0, -1) : answer.lines;
  fill(find("#answer"), [
    h(
      "div",
      { class: "card told" },
      h("h2", {}, answer.title),
      lines.map((/** @type {string} */ line) => h("span", { class: "quiet" }, line)),
      h("span", { class: "quiet" }, say("reports_made", { at: answer.made })),
      h("span", { class: "take" }, say("reports_take"), FILES.map((format) => link(wish, format))),
    ),
    answer.empty && h("p", { class: "nothing" }, answer.lines.at(-1)),
    ...answer.tables.map((/** @type {any} */ table) => sheet(table, wish)),
  ]);
  charts = answer.tables
    .filter((/** @type {any} */ table) => table.plot && !answer.empty)
    .map((/** @type {any} */ table) => drawing(document.getElementById(`drawing-${table.name}`), table.plot));
  for (const table of answer.tables) {
    if (!table.plot || answer.empty) document.getElementById(`drawing-${table.name}`)?.parentElement?.remove();
  }
}

/** @param {URLSearchParams} wish @param {string} format @param {string} [table] */
function link(wish, format, table = "") {
  const whole = new URLSearchParams([...wish, ["format", format], ["table", table], ["language", say.language]]);
  return h("a", { href: `file?${whole}`, download: "" }, format === "html" ? say("reports_print") : format.toUpperCase());
}

/** @param {any} table @param {URLSearchParams} wish */
function sheet(table, wish) {
  const label = `title-${table.name}`;
  return h(
    "section",
    { class: "card sheet", "aria-labelledby": label, id: `table-${table.name}` },
    h("h3", { id: label }, table.title, link(wish, "csv", table.name)),
    h("div", { class: "drawing" }, h("canvas", { id: `drawing-${table.name}`, role: "img", "aria-label": table.title })),
    table.rows.length
      ? h(
          "div",
          { class: "grid", tabindex: 0, role: "region", "aria-label": table.title },
          h(
            "table",
            {},
            h("thead", {}, h("tr", {}, table.columns.map((/** @type {any} */ each) => h("th", { scope: "col", class: `kind-${each.kind}` }, each.heading)))),
            h("tbody", {}, table.rows.map((/** @type {string[]} */ row, /** @type {number} */ place) => line(table, row, place))),
          ),
        )
      : h("p", { class: "quiet" }, say("reports_no_rows")),
    table.more > 0 && h("p", { class: "quiet" }, say("reports_more", { count: table.more })),
    table.notes.length > 0 &&
      h("div", {}, h("b", {}, say("reports_formulas")), h("ul", {}, table.notes.map((/** @type {string} */ note) => h("li", {}, note)))),
  );
}

/** @param {any} table @param {string[]} row @param {number} place */
function line(table, row, place) {
  const total = table.total && place === table.rows.length - 1;
  return h(
    "tr",
    { class: total ? "total" : undefined },
    row.map((cell, column) => h("td", { class: `kind-${table.columns[column].kind}` }, cell)),
  );
}

// ---------------------------------------------------------------------- the beginning

function begin() {
  const wish = new URLSearchParams(location.search);
  const name = wish.get("name") ?? "";
  fill(
    input("name"),
    given.reports.map((/** @type {any} */ each) => h("option", { value: each.name, selected: each.name === name }, each.title)),
  );
  offer((wish.get("by") ?? "").split(","));
  input("calm").checked = wish.get("storms") === "no";
  const days = presets(given.today);
  fill(
    find("#presets"),
    days.map(({ key, range }) =>
      h("button", { type: "button", class: "small", "data-days": range.join(" "), on: { click: () => (choose(range), ask()) } }, say(key)),
    ),
  );
  choose([wish.get("from") ?? given.today, wish.get("to") ?? given.today]);
  input("name").addEventListener("change", () => (offer(), ask()));
  for (const id of ["by", "and", "calm"]) input(id).addEventListener("change", ask);
  for (const id of ["from", "to"]) input(id).addEventListener("change", mark);
  find("#ask").addEventListener("submit", (event) => {
    event.preventDefault();
    ask();
  });
  // Charts have colours of their own.
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => shown());
  ask();
}

begin();
page.ready();

// @ts-check
/** The page quality: finds recordings, plays them, rates them, shows what the cards come to. */
import { fill, h, write } from "../desk/dom.js";
import { dayTime, span, telephone } from "../desk/format.js";
import { find, given, page, say } from "./page.js";
import { Results } from "./quality_results.js";
import { Talk } from "./quality_talk.js";

const VIEWS = ["find", "sample", "results"];
const talk = new Talk(find("#talk"), () => search());
const results = new Results();
const state = { page: 0, total: 0 };

// ---------------------------------------------------------------------- fields

/** @param {string} id @param {string} label @param {any} input */
function field(id, label, input) {
  input.id = id;
  return h("div", {}, h("label", { for: id }, label), input);
}

/** @param {string[]} values @param {(value: string) => string} name */
function choice(values, name) {
  return h("select", {}, h("option", { value: "" }, say("quality_any")), values.map((value) => h("option", { value }, name(value))));
}

/** @param {string} id @param {string} label */
const yesNo = (id, label) => field(id, label, choice(["yes", "no"], (word) => (word === "yes" ? say("quality_yes") : say("quality_no"))));

const FIELDS = {
  first: field("first", say("quality_from"), h("input", { type: "date", value: given.first, required: true })),
  last: field("last", say("quality_to"), h("input", { type: "date", value: given.last, required: true })),
  kind: field("kind", say("quality_kind"), choice(["talk", "message"], (kind) => (kind === "talk" ? say("quality_talk") : say("quality_message")))),
  operator: field("operator", say("quality_operator"), choice(Object.keys(given.operators), (login) => given.operators[login])),
  queue: field("queue", say("quality_queue"), choice(given.queues, (name) => say.of("queue", name))),
  who: field("who", say("quality_who"), h("input", { type: "search", maxlength: 40, inputmode: "tel" })),
  code: field("code", say("quality_code"), choice(given.codes, (code) => say.of("code", code))),
  least: field("least", say("quality_least"), h("input", { type: "number", min: 0, max: 86400 })),
  most: field("most", say("quality_most"), h("input", { type: "number", min: 0, max: 86400 })),
  rated: yesNo("rated", say("quality_rated")),
  marked: yesNo("marked", say("quality_marked")),
  consent: field("consent", say("quality_consent"), choice(["recorded", "refused", "without"], (word) => say(`quality_consent_${word}`))),
};

// ---------------------------------------------------------------------- the index

async function search() {
  const asked = new URLSearchParams({ page: String(state.page) });
  for (const name of Object.keys(FIELDS)) {
    const value = /** @type {HTMLInputElement} */ (find(`#${name}`)).value.trim();
    if (value) asked.set(name, value);
  }
  const found = await page.ask(`quality/talks?${asked}`);
  if (!found) return;
  state.total = found.total;
  const begin = state.page * given.rows;
  find("#paging").hidden = found.total <= given.rows;
  write(find("#range"), say("quality_found", { from: begin + 1, to: begin + found.rows.length, total: found.total }));
  /** @type {HTMLButtonElement} */ (find("#newer")).disabled = state.page === 0;
  /** @type {HTMLButtonElement} */ (find("#older")).disabled = begin + found.rows.length >= found.total;
  const heads = ["when", "operator", "queue", "number", "account", "code", "length", "consent", "marks", "cards"];
  fill(find("#rows"), [
    found.rows.length
      ? h("div", { class: "wide-table" }, h("table", {}, h("thead", {}, h("tr", {}, h("td"), heads.map((name) => h("th", {}, say(`quality_${name}`))))), h("tbody", {}, found.rows.map(row))))
      : h("p", { class: "quiet" }, say("quality_none")),
  ]);
}

/** @param {any} each */
function row(each) {
  const open = () => (each.kind === "talk" ? show(each.id, line) : talk.message(each));
  const who = telephone(each.number) || say("quality_hidden");
  const button = each.consent === "recorded" || each.kind === "talk";
  const line = h(
    "tr",
    { "data-talk": each.kind === "talk" ? each.id : null },
    h("td", {}, button && h("button", { type: "button", class: "small", "aria-label": `${say("quality_open")}: ${who}, ${dayTime(each.at, say.language)}`, on: { click: open } }, say("quality_open"))),
    h("td", {}, dayTime(each.at, say.language)),
    h("td", {}, each.kind === "message" ? say("quality_message") : (given.operators[each.operator] ?? each.operator)),
    h("td", {}, say.of("queue", each.queue)),
    h("td", { class: "number" }, who),
    h("td", {}, each.account ?? ""),
    h("td", {}, each.code ? say.of("code", each.code) : ""),
    h("td", { class: "figure" }, each.seconds === null ? "" : span(each.seconds)),
    h("td", {}, say(`quality_consent_${each.consent}`)),
    h("td", { class: "figure" }, each.marks || ""),
    h("td", { class: "figure" }, each.cards || ""),
  );
  return line;
}

/** @param {number} id @param {HTMLElement} line */
async function show(id, line) {
  document.querySelectorAll("tr.chosen").forEach((each) => each.classList.remove("chosen"));
  line.classList.add("chosen");
  await talk.open(id);
}

// ---------------------------------------------------------------------- what is to be rated

const month = h("input", { type: "month", value: given.last.slice(0, 7), required: true });

async function listed() {
  fill(find("#drawn"), []);
  const told = await page.ask(`quality/sample?month=${encodeURIComponent(month.value)}`);
  if (told) list(told.rows);
}

async function draw() {
  const told = await page.send("quality/sample", { month: month.value });
  if (!told) return;
  const short = Object.entries(told.short).map(([operator, count]) => say("quality_short", { operator: given.operators[operator] ?? operator, count }));
  const silent = told.silent ? say("quality_silent", { count: told.silent }) : "";
  fill(find("#drawn"), [say("quality_drawn", { count: told.drawn }), ...short, silent].filter(Boolean).map((text) => h("p", {}, text)));
  list(told.rows);
}

/** @param {any[]} rows */
function list(rows) {
  const done = rows.filter((each) => each.cards).length;
  const lines = rows.map((each) => {
    const line = h(
      "tr",
      { "data-talk": each.talk },
      h("td", {}, h("button", { type: "button", class: "small", "aria-label": `${say("quality_open")}: ${each.operator}, ${dayTime(each.at, say.language)}`, on: { click: () => show(each.talk, line) } }, say("quality_open"))),
      h("td", {}, given.operators[each.operator] ?? each.operator),
      h("td", {}, dayTime(each.at, say.language)),
      h("td", {}, say(`quality_why_${each.why}`)),
      h("td", {}, each.code ? say.of("code", each.code) : ""),
      h("td", { class: "figure" }, span(each.seconds)),
      h("td", { class: "figure" }, each.cards || ""),
    );
    return line;
  });
  const heads = ["operator", "when", "why", "code", "length", "cards"];
  fill(find("#listed"), [
    h("p", {}, h("strong", {}, say("quality_progress", { done, all: rows.length })), " ", rows.length ? h("progress", { max: rows.length, value: done, "aria-label": say("quality_rated") }) : null),
    rows.length
      ? h("div", { class: "wide-table" }, h("table", {}, h("thead", {}, h("tr", {}, h("td"), heads.map((name) => h("th", {}, say(`quality_${name}`))))), h("tbody", {}, lines)))
      : h("p", { class: "quiet" }, say("quality_none")),
  ]);
}

// ---------------------------------------------------------------------- the whole

/** @param {string} name */
function view(name) {
  for (const each of VIEWS) {
    find(`#${each}`).hidden = each !== name;
    find(`[data-view=${each}]`).setAttribute("aria-pressed", String(each === name));
  }
  talk.close();
  if (name === "find") search();
  else if (name === "sample") listed();
  else results.look();
}

/** @param {HTMLElement} form @param {() => unknown} act */
function submits(form, act) {
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    act();
  });
}

fill(find("#search"), [...Object.values(FIELDS), h("button", { class: "main" }, say("quality_search"))]);
submits(find("#search"), () => {
  state.page = 0;
  search();
});
find("#newer").addEventListener("click", () => {
  state.page -= 1;
  search();
});
find("#older").addEventListener("click", () => {
  state.page += 1;
  search();
});
fill(find("#months"), [
  field("month", say("quality_month"), month),
  h("button", { type: "submit" }, say("quality_show")),
  h("button", { type: "button", class: "main", on: { click: draw } }, say("quality_draw")),
]);
submits(find("#months"), listed);
write(find("#sample-lead"), say("quality_sample_lead", { count: given.sample }));
for (const name of VIEWS) find(`[data-view=${name}]`).addEventListener("click", () => view(name));
search().then(() => page.ready());

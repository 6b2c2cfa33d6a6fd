// @ts-check
/** The page records: the audit log; what is too old; the erasure of a customer and its proof. */
import { fill, h, write } from "../desk/dom.js";
import { day, dayTime, exact } from "../desk/format.js";
import { find, given, page, say } from "./page.js";

/** Milliseconds between two looks whether something long has ended. */
const LOOK = 500;
const state = { page: 0 };
const input = (/** @type {string} */ id) => /** @type {HTMLInputElement} */ (find(`#${id}`));

/** @param {string[]} heads @param {any[]} lines @param {string[]} [figures] heads of figures */
function table(heads, lines, figures = []) {
  const cells = heads.map((name) => h("th", { class: figures.includes(name) ? "figure" : null }, say(`records_${name}`)));
  return h("div", { class: "wide-table" }, h("table", {}, h("thead", {}, h("tr", {}, cells)), h("tbody", {}, lines)));
}

// ---------------------------------------------------------------------- the audit log

/** @param {any} row @returns {string} what was done, or taken back */
function did(row) {
  const what = say.of("records_did", row.what.replaceAll(".", "_"));
  return row.details.undoes ? say("records_undone", { what }) : what;
}

/** @param {Record<string, any>} details @returns {string} what else is known, in words; what is empty is left out */
function parts(details) {
  return Object.entries(details)
    .filter(([, value]) => !(value === null || value === "" || (typeof value === "object" && !Object.keys(value).length)))
    .map(([name, value]) => `${say.of("records_part", name)}: ${name === "refused" ? say.known("error", value).replace(/\{(\w+)\}/g, (_, hole) => details[hole] ?? "…") || value : worded(name, value)}`)
    .join(" · ");
}

/** @param {string} name @param {any} value @returns {string} */
function worded(name, value) {
  if (typeof value === "boolean") return say(value ? "records_value_yes" : "records_value_no");
  if (Array.isArray(value)) return value.map((each) => worded(name, each)).join(", ");
  if (typeof value === "object") return `(${parts(value)})`;
  if (/^\d{4}-\d\d-\d\dT\d\d:\d\d/.test(value)) return exact(value, say.language);
  if (name === "reason") return say.known("pause", value) || value;
  return say.known("records_value", value) || say.known(name, value) || String(value);
}

async function search() {
  const asked = new URLSearchParams({ page: String(state.page) });
  for (const name of ["first", "last", "who", "what", "call", "allowed"]) {
    if (input(name).value.trim()) asked.set(name, input(name).value.trim());
  }
  const told = await page.ask(`records/audit?${asked}`);
  if (!told) return;
  const begin = state.page * given.rows;
  find("#paging").hidden = told.total <= given.rows;
  write(find("#range"), say("records_found", { from: begin + 1, to: begin + told.rows.length, total: told.total }));
  /** @type {any} */ (find("#newer")).disabled = state.page === 0;
  /** @type {any} */ (find("#older")).disabled = begin + told.rows.length >= told.total;
  const lines = told.rows.map((/** @type {any} */ row) =>
    h(
      "tr",
      { class: row.allowed ? null : "no" },
      h("td", {}, exact(row.at, say.language)),
      h("td", {}, row.who),
      h("td", {}, did(row)),
      h("td", {}, row.allowed ? say("records_done") : say("records_refused")),
      h("td", {}, row.call ?? ""),
      h("td", {}, row.address ?? ""),
      h("td", { class: "details" }, parts(row.details)),
    ),
  );
  fill(find("#rows"), [lines.length ? table(["when", "who", "what", "allowed", "call", "address", "details"], lines) : h("p", { class: "quiet" }, say("records_none"))]);
}

// ---------------------------------------------------------------------- what takes its time

/** @param {string} path @param {object} body @returns {Promise<any>} the report, null: refused */
async function work(path, body) {
  const begun = await page.send(path, body);
  if (!begun) return null;
  for (let id = begun.id; ; await new Promise((next) => setTimeout(next, LOOK))) {
    const told = await page.ask(`records/erasure/${id}`);
    if (!told) return null;
    const { proof } = told;
    if (proof.state === "followed") id = proof.erasure;
    else if (proof.state === "refused") page.tell(say(`records_refused_${proof.reason}`, proof), true);
    else if (proof.state === "failed") page.tell(say("records_failed"), true);
    if (["refused", "failed"].includes(proof.state)) return null;
    if (["dry", "done", "left"].includes(proof.state)) return told;
  }
}

/** @param {any} proof @returns {any[]} what of which kind was too old */
function kinds(proof) {
  const lines = proof.kinds.map((/** @type {any} */ row) => {
    const [kind, queue] = row.kind.split(":");
    const name = kind === "recordings" && queue ? `${say("records_kind_recordings")}: ${say.of("queue", queue)}` : say(`records_kind_${row.kind.replace(":", "_")}`);
    return h("tr", {}, h("td", {}, name), h("td", { class: "figure" }, row.days || say("records_ever")), h("td", { class: "figure" }, row.count), h("td", {}, day(row.oldest, say.language)));
  });
  return [table(["kind", "days", "count_of", "oldest"], lines, ["days", "count_of"])];
}

/** @param {any} proof @returns {any[]} place by place */
function places(proof) {
  const some = proof.places.filter((/** @type {any} */ row) => row.found || row.left || row.kept);
  const none = proof.places.filter((/** @type {any} */ row) => !some.includes(row));
  const figures = ["looked", "found_of", "erased", "left", "kept"];
  const lines = some.map((/** @type {any} */ row) =>
    h(
      "tr",
      { class: row.left ? "left" : null },
      h("td", {}, row.place),
      [row.looked, row.found, row.erased, row.left, row.kept].map((count) => h("td", { class: "figure" }, count)),
      h("td", {}, row.word ? say(`records_why_${row.word}`) : row.why),
    ),
  );
  const notes = Object.entries(proof.notes).filter(([, count]) => count);
  return [
    h("p", { class: proof.state === "left" ? "warn" : "done" }, say(`records_state_${proof.state}`)),
    notes.map(([name, count]) => h("p", { class: "warn" }, say(`records_open_${name}`, { count }))),
    table(["place", ...figures, "why"], lines, figures),
    h("p", { class: "quiet" }, say("records_nothing", { places: none.map((/** @type {any} */ row) => row.place).join(", ") })),
  ].flat();
}

async function aged() {
  const told = await work("records/retention", { dry_run: true });
  if (!told) return;
  fill(find("#kinds"), kinds(told.proof));
  const button = document.querySelector("#age");
  if (button) /** @type {any} */ (button).disabled = false;
}

async function age() {
  if (!confirm(say("records_sure"))) return;
  const told = await work("records/retention", { dry_run: false });
  if (!told) return;
  fill(find("#kinds"), kinds(told.proof));
  await listed();
}

async function look() {
  find("#confirm").hidden = true;
  const told = await work("records/erase", { dry_run: true, kind: input("kind").value, value: input("value").value });
  if (!told) return;
  fill(find("#proof"), places(told.proof));
  input("again").value = "";
  find("#confirm").hidden = false;
}

async function erase() {
  const whose = { kind: input("kind").value, value: input("value").value };
  const told = await work("records/erase", { dry_run: false, ...whose, again: input("again").value });
  if (!told) return;
  find("#confirm").hidden = true;
  fill(find("#proof"), places(told.proof));
  await listed();
}

// ---------------------------------------------------------------------- reports

async function listed() {
  const told = await page.ask("records/erasures");
  if (!told) return;
  const lines = told.rows
    .filter((/** @type {any} */ row) => !row.dry_run)
    .map((/** @type {any} */ row) => {
      const shown = h("tr", { hidden: true }, h("td", { colspan: 5 }));
      const open = async () => {
        const { proof } = (await page.ask(`records/erasure/${row.id}`)) ?? {};
        if (!proof) return;
        fill(shown.firstElementChild, proof.kinds ? kinds(proof) : proof.places ? places(proof) : [say(`records_state_${proof.state}`)]);
        shown.hidden = !shown.hidden;
      };
      return [
        h(
          "tr",
          {},
          h("td", {}, dayTime(row.at, say.language)),
          h("td", {}, row.subject ? say("records_customer", { subject: row.subject.slice(0, 12) }) : say("records_retention")),
          h("td", {}, row.who),
          h("td", {}, say(`records_state_${row.state}`)),
          h("td", {}, h("button", { type: "button", class: "small", "aria-label": `${say("records_open")} ${row.id}`, on: { click: open } }, say("records_open"))),
        ),
        shown,
      ];
    })
    .flat();
  const heads = ["when", "what", "who", "state"].map((name) => h("th", {}, say(`records_${name}`)));
  fill(find("#listed"), [
    lines.length
      ? h("div", { class: "wide-table" }, h("table", {}, h("thead", {}, h("tr", {}, heads, h("td"))), h("tbody", {}, lines)))
      : h("p", { class: "quiet" }, say("records_none")),
  ]);
}

/** @param {string} id @param {() => unknown} act */
function submits(id, act) {
  find(id)?.addEventListener("submit", (event) => {
    event.preventDefault();
    act();
  });
}

submits("#search", () => {
  state.page = 0;
  search();
});
for (const [id, step] of /** @type {[string, number][]} */ ([["#newer", -1], ["#older", 1]])) {
  find(id).addEventListener("click", () => {
    state.page += step;
    search();
  });
}
find("#aged").addEventListener("click", aged);
find("#age")?.addEventListener("click", age);
submits("#whose", look);
submits("#confirm", erase);
Promise.all([search(), listed()]).then(() => page.ready());

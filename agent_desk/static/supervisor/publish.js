// @ts-check
/** The page publish: what calls get, the releases, the editor of one, the recordings, what was done. */
import { canvas, h } from "../desk/dom.js";
import { dayTime } from "../desk/format.js";
import { find, given, page, say } from "./page.js";
import { Editor } from "./publish_editor.js";
import { Prompts } from "./publish_prompts.js";
import { brief } from "./publish_walk.js";

/** Milliseconds between two looks at what others do. */
const LOOK = 5000;

/** @type {any} */
let state = null;
const editor = new Editor({ changed: load, serve, open });
const prompts = new Prompts(history);

async function load() {
  const fresh = await page.ask("publish/state");
  if (fresh) show(fresh);
}

const draw = Object.fromEntries(["serving", "releases", "history"].map((name) => [name, canvas(/** @type {HTMLElement} */ (find(`#${name}`).querySelector(".body")))]));

/** @param {any} fresh */
function show(fresh) {
  state = fresh;
  serving();
  releases();
  history();
}

/** @param {number} number */
async function open(number) {
  if (number !== editor.number && editor.dirty && !confirm(say("publish_sure_leave"))) return;
  await editor.open(number);
  releases();
}

/** Changes what calls get, after a question. @param {any} body */
async function serve(body) {
  const { number, percent } = body;
  const to = body.to === "before" ? say("publish_release", { number: state.before }) : say("publish_files");
  const sure = {
    canary: () => say("publish_sure_canary", { number, percent }),
    publish: () => say("publish_sure_publish", { number }),
    stop: () => say("publish_sure_stop", { number: state.serving.canary }),
    rollback: () => say("publish_sure_rollback", { to }),
  }[/** @type {"stop"} */ (body.do)]();
  if (!confirm(sure)) return null;
  const fresh = await page.send("publish/calls", { seen: state.serving, ...body });
  if (fresh) show(fresh);
  else await load();
  return fresh;
}

function serving() {
  const { live, canary, share } = state.serving;
  const name = live === null ? say("publish_files") : say("publish_release", { number: live });
  const back = (/** @type {"before" | "files"} */ to, /** @type {string} */ text) =>
    h("button", { type: "button", on: { click: () => roll(to) } }, text);
  draw.serving([state.serving, state.before], () => [
    h("p", {}, h("span", { class: "big-number" }, name), " ", say("publish_for_calls")),
    canary === null ? null : h("p", { class: "row" },
      h("span", { class: "state canary" }, say("publish_canary_now", { number: canary, percent: Math.round(share * 10000) / 100 })),
      h("button", { type: "button", on: { click: () => serve({ do: "stop" }).then(reopen) } }, say("publish_do_stop"))),
    live === null ? null : h("p", { class: "row" },
      state.before === null ? null : back("before", say("publish_back_to", { number: state.before })),
      back("files", say("publish_back_to_files"))),
    h("p", { class: "quiet" }, say("publish_pinned")),
    h("p", { class: "row" },
      h("button", { type: "button", on: { click: () => draft("live") } }, live === null ? say("publish_new") : say("publish_new_live")),
      live === null ? null : h("button", { type: "button", on: { click: () => draft("files") } }, say("publish_new_files"))),
  ]);
}

/** @param {"before" | "files"} to */
async function roll(to) {
  await serve({ do: "rollback", to });
  await reopen();
}

async function reopen() {
  await editor.refresh();
}

/** @param {"live" | "files"} like */
async function draft(like) {
  if (editor.dirty && !confirm(say("publish_sure_leave"))) return;
  const made = await page.send("publish/releases", { like });
  if (!made) return;
  await load();
  await editor.open(made.number);
  releases();
}

function releases() {
  if (!state) return;
  const rows = state.releases.map((/** @type {any} */ each) => {
    const when = each.published ?? each.made;
    return h("tr", { class: each.number === editor.number ? "chosen" : null },
      h("td", {}, h("button", { type: "button", class: "text", "data-focus": `release-${each.number}`, on: { click: () => open(each.number) } }, say("publish_release", { number: each.number }))),
      h("td", {}, h("span", { class: `state ${each.state}` }, say(`publish_state_${each.state}`), each.state === "canary" ? ` ${Math.round(each.share * 10000) / 100} %` : "")),
      h("td", {}, each.title),
      h("td", {}, each.flows.join(", ")),
      h("td", {}, checked(each)),
      h("td", {}, `${who(when.by)}, ${dayTime(when.at, say.language)}`));
  });
  const head = ["number", "state", "title", "flows", "checked", "who"].map((name) => h("th", { scope: "col" }, say(`publish_column_${name}`)));
  draw.releases([state.releases, editor.number], () => [
    rows.length ? h("table", {}, h("thead", {}, h("tr", {}, head)), h("tbody", {}, rows)) : h("p", { class: "quiet" }, say("publish_none")),
  ]);
}

/** @param {any} release */
function checked(release) {
  if (!release.flows.length || !release.checked) return "–";
  if (release.wrong) return say("publish_wrong", { count: release.wrong });
  if (release.old) return say("publish_old");
  return [say("publish_passed"), brief(release.walked)].filter(Boolean).join("; ");
}

/** Everything done lately, to flows and to prompts, each with its undo. */
function history() {
  if (!state) return;
  const all = [...state.actions.map((/** @type {any} */ each) => ({ ...each, flows: true })), ...prompts.actions];
  all.sort((one, other) => other.id - one.id);
  const rows = all.map((each) => h("li", {},
    h("span", { class: "quiet" }, dayTime(each.at, say.language)),
    h("span", {}, who(each.who)),
    h("span", {}, `${each.undoes ? `${say("publish_undone")}: ` : ""}${say(`publish_did_${each.what}`)}: ${named(each)}`),
    each.undo ? h("button", { type: "button", class: "small", on: { click: () => undo(each) } }, say("publish_undo")) : null,
    each.undone ? h("span", { class: "quiet" }, say("publish_undone_by", { who: who(each.undone) })) : null));
  draw.history(all, () => (rows.length ? rows : [h("li", { class: "quiet" }, say("publish_nothing"))]));
}

/** What an action was about. @param {any} action */
function named(action) {
  if (!action.flows) return action.target;
  if (action.target !== "flows") return say("publish_release", { number: action.target });
  const { live, canary, share } = action.after;
  if (action.what === "stop") return say("publish_release", { number: action.before.canary ?? action.after.canary });
  if (action.what === "canary" && canary !== null) return `${say("publish_release", { number: canary })}, ${Math.round(share * 10000) / 100} %`;
  return live === null ? say("publish_files") : say("publish_release", { number: live });
}

/** The name of a login. @param {string} login @returns {string} */
const who = (login) => given.names[login] ?? login;

/** @param {any} action */
async function undo(action) {
  if (!action.flows) return prompts.undo(action.id);
  const fresh = await page.send("publish/undo", { action: action.id });
  if (fresh) show(fresh);
  else await load();
  await reopen();
}

addEventListener("beforeunload", (event) => editor.dirty && event.preventDefault());
await load();
await prompts.start();
setInterval(load, LOOK);
page.ready();

// @ts-check
/**
 * Draws the figures. Each figure stands in an element with `data-figure`, its path in the figures;
 * a duration in one with `data-since` besides, and ticks.
 */
import { canvas, h, write } from "../desk/dom.js";
import { span } from "../desk/format.js";
import { find, given, say } from "./page.js";

const SIGNS = { bad: "✖", watch: "▲" };
/** How an operator is shown: sign, and where in the list; who needs a look comes first. */
const FACES = ["disconnected", "offered", "paused", "wrap_up", "talking", "ready", "offline"];
const FACE_SIGNS = { disconnected: "✖", offered: "◔", paused: "‖", wrap_up: "✎", talking: "●", ready: "○", offline: "–" };
const { limits } = given;

export const percent = (/** @type {number | null} */ share) => (share === null ? "–" : `${Math.round(share * 100)} %`);

const figure = (/** @type {string} */ path, /** @type {any} */ shown, tag = "span", wish = {}) =>
  h(tag, { "data-figure": path, ...wish }, shown);
const lasting = (/** @type {string} */ path, /** @type {number | null} */ since, tag = "span") =>
  since === null ? figure(path, "–", tag) : h(tag, { "data-figure": path, "data-since": since });

export class View {
  #now = 0;
  /** Queues that were bad when the figures were last shown. */
  #bad = new Set();

  /** @param {HTMLElement} board @param {import("./wallboard_clock.js").Clock} clock */
  constructor(board, clock) {
    this.board = board;
    this.clock = clock;
    this.tiles = canvas(find("#tiles"));
    this.queues = canvas(find("#queues .wide-table"));
    this.faces = canvas(find("#people .faces"));
    this.people = canvas(find("#people .list"));
    this.flows = canvas(find("#flows ul"));
    const room = new ResizeObserver(() => this.fit());
    for (const card of ["#queues", "#people"]) room.observe(find(card));
    const table = document.querySelector("#table .wide-table");
    this.table = table && canvas(/** @type {HTMLElement} */ (table));
  }

  /** @param {any} figures */
  show(figures) {
    const { queues, operators, faces, ivr, history } = figures;
    this.tiles([figures.all, figures.half, figures.calls, queues, figures.callbacks, figures.storm, figures.speech, figures.outbox], () =>
      this.#tiles(figures),
    );
    const redrawn = this.queues(queues, () => [this.#queues(queues)]);
    this.faces(faces, () => FACES.filter((face) => faces[face]).map((face) => this.#face(face, faces[face])));
    if (this.people(operators, () => [this.#people(operators)]) || redrawn) this.fit();
    this.flows(ivr, () => this.#flows(ivr));
    this.table?.(history, () => [this.#history(history)]);
    this.#tellWorse(queues);
    this.tick(this.#now);
  }

  /** Lets durations tick. @param {number} now seconds since 1970 */
  tick(now) {
    this.#now = now;
    for (const each of /** @type {NodeListOf<HTMLElement>} */ (this.board.querySelectorAll("[data-since]"))) {
      const lasted = span(now - Number(each.dataset.since));
      write(each, lasted);
      each.classList.toggle("hours", lasted.length > 5);
    }
  }

  /**
   * On a display that nobody can scroll: every queue is there, if need be smaller, and it is told
   * how many operators there is no room for.
   */
  fit() {
    if (!given.big) return;
    const card = find("#queues");
    const table = card.querySelector("table");
    if (!table) return;
    table.style.fontSize = "";
    const room = card.getBoundingClientRect().bottom - table.getBoundingClientRect().top;
    const share = room / table.getBoundingClientRect().height;
    if (share < 1) table.style.fontSize = `${Math.max(0.4, share * 0.97)}em`;
    const list = find("#people .list");
    const end = list.getBoundingClientRect().bottom + 1;
    const people = /** @type {HTMLElement[]} */ ([...list.querySelectorAll("li")]);
    const hidden = people.filter((each) => each.getBoundingClientRect().bottom > end).length;
    write(find("#people .more"), hidden ? say("wallboard_more", { count: hidden }) : "");
  }

  // -------------------------------------------------------------- tiles

  /** @param {any} figures */
  #tiles({ all, half, calls, queues, callbacks, storm, speech, outbox }) {
    const { clock } = this;
    const slowest = Object.entries(queues).find(([, queue]) => queue.entered_longest !== null && queue.entered_longest === all.entered_longest);
    const unknown = say("wallboard_unknown");
    const share = percent(calls.lines ? calls.used / calls.lines : null).replace(" %", "");
    const within = { seconds: limits.within, target: Math.round(limits.target * 100) };
    return [
      this.#tile("half", figure("half.level", percent(half.level)), {
        note: [figure("half", say("wallboard_of_half", { ...half, ...within }))],
        mark: all.why.service,
      }),
      this.#tile("level", figure("all.level", percent(all.level)), {
        note: [figure("all", say("wallboard_of_day", all))],
        mark: all.level !== null && all.level < limits.target ? "watch" : "",
      }),
      this.#tile("waiting", figure("all.waiting", all.waiting), {
        note: [figure("all.callbacks", say("wallboard_of_callbacks", { count: all.callbacks }))],
        mark: all.why.waiting,
      }),
      this.#tile("longest", lasting("all.longest", all.entered_longest), {
        note: slowest ? [say.of("queue", slowest[0])] : [],
        mark: all.why.longest,
      }),
      this.#tile("lost", figure("all.lost", all.lost), {
        note: [figure("half.lost", say("wallboard_of_lost", { half: half.lost, short: all.short }))],
        mark: all.why.lost,
      }),
      this.#tile("callbacks", figure("callbacks.due", callbacks ? callbacks.due : "–"), {
        note: [figure("callbacks.late", callbacks ? say("wallboard_of_late", { count: callbacks.late }) : unknown)],
        mark: callbacks?.late ? "watch" : "",
      }),
      this.#tile("storm", figure("storm.state", say(`wallboard_storm_${storm.state}`)), {
        note: storm.until ? [figure("storm.until", say("wallboard_until", { at: clock.minute(storm.until) }))] : [],
        mark: storm.state === "on" ? "bad" : storm.state === "proposed" ? "watch" : "",
        word: true,
      }),
      this.#tile("ivr", figure("calls.ivr", calls.ivr), {
        note: [figure("calls.open", say("wallboard_of_open", { count: calls.open }))],
        small: true,
      }),
      this.#tile("talking", figure("calls.talking", calls.talking), { small: true, note: [] }),
      this.#tile("lines", figure("calls.used", calls.used), {
        note: [figure("calls.lines", say("wallboard_of_lines", { lines: calls.lines, share }))],
        mark: calls.used >= calls.lines ? "bad" : calls.used >= 0.8 * calls.lines ? "watch" : "",
        small: true,
      }),
      this.#tile("speech", figure("speech.busy", speech ? speech.busy : "–"), {
        note: [figure("speech", speech ? say("wallboard_of_speech", speech) : unknown)],
        mark: !speech || speech.up === speech.of ? "" : speech.up ? "watch" : "bad",
        small: true,
      }),
      this.#tile("outbox", figure("outbox.due", outbox ? outbox.due : "–"), {
        note: [figure("outbox", outbox ? this.#late(outbox) : unknown)],
        mark: outbox?.due ? "watch" : "",
        small: true,
      }),
    ];
  }

  /** @param {{ dead: number, oldest: string | null }} outbox */
  #late({ dead, oldest }) {
    if (!oldest) return say("wallboard_of_dead", { count: dead });
    return say("wallboard_of_oldest", { at: this.clock.minute(Date.parse(oldest) / 1000), count: dead });
  }

  /**
   * @param {string} name @param {Node} shown
   * @param {{ note: any[], mark?: string, small?: boolean, word?: boolean }} more
   */
  #tile(name, shown, { note, mark = "", small = false, word = false }) {
    const kind = `tile ${mark} ${small ? "small" : ""} ${word ? "word" : ""}`;
    return h(
      "dl",
      { class: kind, "data-tile": name },
      h("dt", {}, sign(mark), say(`wallboard_tile_${name}`)),
      h("dd", { class: "digits" }, shown),
      h("dd", { class: "note" }, note),
    );
  }

  // -------------------------------------------------------------- queues

  /** The worst first; those that are well as the company orders them. @param {Record<string, any>} queues */
  #queues(queues) {
    const rank = (/** @type {any} */ queue) => (queue.mark === "bad" ? 0 : queue.mark === "watch" ? 1 : 2);
    const order = Object.entries(queues).sort(
      ([, a], [, b]) =>
        rank(a) - rank(b) || (a.mark ? Object.keys(b.why).length - Object.keys(a.why).length || b.waiting - a.waiting : 0),
    );
    const columns = ["queue", "waiting", "longest", "half", "day", "lost", "staff"];
    return h(
      "table",
      {},
      h("thead", {}, h("tr", {}, columns.map((name) => h("th", { scope: "col" }, say(`wallboard_col_${name}`))))),
      h("tbody", {}, order.map(([name, queue]) => this.#queue(name, queue))),
    );
  }

  /** @param {string} name @param {any} queue */
  #queue(name, queue) {
    const path = `queues.${name}`;
    const why = Object.entries(queue.why).map(([what, how]) => say(`wallboard_mark_${how}_${what}`, shown));
    const cell = (/** @type {string} */ key, /** @type {any} */ value) => figure(`${path}.${key}`, value, "td", { class: "digits" });
    return h(
      "tr",
      { class: queue.mark, "data-queue": name },
      h("th", { scope: "row" }, sign(queue.mark), say.of("queue", name), figure(`${path}.why`, why.join(", "), "small")),
      cell("waiting", [queue.waiting, queue.callbacks ? h("small", { title: say("wallboard_tile_callbacks") }, ` +${queue.callbacks}`) : ""]),
      h("td", { class: "digits" }, lasting(`${path}.longest`, queue.entered_longest)),
      cell("level_half", percent(queue.level_half)),
      cell("level", percent(queue.level)),
      cell("lost", queue.lost),
      cell("free", `${queue.free} / ${queue.serving}`),
    );
  }

  /** Tells those who listen which queue has become bad. @param {Record<string, any>} queues */
  #tellWorse(queues) {
    const bad = Object.entries(queues).filter(([, queue]) => queue.mark === "bad");
    const fresh = bad.filter(([name]) => !this.#bad.has(name));
    this.#bad = new Set(bad.map(([name]) => name));
    if (!fresh.length) return;
    const told = fresh.map(([name, { why }]) => {
      const worst = Object.keys(why).filter((what) => why[what] === "bad");
      return `${say.of("queue", name)}: ${worst.map((what) => say(`wallboard_mark_bad_${what}`, shown)).join(", ")}`;
    });
    write(find("#worse"), told.join("; "));
  }

  // -------------------------------------------------------------- operators

  /** @param {string} face @param {number} count */
  #face(face, count) {
    return h("li", { class: face }, faceSign(face), `${say(`wallboard_face_${face}`)} `, figure(`faces.${face}`, count, "strong"));
  }

  /** @param {any[]} operators */
  #people(operators) {
    if (!operators.length) return h("p", { class: "quiet" }, say("wallboard_none"));
    const order = [...operators].sort((a, b) => FACES.indexOf(a.face) - FACES.indexOf(b.face) || a.since - b.since);
    return h("ul", {}, order.map((each) => this.#person(each)));
  }

  /** @param {any} one */
  #person({ name, shown, face, reason, since, queue, status }) {
    const path = `operators.${name}`;
    const word = face === "paused" && reason ? say.of("pause", reason) : say(`wallboard_face_${face}`);
    const leaving = status === "offline" && face !== "offline" ? say("wallboard_face_offline") : "";
    const told = [word, queue && say.of("queue", queue), leaving].filter(Boolean).join(" · ");
    return h(
      "li",
      { class: face, "data-operator": name },
      faceSign(face),
      h("span", { class: "name" }, shown),
      figure(`${path}.face`, told, "span", { class: "does" }),
      h("span", { class: "digits" }, lasting(`${path}.since`, since)),
    );
  }

  // -------------------------------------------------------------- the rest

  /** @param {Record<string, number>} ivr */
  #flows(ivr) {
    const flows = Object.entries(ivr);
    if (!flows.length) return [h("li", { class: "quiet" }, say("wallboard_none"))];
    return flows.map(([flow, count]) => h("li", {}, `${say.of("flow", flow)} `, figure(`ivr.${flow}`, count, "strong")));
  }

  /** @param {any[]} history */
  #history(history) {
    const columns = ["since", "offered", "answered", "lost", "short", "level"];
    const names = this.clock.halves(history.map((each) => each.since));
    const cell = (/** @type {number} */ row, /** @type {string} */ key, /** @type {any} */ value) =>
      figure(`history.${row}.${key}`, value, "td", { class: "digits" });
    return h(
      "table",
      {},
      h("thead", {}, h("tr", {}, columns.map((name) => h("th", { scope: "col" }, say(`wallboard_col_${name}`))))),
      h(
        "tbody",
        {},
        history.map((each, row) =>
          h(
            "tr",
            {},
            h("th", { scope: "row" }, names[row]),
            columns.slice(1, -1).map((key) => cell(row, key, each[key])),
            cell(row, "level", percent(each.level)),
          ),
        ),
      ),
    );
  }
}

const whole = (/** @type {number} */ share) => Math.round(share * 100);
const shown = {
  longest: limits.longest,
  within: limits.within,
  waiting: limits.waiting,
  service: whole(limits.service),
  target: whole(limits.target),
  lost: whole(limits.lost),
};

/** A sign beside the colour, and its word for who does not see it. @param {string} mark */
function sign(mark) {
  if (mark !== "bad" && mark !== "watch") return null;
  const word = say(`wallboard_sign_${mark}`);
  return h("span", { class: `sign ${mark}`, role: "img", "aria-label": word, title: word }, SIGNS[mark]);
}

/** @param {string} face */
function faceSign(face) {
  return h("span", { class: "sign", "aria-hidden": "true" }, Reflect.get(FACE_SIGNS, face) ?? "");
}

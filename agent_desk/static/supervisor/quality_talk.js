// @ts-check
/** One talk on the page quality: its player with a time line, its marks, its scorecards. */
import { fill, h, write } from "../desk/dom.js";
import { dayTime, span, telephone } from "../desk/format.js";
import { find, given, page, say } from "./page.js";

/** @param {string} name of a criterion; one of a company's own has no words */
export function criterion(name) {
  const key = `criterion_${name}`;
  const known = say(`criterion_${name}`);
  return known === key ? name.replaceAll("_", " ") : known;
}

export class Talk {
  #audio = /** @type {HTMLAudioElement} */ (h("audio", { controls: true, controlslist: "nodownload noremoteplayback", preload: "none", "aria-label": say("quality_sound") }));
  #line = h("div", { class: "time-line", role: "group", "aria-label": say("quality_line") });
  #played = h("div", { class: "played" });
  #marks = h("ul", { class: "marks" });
  #cards = h("div", {});
  #here = h("button", { type: "button", on: { click: () => this.#mark() } });
  #known = /** @type {any} */ (null);

  /** @param {HTMLElement} place @param {() => void} changed */
  constructor(place, changed) {
    this.place = place;
    this.changed = changed;
    const moved = () => this.#moved();
    for (const event of ["timeupdate", "seeked", "loadedmetadata"]) this.#audio.addEventListener(event, moved);
    this.#audio.addEventListener("contextmenu", (event) => event.preventDefault());
  }

  close() {
    this.#audio.pause();
    this.#audio.removeAttribute("src");
    this.place.hidden = true;
  }

  /** @param {number} id */
  async open(id) {
    const told = await page.ask(`quality/talk/${id}`);
    if (!told) return;
    this.close();
    this.#known = told;
    this.#draw();
    this.place.hidden = false;
  }

  /** @param {any} row a voice message: it can be heard, not rated */
  message(row) {
    this.close();
    this.#audio.src = `/desk/inbox/message/${row.id}/sound`;
    fill(this.place, [h("h2", {}, say("quality_message")), h("p", {}, telephone(row.number) || say("quality_hidden"), " · ", dayTime(row.at, say.language)), this.#audio]);
    this.place.hidden = false;
  }

  #draw() {
    const talk = this.#known;
    if (talk.consent === "recorded") this.#audio.src = `/desk/supervisor/quality/talk/${talk.id}/sound`;
    const facts = [given.operators[talk.operator] ?? talk.operator, say.of("queue", talk.queue), talk.code && say.of("code", talk.code), talk.account].filter(Boolean);
    fill(this.place, [
      h("h2", {}, telephone(talk.number) || say("quality_hidden"), " · ", dayTime(talk.at, say.language)),
      h("p", { class: "quiet" }, facts.join(" · ")),
      talk.note ? h("p", {}, talk.note) : null,
      ...(talk.consent === "recorded" ? this.#player() : [h("p", { class: "warn" }, say(`quality_consent_${talk.consent}`))]),
      this.#cards,
    ]);
    this.#lines();
    this.#sheets();
  }

  #player() {
    const kind = h("select", { id: "mark-kind" }, given.kinds.map((/** @type {string} */ each) => h("option", { value: each }, say(`quality_mark_${each}`))));
    const note = h("input", { id: "mark-note", maxlength: 400 });
    return [
      this.#audio,
      this.#line,
      h("div", { class: "filters" }, h("div", {}, h("label", { for: "mark-kind" }, say("quality_mark_kind")), kind), h("div", {}, h("label", { for: "mark-note" }, say("quality_note")), note), this.#here),
      this.#marks,
      h("button", { type: "button", class: "small", on: { click: () => page.send(`quality/talk/${this.#known.id}/choose`) } }, say("quality_choose")),
    ];
  }

  get #length() {
    return this.#audio.duration > 0 && Number.isFinite(this.#audio.duration) ? this.#audio.duration : this.#known.seconds || 1;
  }

  /** The time line with pauses and marks, and the list of marks. */
  #lines() {
    const { marks, pauses } = this.#known;
    const part = (/** @type {number} */ second) => `${Math.min(100, (100 * second) / this.#length)}%`;
    const stops = pauses.map((/** @type {[number, number | null]} */ [from, to]) => {
      const until = to ?? this.#length;
      const text = say("quality_paused", { from: span(from), to: to === null ? say("quality_end") : span(to) });
      const stop = h("div", { class: "pause", title: text, role: "img", "aria-label": text });
      stop.style.left = part(from);
      stop.style.width = part(Math.max(0, until - from));
      return stop;
    });
    const points = marks.map((/** @type {any} */ mark) => {
      const text = `${say("quality_goto", { second: span(mark.second) })}: ${say(`quality_mark_${mark.kind}`)}`;
      const point = h("button", { type: "button", class: `mark-at ${mark.kind}`, title: text, "aria-label": text, on: { click: () => this.#go(mark.second) } });
      point.style.left = part(mark.second);
      return point;
    });
    fill(this.#line, [...stops, ...points, this.#played]);
    fill(this.#marks, marks.map((/** @type {any} */ mark) =>
      h(
        "li",
        {},
        h("button", { type: "button", class: "small text", "aria-label": say("quality_goto", { second: span(mark.second) }), on: { click: () => this.#go(mark.second) } }, span(mark.second)),
        h("span", {}, h("b", {}, say(`quality_mark_${mark.kind}`)), " ", mark.note, " ", h("small", {}, mark.who)),
        h("button", { type: "button", class: "small plain", "aria-label": `${say("quality_remove")}, ${span(mark.second)}`, on: { click: () => this.#take(page.send(`quality/mark/${mark.id}/remove`)) } }, "×"),
      ),
    ));
    this.#moved();
  }

  #moved() {
    if (!this.#known) return;
    this.#played.style.left = `${(100 * this.#audio.currentTime) / this.#length}%`;
    write(this.#here, say("quality_mark_here", { second: span(this.#audio.currentTime) }));
  }

  /** @param {number} second */
  #go(second) {
    this.#audio.currentTime = second;
    this.#audio.play().catch(() => {}); // it was gone meanwhile: the player shows that
  }

  #mark() {
    const kind = /** @type {HTMLSelectElement} */ (find("#mark-kind")).value;
    const note = /** @type {HTMLInputElement} */ (find("#mark-note"));
    this.#take(page.send(`quality/talk/${this.#known.id}/mark`, { second: this.#audio.currentTime, kind, note: note.value }));
    note.value = "";
  }

  /** A card that somebody is filling in stays as it is. @param {Promise<any>} answer */
  async #take(answer) {
    const told = await answer;
    if (!told) return false;
    this.#known = told;
    this.#lines();
    this.changed();
    return true;
  }

  /** The cards of all raters beside each other, and one's own to be filled in. */
  #sheets() {
    const { cards, apart } = this.#known;
    const mine = cards.find((/** @type {any} */ card) => card.rater === given.user.login);
    fill(this.#cards, [
      cards.length ? this.#all(cards, apart) : null,
      ...cards.filter((/** @type {any} */ card) => card.note).map((/** @type {any} */ card) => h("p", { class: "said-back" }, h("b", {}, card.rater), ": ", card.note)),
      ...cards.filter((/** @type {any} */ card) => card.answer).map((/** @type {any} */ card) => h("p", { class: "said-back" }, h("b", {}, say("quality_answer")), ` (${card.rater}): `, card.answer)),
      this.#known.own ? h("p", { class: "quiet" }, say("quality_own_talk")) : this.#form(mine),
    ]);
  }

  /** @param {any[]} cards @param {Record<string, number>} apart */
  #all(cards, apart) {
    const names = /** @type {string[]} */ (cards[0].order);
    const different = Object.keys(apart).length > 0;
    return h(
      "div",
      { class: "wide-table" },
      h("h3", {}, say("quality_raters")),
      h(
        "table",
        { id: "cards" },
        h("thead", {}, h("tr", {}, h("th", {}, say("quality_criterion")), cards.map((card) => h("th", { class: "figure" }, card.rater)), different && h("th", { class: "figure" }, say("quality_apart")))),
        h(
          "tbody",
          {},
          names.map((name) => h("tr", {}, h("td", {}, criterion(name)), cards.map((card) => h("td", { class: "figure" }, card.points[name] ?? "")), different && h("td", { class: "figure" }, apart[name] || ""))),
          h("tr", {}, h("th", {}, say("quality_total")), cards.map((card) => h("th", { class: "figure" }, card.failed ? `0 (${say("quality_failed")})` : card.total)), different && h("th", { class: "figure" }, apart.total || "")),
        ),
      ),
    );
  }

  /** @param {any} card one's own, undefined: none yet */
  #form(card) {
    const sum = h("p", { class: "big-total", role: "status" });
    const inputs = given.criteria.map((/** @type {any} */ each) =>
      h("input", { id: `points-${each.name}`, type: "number", min: 0, max: each.points, "aria-required": "true", value: card?.points[each.name] ?? "", on: { input: () => add() } }),
    );
    const missing = () => given.criteria.filter((/** @type {any} */ _, /** @type {number} */ at) => inputs[at].value === "");
    const note = h("textarea", { id: "card-note", rows: 3, maxlength: 4000, value: card?.note ?? "" });
    const add = () => {
      const without = missing();
      if (without.length) {
        sum.className = "warn";
        write(sum, say("quality_missing", { names: without.map((/** @type {any} */ each) => criterion(each.name)).join("; ") }));
        return;
      }
      const points = inputs.map((/** @type {HTMLInputElement} */ input) => Number(input.value));
      const failed = given.criteria.some((/** @type {any} */ each, /** @type {number} */ at) => each.fail && points[at] === 0);
      sum.className = failed ? "big-total failed" : "big-total";
      write(sum, failed ? `${say("quality_of", { points: 0 })}: ${say("quality_failed")}` : say("quality_of", { points: points.reduce((/** @type {number} */ all, /** @type {number} */ one) => all + one, 0) }));
    };
    const form = h(
      "form",
      { id: "rating", class: "stack" },
      h("h3", {}, say("quality_card")),
      given.criteria.map((/** @type {any} */ each, /** @type {number} */ at) =>
        h("div", { class: "criterion" }, h("label", { for: `points-${each.name}` }, criterion(each.name), h("small", {}, say("quality_points", { most: each.points }), each.fail ? `, ${say("quality_must")}` : "")), inputs[at]),
      ),
      h("label", { for: "card-note" }, say("quality_note")),
      note,
      sum,
      h("button", { class: "main" }, say("quality_keep")),
    );
    form.addEventListener("submit", async (/** @type {Event} */ event) => {
      event.preventDefault();
      const [first] = missing();
      if (first) {
        find(`#points-${first.name}`).focus();
        return;
      }
      const points = Object.fromEntries(given.criteria.map((/** @type {any} */ each, /** @type {number} */ at) => [each.name, Number(inputs[at].value)]));
      const rated = page.send(`quality/talk/${this.#known.id}/rate`, { points, note: note.value, version: card?.version ?? 0 });
      if (await this.#take(rated)) this.#sheets();
    });
    add();
    return form;
  }
}

// @ts-check
/** The form of an announcement: a new one, or one that is being changed. */
import { fill, h, write } from "../desk/dom.js";
import { field, select, ticks } from "../dispatch/fields.js";
import { find, given, page, say } from "./page.js";

/** Hours proposed beside the end. */
const MORE = [1, 4, 12];
const LONGEST = 800;
/** Milliseconds in which a sound is sent. */
const PATIENCE = 60000;

export class Words {
  /** @param {HTMLElement} place @param {(path: string, body: object) => Promise<boolean>} send */
  constructor(place, send) {
    this.place = place;
    this.send = send;
    /** The one being changed. @type {any} */
    this.one = null;
    this.local = "";
    place.addEventListener("submit", (event) => {
      event.preventDefault();
      this.#save();
    });
    this.#draw();
  }

  /** @param {any} state */
  known(state) {
    const first = !this.local;
    this.local = state.local;
    if (first && !this.until.value) this.until.value = this.#later(MORE[0]);
  }

  /** @param {any} one */
  change(one) {
    this.one = one;
    this.#draw();
    this.texts[0].area.focus();
  }

  #draw() {
    const one = this.one;
    this.where = select("place", given.places, one?.place ?? "greeting", (word) => say(`announcements_place_${word}`));
    this.where.disabled = !!one;
    this.queues = ticks(say("announcements_queues"), given.into, one?.queues ?? [], (word) => say.of("queue", word), say("announcements_queues_all"));
    const turn = () => (this.queues.element.hidden = this.where.value !== "queue");
    this.where.addEventListener("change", turn);
    turn();
    this.texts = given.languages.map((/** @type {string} */ language) => this.#text(language, one?.texts[language] ?? ""));
    this.starts = h("input", { id: "starts", type: "datetime-local", disabled: !!one, value: "" });
    this.until = h("input", { id: "until", type: "datetime-local", required: true, value: one?.until ?? (this.local ? this.#later(MORE[0]) : "") });
    const more = MORE.map((hours) =>
      h("button", { type: "button", class: "small", on: { click: () => (this.until.value = this.#later(hours)) } }, say("announcements_hours_more", { hours })),
    );
    fill(this.place, [
      h("h3", { id: "words-title" }, say(one ? "announcements_changing" : "announcements_new")),
      field(say("announcements_place"), this.where),
      this.queues.element,
      ...this.texts.map((/** @type {any} */ each) => each.node),
      h("div", { class: "fields" }, one ? null : field(say("announcements_starts"), this.starts), field(say("announcements_until"), this.until)),
      h("div", { class: "row" }, more),
      h(
        "div",
        { class: "row end" },
        one ? h("button", { type: "button", class: "small", on: { click: () => this.change(null) } }, say("announcements_cancel")) : null,
        h("button", { class: "main" }, say(one ? "announcements_save" : "announcements_switch_on")),
      ),
    ]);
  }

  /** @param {string} language @param {string} text */
  #text(language, text) {
    const name = say("announcements_text", { language: this.#name(language) });
    const area = h("textarea", { id: `text-${language}`, rows: 2, lang: language, maxlength: LONGEST, required: true, value: text });
    const length = h("small", {});
    const count = () => {
      const seconds = Math.round(area.value.trim().length * given.pace);
      length.className = seconds > given.seconds ? "over" : "";
      write(length, area.value.trim() ? say("announcements_length", { seconds, most: given.seconds }) : "");
    };
    area.addEventListener("input", count);
    count();
    const silent = given.silent.includes(language);
    const file = silent ? this.#recording(language, area) : null;
    const node = h("div", { class: "text" }, h("label", { for: area.id }, name), area, length, silent ? h("small", {}, say("announcements_silent")) : null, file);
    return { language, area, node };
  }

  /** A sound for exactly these words. @param {string} language @param {any} area */
  #recording(language, area) {
    const told = h("small", {});
    const file = h("input", { type: "file", accept: "audio/*", "aria-label": say("announcements_recording") });
    file.addEventListener("change", async () => {
      const sound = file.files?.[0];
      if (!sound) return;
      const path = `/desk/supervisor/announcements/upload?${new URLSearchParams({ language, text: area.value.trim() })}`;
      const headers = { "X-CSRFToken": given.csrf, "Content-Type": "application/octet-stream" };
      const answer = await fetch(path, { method: "POST", headers, body: sound, signal: AbortSignal.timeout(PATIENCE) }).catch(() => null);
      const known = await answer?.json().catch(() => null);
      if (answer?.ok) write(told, say("announcements_recorded", { seconds: Math.round(known.seconds) }));
      else page.tell(known?.text ?? say("supervisor_lost"), true);
    });
    return h("div", {}, file, told);
  }

  /** @param {string} language */
  #name(language) {
    return new Intl.DisplayNames([say.language], { type: "language" }).of(language) ?? language;
  }

  /** @param {number} hours */
  #later(hours) {
    // The company's clock, whatever zone this browser is in: both ends are read as if in Greenwich.
    return new Date(Date.parse(`${this.local}:00Z`) + hours * 3600000).toISOString().slice(0, 16);
  }

  async #save() {
    const one = this.one;
    const body = {
      texts: Object.fromEntries(this.texts.map((/** @type {any} */ each) => [each.language, each.area.value])),
      queues: this.where.value === "queue" ? this.queues.chosen() : [],
      until: this.until.value,
    };
    const done = one
      ? await this.send("change", { ...body, id: one.id, version: one.version })
      : await this.send("on", { ...body, place: this.where.value, starts: this.starts.value });
    if (done) this.change(null);
    find("#said").scrollIntoView({ block: "nearest" });
  }
}

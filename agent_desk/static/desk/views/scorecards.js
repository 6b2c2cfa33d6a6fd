// @ts-check
/** An operator's own scorecards, and his answers to them. */
import { h } from "../dom.js";
import { dayTime } from "../format.js";
import { Dialog } from "./dialog.js";

export class Scorecards {
  /** @param {import("../main.js").App} app */
  constructor(app) {
    this.app = app;
    const { say } = app;
    this.dialog = new Dialog(say("cards_title"), say("close"), "wide");
    this.audio = h("audio", { controls: true, controlslist: "nodownload", hidden: true, "aria-label": say("cards_listen") });
    this.dialog.element.addEventListener("close", () => this.audio.pause());
  }

  async open() {
    const { say, api, guarded } = this.app;
    const told = await guarded(() => api.get("/desk/scorecards"));
    if (!told) return;
    this.dialog.open([
      h("p", { class: "quiet" }, say("cards_lead")),
      this.audio,
      told.cards.length ? h("ul", { class: "stack" }, told.cards.map((/** @type {any} */ card) => this.#card(card))) : h("p", { class: "quiet" }, say("cards_none")),
    ]);
  }

  /** @param {any} card */
  #card(card) {
    const { say } = this.app;
    const total = card.failed ? `0 · ${say("quality_failed")}` : say("quality_of", { points: card.total });
    return h(
      "li",
      { class: "card", "data-card": card.id },
      h("h3", {}, `${dayTime(card.call_at, say.language)} · ${say.of("queue", card.queue)}${card.code ? ` · ${say.of("code", card.code)}` : ""}`),
      h("p", {}, h("strong", {}, total), " ", h("small", {}, say("cards_by", { rater: card.rater, when: dayTime(card.at, say.language) }))),
      h("ul", {}, card.order.map((/** @type {string} */ name) => h("li", {}, `${this.#criterion(name)}: ${card.points[name]} / ${card.criteria[name]}`))),
      card.note ? h("p", {}, card.note) : null,
      card.playable ? h("button", { type: "button", class: "small", on: { click: () => this.#play(card.id) } }, say("cards_listen")) : null,
      ...this.#answer(card),
    );
  }

  /** @param {string} name */
  #criterion(name) {
    const { say } = this.app;
    return say.known("criterion", name) || name.replaceAll("_", " ");
  }

  /** @param {any} card */
  #answer(card) {
    const { say } = this.app;
    if (!card.answerable) return [h("p", { class: "warn" }, card.answer)];
    const text = h("textarea", { id: `answer-${card.id}`, rows: 2, maxlength: 2000, value: card.answer });
    const send = h("button", { type: "button", class: "small main", on: { click: () => this.#send(card, text.value) } }, say("cards_send"));
    return [h("label", { for: text.id }, say("cards_answer")), text, send];
  }

  /** @param {any} card @param {string} text */
  async #send(card, text) {
    const { api, guarded } = this.app;
    const told = await guarded(() => api.post(`/desk/scorecards/${card.id}/answer`, { text, version: card.version }));
    if (told) await this.open();
  }

  /** @param {number} id */
  #play(id) {
    this.audio.hidden = false;
    this.audio.src = `/desk/scorecards/${id}/sound`;
    this.app.sounds.speak(this.audio);
  }
}

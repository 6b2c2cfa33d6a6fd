// @ts-check
/** Recordings: find a piece by its id or its words, hear it, upload another one, publish, roll back. */
import { fill, h } from "../desk/dom.js";
import { dayTime } from "../desk/format.js";
import { find, given, page, say } from "./page.js";

/** Milliseconds after the last letter before the search begins. */
const REST = 250;
/** Milliseconds that an upload may take. */
const PATIENCE = 60000;

export class Prompts {
  #place = find("#prompts");
  /** @type {any} */ #piece = null;
  /** @type {any[]} */ actions = [];
  #timer = 0;

  /** @param {() => void} acted is called when something was done, here or elsewhere */
  constructor(acted) {
    this.acted = acted;
    const options = given.languages.map((/** @type {string} */ each) => h("option", { value: each }, each));
    this.language = h("select", { id: "language", "aria-label": say("publish_language"), on: { change: () => this.start() } }, options);
    this.sought = h("input", { type: "search", id: "find", maxlength: 100, placeholder: say("publish_find"), "aria-label": say("publish_find") });
    this.sought.addEventListener("input", () => {
      clearTimeout(this.#timer);
      this.#timer = setTimeout(() => this.start(), REST);
    });
    const form = /** @type {HTMLFormElement} */ (this.#place.querySelector("form"));
    form.addEventListener("submit", (event) => event.preventDefault());
    fill(form, [this.language, this.sought]);
  }

  /** Searches. */
  async start() {
    const asked = new URLSearchParams({ of: this.language.value, find: this.sought.value });
    const answer = await page.ask(`publish/prompts?${asked}`);
    if (!answer) return;
    this.actions = answer.actions;
    this.acted();
    const rows = answer.found.map((/** @type {any} */ each) => h("li", {},
      h("button", { type: "button", class: "text", on: { click: () => this.open(this.language.value, each.id) } }, each.id),
      each.live === null ? null : h("span", { class: "state live" }, say("publish_version", { number: each.live })),
      h("span", { lang: this.language.value }, each.text)));
    fill(/** @type {Element} */ (this.#place.querySelector(".pieces-found")), [
      rows.length ? h("ul", { tabindex: "0", "aria-label": say("publish_prompts") }, rows) : h("p", { class: "quiet" }, say("publish_not_found")),
      answer.more ? h("p", { class: "quiet" }, say("publish_more", { count: answer.more })) : null,
    ]);
  }

  /** @param {string} language @param {string} id */
  async open(language, id) {
    const piece = await page.ask(`publish/prompts/${language}/${id}`);
    if (piece) this.#show(piece);
  }

  #path(rest = "") {
    return `publish/prompts/${this.#piece.language}/${this.#piece.id}${rest}`;
  }

  /** @param {any} piece */
  #show(piece) {
    this.#piece = piece;
    const file = h("input", { type: "file", id: "file", accept: ".wav,.mp3,.ogg,.opus,.flac,audio/*", on: { change: () => this.#upload(file.files[0]) } });
    fill(/** @type {Element} */ (this.#place.querySelector(".piece")), [
      h("h3", {}, piece.id),
      h("blockquote", { lang: piece.language }, piece.text),
      h("p", { class: "quiet" }, say("publish_expected", { seconds: piece.expected })),
      h("p", { class: "row" }, h("label", { for: "file" }, say("publish_upload")), file),
      h("table", {}, h("tbody", {}, piece.versions.map((/** @type {any} */ each) => this.#version(each)), this.#own())),
      piece.live === null ? null : h("p", { class: "row" },
        piece.before === null ? null : this.#button(say("publish_back_to_version", { number: piece.before }), { do: "rollback", to: "before", seen: piece.live }),
        this.#button(say("publish_back_to_own"), { do: "rollback", to: "own", seen: piece.live })),
    ]);
  }

  #own() {
    const piece = this.#piece;
    return h("tr", {},
      h("td", {}, say("publish_own")),
      h("td", {}, piece.live === null ? h("span", { class: "state live" }, say("publish_played")) : null),
      h("td", {}, piece.own ? this.#audio(0) : say("publish_synthesised")),
      h("td", { colspan: 4 }));
  }

  /** @param {any} version */
  #version(version) {
    const piece = this.#piece;
    const done = version.published ?? version.made;
    return h("tr", {},
      h("td", {}, say("publish_version", { number: version.number })),
      h("td", {}, h("span", { class: `state ${version.state}` }, version.state === "live" ? say("publish_played") : say(`publish_state_${version.state}`))),
      h("td", {}, this.#audio(version.number)),
      h("td", {}, say("publish_measured", { seconds: version.seconds, level: version.level })),
      h("td", {}, version.findings.map((/** @type {string} */ word) => h("div", { class: "problem" }, say(`sound_${word}`)))),
      h("td", {}, `${given.names[done.by] ?? done.by}, ${dayTime(done.at, say.language)}`),
      h("td", {}, h("span", { class: "row" },
        version.state === "live" ? null : this.#button(say("publish_do_play"), { do: "publish", number: version.number, version: version.version, seen: piece.live }),
        version.state === "draft" ? this.#button(say("publish_discard"), { do: "discard", number: version.number, version: version.version }) : null)));
  }

  /** @param {number} number */
  #audio(number) {
    const name = number ? say("publish_version", { number }) : say("publish_own");
    return h("audio", { controls: true, preload: "none", src: `/desk/supervisor/${this.#path(`/${number}.wav`)}`, "aria-label": `${this.#piece.id}, ${name}` });
  }

  /** @param {string} text @param {any} body */
  #button(text, body) {
    const click = async () => {
      if (!confirm(say(`publish_sure_sound_${body.do}`, { piece: this.#piece.id }))) return;
      const piece = await page.send(this.#path(), body);
      await this.#again(piece);
    };
    return h("button", { type: "button", class: "small", on: { click } }, text);
  }

  /** @param {any} [piece] */
  async #again(piece) {
    if (piece) this.#show(piece);
    else if (this.#piece) await this.open(this.#piece.language, this.#piece.id);
    await this.start();
  }

  /** @param {File | undefined} file */
  async #upload(file) {
    if (!file) return;
    const piece = this.#piece;
    if (file.size > given.largest) {
      page.tell(say("error_sound_large", { most: Math.floor(given.largest / 1024 / 1024) }), true);
      return;
    }
    const asked = new URLSearchParams({ of: piece.language, prompt: piece.id });
    page.tell(say("publish_uploading"));
    try {
      const answer = await fetch(`/desk/supervisor/publish/upload?${asked}`, {
        method: "POST",
        headers: { "X-CSRFToken": given.csrf, "Content-Type": "application/octet-stream" },
        body: file,
        signal: AbortSignal.timeout(PATIENCE),
      });
      const told = await answer.json().catch((error) => (answer.ok ? Promise.reject(error) : {}));
      if (answer.ok) page.tell(say("supervisor_done"));
      else page.tell(told.text ?? String(answer.status), true);
      await this.#again(answer.ok ? told : null);
    } catch {
      find("#lost").hidden = false;
    }
  }

  /** @param {number} action */
  async undo(action) {
    await page.send("publish/prompts/undo", { action });
    await this.#again();
  }
}

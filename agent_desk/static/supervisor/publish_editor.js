// @ts-check
/** One release: its texts with line numbers and findings, what differs, its picture, what may be done with it. */
import { fill, h, write } from "../desk/dom.js";
import { difference } from "./publish_diff.js";
import { find, page, say } from "./page.js";
import { open, shown, violation } from "./publish_walk.js";

/** Milliseconds between two looks at a walk that waits or runs. */
const LOOK = 1500;

export class Editor {
  #place = find("#editor");
  /** @type {any} */ #release = null;
  /** @type {Record<string, {text: string, live: string, files: string}>} */ #texts = {};
  /** Texts that were typed and not saved, by flow. @type {Record<string, string>} */ #typed = {};
  #flow = "main";
  #view = "text";
  /** @type {HTMLTextAreaElement} */ #area;
  #numbers = h("pre", { "aria-hidden": "true" });
  #timer = 0;
  #busy = false;

  /** @param {{changed: () => Promise<void>, serve: (body: object) => Promise<any>, open: (number: number) => Promise<void>}} around */
  constructor(around) {
    this.around = around;
    this.#area = h("textarea", { spellcheck: "false", autocapitalize: "off", wrap: "off", id: "flow-text", on: { input: () => this.#type() } });
    this.#area.addEventListener("scroll", () => (this.#numbers.scrollTop = this.#area.scrollTop));
  }

  get number() {
    return this.#release?.number ?? 0;
  }

  /** Whether something was typed that is not saved. */
  get dirty() {
    return Object.keys(this.#typed).length > 0;
  }

  /** @param {number} number */
  async open(number) {
    const release = await page.ask(`publish/releases/${number}`);
    if (!release) return;
    [this.#texts, this.#typed, this.#view] = [{}, {}, "text"];
    if (!release.names.includes(this.#flow) || !release.flows.includes(this.#flow)) this.#flow = release.flows[0] ?? "main";
    this.#take(release);
    this.#area.readOnly = true; // what stands there is of another release
    await this.#show();
    this.#place.hidden = false;
    this.#place.scrollIntoView({ block: "nearest" });
  }

  close() {
    clearTimeout(this.#timer);
    this.#release = null;
    this.#typed = {};
    this.#place.hidden = true;
  }

  /** @param {any} release */
  #take(release) {
    this.#release = release;
    clearTimeout(this.#timer);
    if (open(release.walked)) this.#timer = setTimeout(() => this.#look(), LOOK);
  }

  async #look() {
    const number = this.number;
    const release = await page.ask(`publish/releases/${number}`);
    if (!release || this.number !== number) return;
    this.#take({ ...this.#release, walked: release.walked });
    this.#found();
  }

  /** @param {boolean} [anew] the texts may be others by now; what is typed meanwhile stays */
  async #show(anew = false) {
    const release = this.#release;
    write(find("#editor-title"), say("publish_release", { number: release.number }));
    const flow = this.#flow;
    if (anew || !this.#texts[flow]) {
      const known = await page.ask(`publish/releases/${release.number}/texts/${flow}`);
      if (flow !== this.#flow || release.number !== this.number) return;
      if (anew && !known) return this.#found(); // what stands there stays
      if (anew) this.#texts = {};
      if (known) this.#texts[flow] = known;
    }
    const known = this.#texts[flow];
    const draft = release.state === "draft";
    const typing = document.activeElement === this.#area;
    const top = this.#area.scrollTop;
    this.#area.value = this.#typed[flow] ?? known?.text ?? "";
    this.#area.readOnly = !draft || !known;
    this.#area.setAttribute("aria-label", `${this.#flow}.yaml`);
    fill(/** @type {Element} */ (this.#place.querySelector(".body")), [
      h("div", { class: "row" }, this.#head(draft)),
      h("div", { class: "row" }, this.#flows(), this.#tabs()),
      h("div", { class: "view" }),
      h("div", { class: "checked" }),
      h("fieldset", { class: "row acts", disabled: this.#busy }, this.#acts(draft)),
    ]);
    this.#draw();
    this.#found();
    if (anew) this.#area.scrollTop = top;
    if (typing) this.#area.focus({ preventScroll: true });
  }

  /** @param {boolean} draft */
  #head(draft) {
    const release = this.#release;
    const state = h("span", { class: `state ${release.state}` }, say(`publish_state_${release.state}`));
    if (!draft) return [state, h("strong", {}, release.title)];
    const title = h("input", { class: "text-field", id: "title", maxlength: 120, value: release.title, "aria-label": say("publish_title") });
    title.placeholder = say("publish_title");
    return [state, title];
  }

  #flows() {
    const release = this.#release;
    const options = release.names.map((/** @type {string} */ name) => {
      const changed = release.flows.includes(name) || name in this.#typed;
      return h("option", { value: name, selected: name === this.#flow }, changed ? `● ${name}` : name);
    });
    const change = async (/** @type {Event} */ event) => {
      this.#flow = /** @type {HTMLSelectElement} */ (event.target).value;
      this.#area.readOnly = true; // what stands there is another flow's text
      await this.#show();
    };
    return h("select", { id: "flow", "aria-label": say("publish_flow"), on: { change } }, options);
  }

  #tabs() {
    const tab = (/** @type {string} */ name, /** @type {string} */ text) =>
      h("button", { type: "button", class: "small", "aria-pressed": String(this.#view === name), on: { click: () => this.#turn(name) } }, text);
    return h("span", { class: "row tabs" }, tab("text", say("publish_text")), tab("difference", say("publish_difference")), tab("picture", say("publish_picture")));
  }

  /** @param {string} view */
  #turn(view) {
    this.#view = view;
    this.#place.querySelector(".tabs")?.replaceWith(this.#tabs());
    this.#draw();
  }

  #draw() {
    const view = /** @type {Element} */ (this.#place.querySelector(".view"));
    if (this.#view === "text") {
      this.#count();
      fill(view, [h("div", { class: "sheet" }, this.#numbers, this.#area)]);
    } else if (this.#view === "difference") {
      const lines = difference(this.#texts[this.#flow]?.live ?? "", this.#area.value);
      const shown = lines.map((line) => h("div", { class: line.kind }, { added: "+ ", removed: "- ", same: "  ", gap: "" }[line.kind], line.text));
      fill(view, [lines.length ? h("pre", { class: "difference", tabindex: "0" }, shown) : h("p", { class: "quiet" }, say("publish_same"))]);
    } else {
      const path = `/desk/supervisor/publish/releases/${this.number}/picture/${this.#flow}?v=${this.#release.version}`;
      const image = h("img", { src: path, alt: say("publish_picture_of", { flow: this.#flow }) });
      image.addEventListener("error", () => fill(view, [h("p", { class: "warn" }, say("publish_no_picture"))]));
      fill(view, [h("div", { class: "picture", tabindex: "0" }, image), this.dirty ? h("p", { class: "quiet" }, say("publish_picture_saved")) : null]);
    }
  }

  #type() {
    if (this.#area.value === this.#texts[this.#flow].text) delete this.#typed[this.#flow];
    else this.#typed[this.#flow] = this.#area.value;
    this.#count();
    this.#found();
  }

  /** Line numbers; those with a finding are marked. */
  #count() {
    const wrong = new Set(this.#release.findings.filter((/** @type {any} */ each) => each.flow === this.#flow).map((/** @type {any} */ each) => each.line));
    const count = this.#area.value.split("\n").length;
    fill(this.#numbers, Array.from({ length: count }, (_, at) => [h("span", { class: wrong.has(at + 1) ? "wrong" : null }, at + 1), "\n"]).flat());
    this.#numbers.scrollTop = this.#area.scrollTop;
  }

  #found() {
    const place = this.#place.querySelector(".checked");
    if (!place) return;
    const release = this.#release;
    const rows = this.dirty ? [] : release.findings.map((/** @type {any} */ each) => this.#finding(each));
    const violations = this.dirty ? [] : (release.walked.found ?? []).map((/** @type {any} */ each) => violation(each, this.#place_of(each)));
    fill(place, [
      h("p", { class: this.#verdict()[0], role: "status" }, this.#verdict()[1]),
      ...(this.dirty ? [] : shown(release.walked)),
      rows.length || violations.length ? h("ul", { class: "findings" }, rows, violations) : null,
    ]);
    const walk = this.#place.querySelector("#walk");
    if (walk) write(walk, open(release.walked) ? say("publish_walk_cancel") : say("publish_walk"));
  }

  /** @returns {[string, string]} class and words */
  #verdict() {
    const release = this.#release;
    if (this.dirty) return ["quiet", say("publish_unsaved")];
    if (!release.flows.length) return ["quiet", say("publish_empty")];
    if (!release.checked) return ["quiet", say("publish_unchecked")];
    if (release.wrong) return ["refusal", say("publish_wrong", { count: release.wrong })];
    if (release.old) return ["warn", say("publish_old")];
    return ["done", say("publish_passed")];
  }

  /** @param {any} finding */
  #finding(finding) {
    return h("li", { class: finding.hint ? "hint" : null }, this.#place_of(finding), h("span", {}, finding.text, ` [${finding.rule}]`));
  }

  /** The place of a finding, which shows it. @param {any} finding */
  #place_of(finding) {
    if (!finding.line) return "";
    const where = say("publish_line", { flow: finding.flow, line: finding.line });
    return h("button", { type: "button", class: "text", on: { click: () => this.#go(finding) } }, where);
  }

  /** Shows the line of a finding. @param {any} finding */
  async #go(finding) {
    this.#view = "text";
    if (finding.flow !== this.#flow) {
      this.#flow = finding.flow;
      await this.#show();
    } else this.#turn("text");
    const lines = this.#area.value.split("\n");
    const start = lines.slice(0, finding.line - 1).join("\n").length + (finding.line > 1 ? 1 : 0);
    this.#area.focus();
    this.#area.setSelectionRange(start, start + (lines[finding.line - 1] ?? "").length);
    this.#area.scrollTop = (finding.line - 5) * (this.#area.scrollHeight / lines.length);
  }

  /** Does one thing; nothing else can be begun until it is done. The focus stays. @param {() => Promise<unknown>} act */
  async #alone(act) {
    const focus = document.activeElement?.id;
    const free = (/** @type {boolean} */ is) => {
      this.#busy = !is;
      const acts = /** @type {HTMLFieldSetElement | null} */ (this.#place.querySelector(".acts"));
      if (acts) acts.disabled = !is;
    };
    free(false);
    try {
      await act();
    } finally {
      free(true);
      if (focus && document.activeElement === document.body) document.getElementById(focus)?.focus();
    }
  }

  /** @param {boolean} draft */
  #acts(draft) {
    const button = (/** @type {string} */ id, /** @type {string} */ text, /** @type {() => Promise<unknown>} */ act, /** @type {object} */ wish = {}) =>
      h("button", { type: "button", id, on: { click: () => this.#alone(act) }, ...wish }, text);
    const release = this.#release;
    const percent = h("input", { type: "number", class: "number-field", id: "percent", min: 0, max: 100, step: "any", value: release.state === "canary" ? release.share * 100 : 5 });
    const canary = release.state === "live" ? [] : [
      h("label", { for: "percent" }, say("publish_percent")), percent,
      button("canary", say("publish_do_canary"), () => this.#serve("canary", { percent: percent.value === "" ? null : Number(percent.value) })),
      button("publish", say("publish_do_publish"), () => this.#serve("publish"), { class: "main" }),
    ];
    return [
      draft ? button("save", say("publish_save"), () => this.save()) : null,
      button("check", say("publish_check"), () => this.#do("check")),
      button("walk", say("publish_walk"), () => this.#do(open(this.#release.walked) ? "cancel" : "walk"), { title: say("publish_walk_lead") }),
      ...canary,
      button("copy", say("publish_copy"), () => this.#copy()),
      draft ? button("discard", say("publish_discard"), () => this.#discard()) : null,
    ];
  }

  /** Saves what was typed; true when there is nothing left to save. */
  async save() {
    const title = /** @type {HTMLInputElement} */ (find("#title")).value.trim();
    if (!this.dirty && title === this.#release.title) return true;
    const texts = { ...this.#typed };
    const body = { do: "edit", version: this.#release.version, texts, title };
    const release = await page.send(`publish/releases/${this.number}`, body);
    if (!release) return false;
    for (const [name, text] of Object.entries(texts)) {
      this.#texts[name] = { ...this.#texts[name], text };
      if (this.#typed[name] === text) delete this.#typed[name];
    }
    this.#take(release);
    await this.#show(true);
    await this.around.changed();
    return true;
  }

  /** @param {string} what */
  async #do(what) {
    if (what !== "cancel" && this.#release.state === "draft" && !(await this.save())) return;
    const release = await page.send(`publish/releases/${this.number}`, { do: what });
    if (!release) return this.refresh();
    this.#take(release);
    this.#count();
    this.#found();
    await this.around.changed();
  }

  /** @param {string} what @param {object} [more] */
  async #serve(what, more = {}) {
    if (this.#release.state === "draft" && !(await this.save())) return;
    const { number } = this;
    await this.around.serve({ do: what, number, version: this.#release.version, ...more });
    await this.refresh();
  }

  /** Shows the release as it is now; what was typed stays. */
  async refresh() {
    const number = this.number;
    const release = number && (await page.ask(`publish/releases/${number}`));
    if (!release || this.number !== number) return;
    this.#take(release);
    if (this.dirty) return this.#found();
    await this.#show(true);
  }

  async #copy() {
    if (this.dirty && !confirm(say("publish_sure_leave"))) return;
    const release = await page.send("publish/releases", { like: "release", number: this.number, title: this.#release.title });
    if (!release) return;
    await this.around.changed();
    await this.around.open(release.number);
  }

  async #discard() {
    if (!confirm(say("publish_sure_discard", { number: this.number }))) return;
    const done = await page.send(`publish/releases/${this.number}`, { do: "discard", version: this.#release.version });
    if (!done) return;
    this.close();
    await this.around.changed();
  }
}


// @ts-check
/** The dispatcher's page: asks for its state every few seconds and hands it to its views. */
import { Api, Refusal, Unreachable } from "../desk/api.js";
import { write } from "../desk/dom.js";
import { clock, writeIn } from "../desk/format.js";
import { words } from "../desk/words.js";
import { Lists } from "./lists.js";
import { StormView } from "./storm.js";

/** Milliseconds between two looks. */
const EVERY = 3000;

const find = (/** @type {string} */ selector) => /** @type {HTMLElement} */ (document.querySelector(selector));
const given = JSON.parse(find("#given").textContent ?? "{}");
const say = words(given.words, document.documentElement.lang);
const api = new Api(given.csrf, "");
writeIn(given.zone);
let shown = 0;

/** @typedef {typeof page} Page what every view may use */
const page = {
  given,
  say,
  /**
   * Sends a change and shows what it came to; a refusal is said, and the page looks anew.
   * @param {string} path @param {object} body @returns {Promise<boolean>}
   */
  async send(path, body) {
    try {
      show(await api.post(`/desk/dispatch/${path}`, body));
      tell(say("dispatch_done"));
      return true;
    } catch (error) {
      if (error instanceof Refusal) tell(error.message, true);
      else if (error instanceof Unreachable) tell(say("dispatch_lost"), true);
      else throw error;
      await look();
      return false;
    }
  },
};
const storm = new StormView(page, find("#storm"), find("#counts"));
const lists = new Lists(page);

/** @param {any} state */
function show(state) {
  if (state.time < shown) return; // an answer that was overtaken
  shown = state.time;
  document.body.dataset.storm = state.storm.state || "off";
  write(find(".clock"), clock(state.time, say.language));
  storm.show(state);
  lists.show(state);
}

async function look() {
  try {
    show(await api.get("/desk/dispatch/state"));
    find("#lost").hidden = true;
  } catch (error) {
    if (error instanceof Refusal && error.status === 401) location.reload();
    else find("#lost").hidden = false;
  }
}

/** @param {string} text @param {boolean} [bad] */
function tell(text, bad = false) {
  const place = find("#said");
  place.className = bad ? "said refusal" : "said done";
  write(place, text);
  setTimeout(() => place.textContent === text && write(place, ""), bad ? 12000 : 4000);
}

async function watch() {
  await look();
  setTimeout(watch, EVERY);
}
watch();

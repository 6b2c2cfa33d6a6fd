// @ts-check
/** What every page of the supervisor has: words, questions to the server, a place for answers. */
import { Api, Refusal, Unreachable } from "../desk/api.js";
import { write } from "../desk/dom.js";
import { clock, writeIn } from "../desk/format.js";
import { words } from "../desk/words.js";
import { alarms } from "./alarms.js";

export const find = (/** @type {string} */ selector) => /** @type {HTMLElement} */ (document.querySelector(selector));
export const given = JSON.parse(find("#given").textContent ?? "{}");
export const say = words(given.words, document.documentElement.lang);
export const api = new Api(given.csrf, "");
writeIn(given.company.zone);

/** Milliseconds between two steps of the clock. */
const SECOND = 1000;

export const page = {
  /** Call once the page's script is set up: starts the clock and marks the page for tests. */
  ready() {
    const tick = () => write(find(".clock"), clock(Date.now() / 1000, say.language));
    tick();
    setInterval(tick, SECOND);
    alarms({ find, say, api, send: page.send });
    document.body.dataset.ready = "yes";
  },

  /**
   * Sends a change; a refusal is said. Returns what the server answered, null where it refused.
   * @param {string} path below /desk/supervisor/ @param {object} [body] @returns {Promise<any>}
   */
  async send(path, body = {}) {
    try {
      const answer = await api.post(`/desk/supervisor/${path}`, body);
      page.tell(say("supervisor_done"));
      return answer;
    } catch (error) {
      page.refused(error);
      return null;
    }
  },

  /**
   * Asks for something; says so where it cannot be had.
   * @param {string} path below /desk/supervisor/ @returns {Promise<any>}
   */
  async ask(path) {
    try {
      const answer = await api.get(`/desk/supervisor/${path}`);
      find("#lost").hidden = true;
      return answer;
    } catch (error) {
      page.refused(error);
      return null;
    }
  },

  /** @param {unknown} error */
  refused(error) {
    if (error instanceof Refusal && error.status === 401) location.reload();
    else if (error instanceof Refusal) page.tell(error.message, true);
    else if (error instanceof Unreachable) find("#lost").hidden = false;
    else throw error;
  },

  /** @param {string} text @param {boolean} [bad] */
  tell(text, bad = false) {
    const place = find("#said");
    place.className = bad ? "said refusal" : "said done";
    write(place, text);
    setTimeout(() => place.textContent === text && write(place, ""), bad ? 12000 : 4000);
  },
};

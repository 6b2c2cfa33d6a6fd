// @ts-check
/** Questions to the desk's server: JSON both ways, a CSRF token and the tab's id on each. */

/** The server said no, and why: `code` for the page, `message` for the operator. */
export class Refusal extends Error {
  /** @param {number} status @param {string} code @param {string} text */
  constructor(status, code, text) {
    super(text || code);
    this.status = status;
    this.code = code;
  }
}

/** The server was not reached at all: what was asked may or may not have happened. */
export class Unreachable extends Error {}

/** Milliseconds after which a question counts as lost. */
const PATIENCE = 8000;

export class Api {
  #csrf;
  #fetch;

  /**
   * @param {string} csrf
   * @param {string} tab id of this tab: the newest one has the say
   * @param {typeof fetch} [send]
   */
  constructor(csrf, tab, send = (...wish) => fetch(...wish)) {
    this.#csrf = csrf;
    this.tab = tab;
    this.#fetch = send;
  }

  /** @param {string} path @returns {Promise<any>} */
  get(path) {
    return this.#ask("GET", path);
  }

  /** @param {string} path @param {object} [body] @returns {Promise<any>} */
  post(path, body = {}) {
    return this.#ask("POST", path, body);
  }

  /** @param {string} path @param {object} body @returns {Promise<any>} */
  put(path, body) {
    return this.#ask("PUT", path, body);
  }

  /**
   * Sends something that must leave even while the page closes.
   * @param {string} path @param {object} body
   */
  last(path, body) {
    this.#ask("POST", path, body, true).catch(() => {}); // the page may be gone before the answer
  }

  /** @param {string} method @param {string} path @param {object} [body] @param {boolean} [keepalive] */
  async #ask(method, path, body, keepalive = false) {
    /** @type {Record<string, string>} */
    const headers = { Accept: "application/json", "X-Tab": this.tab, "X-CSRFToken": this.#csrf };
    if (body) headers["Content-Type"] = "application/json";
    let response, text;
    try {
      response = await this.#fetch(path, {
        method,
        headers,
        keepalive,
        body: body && JSON.stringify(body),
        signal: AbortSignal.timeout(PATIENCE),
      });
      text = await response.text();
    } catch {
      throw new Unreachable(); // also where an answer is cut off on its way
    }
    const told = read(text);
    if (response.ok && told) return told;
    // 5xx without our own words: a proxy or a broken server, not a refusal.
    if (response.ok || (response.status >= 500 && !told?.error)) throw new Unreachable();
    throw new Refusal(response.status, told?.error ?? String(response.status), told?.text ?? "");
  }
}

/** @param {string} text @returns {any} what a body says, null where it is no JSON */
function read(text) {
  try {
    return text ? JSON.parse(text) : {};
  } catch {
    return null;
  }
}

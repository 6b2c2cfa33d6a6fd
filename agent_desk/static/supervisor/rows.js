// @ts-check
/** A list whose rows stay what they are while what they show changes; one may be open to steer. */
import { h } from "../desk/dom.js";

/**
 * @template T
 * @typedef {{ key: (item: T) => string, make: (item: T) => { line: HTMLElement, show: (item: T) => void }, open: (item: () => T) => HTMLElement }} Kind
 *   open: makes what stands below an open row; `item()` is what the row shows now
 */

/** @template T */
export class Rows {
  /** @param {HTMLElement} place an `ul` @param {Kind<T>} kind */
  constructor(place, kind) {
    this.place = place;
    this.kind = kind;
    /** @type {Map<string, { item: T, node: HTMLElement, show: (item: T) => void, panel: HTMLElement | null }>} */
    this.rows = new Map();
  }

  /** @param {T[]} items in their order */
  show(items) {
    const keys = new Set(items.map(this.kind.key));
    for (const [key, row] of this.rows) {
      if (keys.has(key)) continue;
      row.node.remove();
      this.rows.delete(key);
    }
    items.forEach((item, index) => {
      const row = this.rows.get(this.kind.key(item)) ?? this.#made(item);
      row.item = item;
      row.show(item);
      // A row that stands where it belongs is left alone: what is moved loses the focus.
      if (this.place.children[index] !== row.node) this.place.insertBefore(row.node, this.place.children[index] ?? null);
    });
  }

  /** @param {T} item */
  #made(item) {
    const key = this.kind.key(item);
    const { line, show } = this.kind.make(item);
    const node = h("li", { "data-key": key }, line);
    const row = { item, node, show, panel: null };
    this.rows.set(key, row);
    return row;
  }

  /** Opens a row and closes the others, or closes it. @param {string} key */
  turn(key) {
    for (const [each, row] of this.rows) {
      const opens = each === key && !row.panel;
      row.panel?.remove();
      row.panel = opens ? this.kind.open(() => row.item) : null;
      if (row.panel) row.node.append(row.panel);
      row.node.querySelector(".steer")?.setAttribute("aria-expanded", String(opens));
    }
  }

  /** Closes whatever is open. */
  close() {
    this.turn("");
  }
}

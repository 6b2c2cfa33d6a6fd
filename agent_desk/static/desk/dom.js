// @ts-check
/** Making and changing elements; texts are texts, never HTML. */

/** @typedef {Node | string | number | null | undefined | false} Child */

/**
 * @param {string} tag
 * @param {Record<string, any>} [wish] attributes; `on` has listeners, `value`, `checked` and the like are set as properties
 * @param {...(Child | Child[])} children
 * @returns {any}
 */
export function h(tag, wish = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(wish)) {
    if (value === undefined || value === null || value === false) continue;
    if (name === "on") for (const [event, act] of Object.entries(value)) element.addEventListener(event, act);
    else if (["value", "checked", "selected", "disabled", "hidden", "indeterminate"].includes(name)) {
      Reflect.set(element, name, value);
    } else element.setAttribute(name, value === true ? "" : String(value));
  }
  fill(element, children);
  return element;
}

/** @param {Element} place @param {(Child | Child[])[]} children */
export function fill(place, children) {
  place.replaceChildren(
    .../** @type {(Node | string)[]} */ (
      children
        .flat()
        .filter((child) => child !== null && child !== undefined && child !== false)
        .map((child) => (child instanceof Node ? child : String(child)))
    ),
  );
}

/**
 * A place that is drawn anew only when what it shows has changed; the focus stays on the element
 * with the same `data-focus`.
 * @param {HTMLElement} place
 */
export function canvas(place) {
  let last = "";
  return (/** @type {unknown} */ shown, /** @type {() => (Child | Child[])[]} */ draw) => {
    const key = JSON.stringify(shown);
    if (key === last) return false;
    last = key;
    const active = /** @type {HTMLElement | null} */ (document.activeElement);
    const focus = active && place.contains(active) ? active.dataset.focus : undefined;
    fill(place, draw());
    if (focus) {
      /** @type {HTMLElement | null} */ (place.querySelector(`[data-focus="${CSS.escape(focus)}"]`))?.focus();
    }
    return true;
  };
}

/** @param {Element} element @param {string} text sets it only if it changed: screen readers speak each change */
export function write(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

/** @param {string} name @returns {SVGElement} an icon of the page's sprite */
export function icon(name) {
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  svg.setAttribute("viewBox", "0 0 24 24");
  svg.setAttribute("aria-hidden", "true");
  const use = document.createElementNS("http://www.w3.org/2000/svg", "use");
  use.setAttribute("href", `#icon-${name}`);
  svg.append(use);
  return svg;
}

/** @param {Event} event whether keys typed there are text */
export function typing(event) {
  const target = /** @type {HTMLElement} */ (event.target);
  if (target.closest?.("textarea, select, [contenteditable]")) return true;
  const input = target.closest?.("input");
  return !!input && !["checkbox", "radio", "button", "submit", "range"].includes(input.type);
}

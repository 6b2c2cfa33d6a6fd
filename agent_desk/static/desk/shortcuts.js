// @ts-check
/**
 * The keys of the desk. Letters are named by their place on the keyboard (KeyboardEvent.code), so
 * that they work whatever alphabet is on.
 */

/** @typedef {{ act: string, keys: string[], code: string, alt?: boolean, shift?: boolean }} Shortcut */

/** @type {Shortcut[]} */
export const SHORTCUTS = [
  { act: "answer", keys: ["F2"], code: "F2" },
  { act: "hang_up", keys: ["F4"], code: "F4" },
  { act: "mute", keys: ["F8"], code: "F8" },
  { act: "hold", keys: ["F9"], code: "F9" },
  { act: "keypad", keys: ["Alt", "K"], code: "KeyK", alt: true },
  { act: "transfer", keys: ["Alt", "T"], code: "KeyT", alt: true },
  { act: "record", keys: ["Alt", "V"], code: "KeyV", alt: true },
  { act: "ready", keys: ["Alt", "G"], code: "KeyG", alt: true },
  { act: "pause", keys: ["Alt", "P"], code: "KeyP", alt: true },
  { act: "caller", keys: ["Alt", "C"], code: "KeyC", alt: true },
  { act: "reading", keys: ["Alt", "R"], code: "KeyR", alt: true },
  { act: "forms", keys: ["Alt", "M"], code: "KeyM", alt: true },
  { act: "accounts", keys: ["Alt", "S"], code: "KeyS", alt: true },
  { act: "answers", keys: ["Alt", "A"], code: "KeyA", alt: true },
  { act: "inbox", keys: ["Alt", "I"], code: "KeyI", alt: true },
  { act: "colleagues", keys: ["Alt", "L"], code: "KeyL", alt: true },
  { act: "wrap_up", keys: ["Alt", "W"], code: "KeyW", alt: true },
  { act: "call_help", keys: ["Alt", "H"], code: "KeyH", alt: true },
  { act: "help", keys: ["?"], code: "" },
];

/**
 * @param {{ code: string, key: string, altKey: boolean, ctrlKey: boolean, metaKey: boolean, shiftKey: boolean, repeat?: boolean }} event
 * @param {boolean} typing keys go into a text
 * @returns {string} what to do, "" for nothing
 */
export function shortcut(event, typing) {
  if (event.ctrlKey || event.metaKey || event.repeat) return "";
  if (event.key === "?" && !typing && !event.altKey) return "help";
  const found = SHORTCUTS.find(
    ({ code, alt = false }) => code && code === event.code && alt === event.altKey && !event.shiftKey,
  );
  return found?.act ?? "";
}

// @ts-check
/**
 * What supervisors know of each other and of operators now: who listens, who asks for help, which
 * messages are shown. One stream a page, opened by the first who asks.
 *
 * @typedef {{ token: string, supervisor: string, shown: string, operator: string, call: string, mode: string, since: number, heard: boolean, mine: boolean }} Listening
 *   token: "" of somebody else's
 * @typedef {{ id: number, operator: string, shown: string, call: string | null, talk: string, note: string, asked_at: number, taken_by: string, taken_shown: string, taken_at: number | null }} Help
 *   call: of the talk in which he asked; talk: of the one he is in now, "" in none
 * @typedef {{ token: string, name: string, why: string, by: string }} Left a talk that he is in no more although he did not leave it
 * @typedef {{ login: string, shown: string, at: number }} Seen
 * @typedef {{ id: number, sender: string, shown: string, receiver: string, receiver_shown: string, text: string, sent_at: number, until: number, seen: Seen[], mine: boolean }} Message
 * @typedef {{ able: string, listenings: Listening[], left: Left | null, help: Help[], messages: Message[], staff: { name: string, shown: string }[] }} Staff
 *   able: "" or why this supervisor cannot listen now (an error's code)
 */
import { Live } from "../desk/live.js";
import { find, given, page, say } from "./page.js";

/** @type {Staff | null} */
let last = null;
let open = false;
/** @type {Map<Element, (staff: Staff) => void>} */
const views = new Map();

function listen() {
  if (open) return;
  open = true;
  const live = new Live("/desk/supervisor/listening/events", {
    up: () => void (find("#lost").hidden = true),
    down: () => void (find("#lost").hidden = false),
    refused: () => location.reload(),
    event: (name, data) => {
      if (name !== "staff") return;
      tellLeft(data);
      last = data;
      show();
    },
  });
  live.listen();
}

/** Says why he is in a talk no more. @param {Staff} fresh */
function tellLeft({ listenings, left }) {
  const was = last?.listenings.find((each) => each.mine);
  if (was && left?.token === was.token && !listenings.some((each) => each.mine)) page.tell(say(`listening_left_${left.why}`, left), true);
}

function show() {
  for (const [node, draw] of views) {
    if (!node.isConnected) views.delete(node);
    else if (last) draw(last);
  }
}

export const staff = {
  /** Login of who looks at the page. @type {string} */
  me: given.user?.login ?? "",

  /** @returns {Staff | null} */
  get now() {
    return last;
  },

  /**
   * Has a node drawn now, and anew at each change as long as it is in the page.
   * @param {Element} node @param {(staff: Staff) => void} draw
   */
  on(node, draw) {
    listen();
    views.set(node, draw);
    if (last) draw(last);
  },
};

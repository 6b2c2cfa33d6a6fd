// @ts-check
/** What differs between two texts, line by line: the longest common lines stay. */

/** @typedef {{kind: "same" | "added" | "removed" | "gap", text: string}} Line */

/** Lines of what is the same that are shown around a change. */
const AROUND = 3;

/** @param {string} before @param {string} after @returns {Line[]} */
export function difference(before, after) {
  const [old, fresh] = [before.split("\n"), after.split("\n")];
  let [start, oldEnd, freshEnd] = [0, old.length, fresh.length];
  while (start < oldEnd && start < freshEnd && old[start] === fresh[start]) start += 1;
  while (oldEnd > start && freshEnd > start && old[oldEnd - 1] === fresh[freshEnd - 1]) [oldEnd, freshEnd] = [oldEnd - 1, freshEnd - 1];
  const middle = changed(old.slice(start, oldEnd), fresh.slice(start, freshEnd));
  const same = (/** @type {string[]} */ lines) => lines.map((text) => /** @type {Line} */ ({ kind: "same", text }));
  return folded([...same(old.slice(0, start)), ...middle, ...same(old.slice(oldEnd))]);
}

/** @param {string[]} old @param {string[]} fresh @returns {Line[]} */
function changed(old, fresh) {
  const width = fresh.length + 1;
  const common = new Uint16Array((old.length + 1) * width);
  for (let i = old.length - 1; i >= 0; i -= 1) {
    for (let j = fresh.length - 1; j >= 0; j -= 1) {
      common[i * width + j] =
        old[i] === fresh[j] ? common[(i + 1) * width + j + 1] + 1 : Math.max(common[(i + 1) * width + j], common[i * width + j + 1]);
    }
  }
  /** @type {Line[]} */
  const lines = [];
  let [i, j] = [0, 0];
  while (i < old.length || j < fresh.length) {
    if (i < old.length && j < fresh.length && old[i] === fresh[j]) {
      lines.push({ kind: "same", text: old[i] });
      [i, j] = [i + 1, j + 1];
    } else if (j >= fresh.length || (i < old.length && common[(i + 1) * width + j] >= common[i * width + j + 1])) {
      lines.push({ kind: "removed", text: old[i] });
      i += 1;
    } else {
      lines.push({ kind: "added", text: fresh[j] });
      j += 1;
    }
  }
  return lines;
}

/** Leaves out what is the same and far from any change. @param {Line[]} lines @returns {Line[]} */
function folded(lines) {
  const near = lines.map((_, at) => lines.slice(Math.max(0, at - AROUND), at + AROUND + 1).some((line) => line.kind !== "same"));
  return lines.flatMap((line, at) => {
    if (near[at]) return [line];
    return at > 0 && near[at - 1] ? [{ kind: /** @type {const} */ ("gap"), text: "…" }] : [];
  });
}

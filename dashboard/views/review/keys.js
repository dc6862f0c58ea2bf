// The keys. Left hand decides, right hand moves.
const KEY_HELP = [
  ["A", "keep"],
  ["S", "unsure"],
  ["D", "reject"],
  ["0", "take my decision back"],
  ["← ↑ ↓ → or H J K L", "move"],
  ["Shift + arrows, Shift + click", "select several"],
  ["Ctrl + A", "select the page"],
  ["Space", "select or leave out this one"],
  ["Shift + A, Shift + D", "keep, reject all that is undecided on the page"],
  ["1 … 9", "put a label on, or take it off"],
  ["Z, Y", "undo, redo, any number of times"],
  ["N, P", "next page, previous page"],
  ["T", "go to a page"],
  ["Enter", "look closer"],
  ["G", "landmarks, while looking closer"],
  ["E", "write a label, while looking closer"],
  ["Esc", "close, or select nothing"],
  ["?", "these keys"],
];
const MOVES = {
  ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1],
  h: [-1, 0], l: [1, 0], k: [0, -1], j: [0, 1], Home: "first", End: "last",
};
const LETTERS = {
  a: "keep", s: "unsure", d: "reject", 0: "clear", Backspace: "clear", z: "undo", u: "undo", y: "redo",
  n: "next", PageDown: "next", p: "previous", t: "jump", PageUp: "previous", "?": "help", g: "mesh", e: "write", " ": "toggle",
};
const SHIFTED = { a: "keepRest", d: "rejectRest", z: "redo", u: "redo" };

// What a key press means, or null: { do: name } or { move, extends }.
function meaningOf(event) {
  const key = keyOf(event);
  if (event.altKey) return null;
  if (event.ctrlKey || event.metaKey) {
    if (key === "a") return { do: "all" };
    if (key === "z") return { do: event.shiftKey ? "redo" : "undo" };
    return key === "y" ? { do: "redo" } : null;
  }
  if (MOVES[key]) return { move: MOVES[key], extends: event.shiftKey };
  if (event.shiftKey && SHIFTED[key]) return { do: SHIFTED[key] };
  if (/^[1-9]$/.test(key)) return { do: "label", number: Number(key) };
  if (key === "Enter") return { do: "open" };
  if (key === "Escape") return { do: "escape" };
  return LETTERS[key] ? { do: LETTERS[key] } : null;
}

function writes(target) {
  return target.isContentEditable || target.tagName === "TEXTAREA" || target.tagName === "SELECT" ||
    (target.tagName === "INPUT" && !["range", "checkbox", "radio", "button"].includes(target.type));
}

// Whether a key belongs to the thing that has the focus, outside or inside of our own part of the page.
function isForOthers(event, section, meaning) {
  const path = event.composedPath();
  const target = path[0];
  if (writes(target)) return true;
  const isPlain = meaning.move || ["open", "toggle", "escape"].includes(meaning.do);
  if (!path.includes(section)) {
    if (document.querySelector("[data-testid=stDialog], [data-baseweb=popover], [role=listbox]")) return true;
    const isWidget = target instanceof Element && target !== document.body && target.matches("button, a, input, [role], summary");
    return isPlain && isWidget;
  }
  return ["open", "toggle"].includes(meaning.do) && ["BUTTON", "SUMMARY", "INPUT"].includes(target.tagName);
}

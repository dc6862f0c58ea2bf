// The keys. Left hand decides, right hand moves.
const KEY_HELP = [
  ["A", _("keep")],
  ["S", _("unsure")],
  ["D", _("reject")],
  ["0", _("take my decision back")],
  [_("← ↑ ↓ → or H J K L"), _("move")],
  [_("Shift + arrows, Shift + click"), _("select several")],
  ["Ctrl + A", _("select the page")],
  ["Space", _("select or leave out this one")],
  ["Shift + A, Shift + D", _("keep, reject all that is undecided on the page")],
  ["M", _("agree with the machine on all that is undecided on the page")],
  ["1 … 9", _("put a label on, or take it off")],
  ["Z, Y", _("undo, redo, any number of times")],
  ["N, P", _("next page, previous page")],
  ["T", _("go to a page")],
  ["C", _("side by side: the selected faces, or all that look like this one; 1 to 9 then keep one of them")],
  ["V", _("small, middle or large faces")],
  ["Enter", _("look closer")],
  ["G", _("landmarks, while looking closer")],
  ["E", _("write a label, while looking closer")],
  ["Esc", _("close, or select nothing")],
  ["?", _("these keys")],
];
const MOVES = {
  ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1],
  h: [-1, 0], l: [1, 0], k: [0, -1], j: [0, 1], Home: "first", End: "last",
};
const LETTERS = {
  a: "keep", s: "unsure", d: "reject", 0: "clear", Backspace: "clear", z: "undo", u: "undo", y: "redo",
  n: "next", PageDown: "next", p: "previous", t: "jump", PageUp: "previous", "?": "help", g: "mesh", m: "agreePage", c: "beside", v: "size", e: "write", " ": "toggle",
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

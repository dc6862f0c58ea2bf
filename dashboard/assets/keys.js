// Name the key that was pressed, whatever the layout: "a", "7", "[", "?", "Enter". A Latin layout's letter is
// the one printed on the key; Hangul, kana, Cyrillic or an input method that hides it ("Process") tell only
// where the key lies. Empty for what belongs to a composition: its Enter ends the syllable, not the entry.
const UNTOLD_KEYS = ["Process", "Unidentified", "Dead"];
const PLACES = { Space: " ", BracketLeft: "[", BracketRight: "]" };

function keyOf({ key = "", code = "", shiftKey, isComposing, keyCode }) {
  const isTold = !UNTOLD_KEYS.includes(key);
  const isNamed = isTold && key.length > 1;
  if (isComposing || (keyCode === 229 && isNamed)) return ""; // Safari ends a composition before its last key
  if (isNamed) return key;
  if (/^[a-z0-9[\]?]$/i.test(key)) return key.toLowerCase();
  if (/^Digit\d$/.test(code) && !shiftKey) return code.at(-1); // AZERTY has signs there
  if (isTold && /^[ -~]$/.test(key)) return key;
  if (/^Key[A-Z]$/.test(code)) return code.at(-1).toLowerCase();
  if (code === "Slash" && shiftKey) return "?";
  if (PLACES[code]) return shiftKey ? "" : PLACES[code];
  return isTold ? "" : code.replace("Numpad", "");
}

// Tell whether a key that is pressed here is text that somebody types.
function isTyping(event) {
  const target = event.composedPath()[0];
  return target.isContentEditable || target.tagName === "TEXTAREA" ||
    (target.tagName === "INPUT" && !["range", "checkbox", "radio"].includes(target.type));
}

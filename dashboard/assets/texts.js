// Mark a text that people read; Python puts the visitor's language in its place before the script is sent
// (dashboard/shared/texts.py). Here only the names in braces are filled in.
const _ = (text, values = {}) => text.replace(/\{(\w+)\}/g, (whole, name) => values[name] ?? whole);

// What Streamlit has no option for: its own words in the visitor's language, and the two rectangles of a drag in a
// chart, which Vega-Lite gives a role and no name, out of the way of screen readers.
const WORDS = {
  "Upload": _("Upload"),
  "Upload directories": _("Upload directories"),
  "Drag and drop a file here": _("Drag and drop a file here"),
  "Drag and drop files here": _("Drag and drop files here"),
  "Drag and drop directories here": _("Drag and drop directories here"),
  "Press Enter to apply": _("Press Enter to apply"),
  "Press Enter to submit form": _("Press Enter to submit form"),
};
const LABELS = {
  stPaginationPrev: () => _("Previous page"),
  stPaginationNext: () => _("Next page"),
  stPaginationPage: (part) => _("Page {page}", { page: part.textContent }),
  stPaginationPageActive: (part) => _("Page {page}", { page: part.textContent }),
};
const AREAS = '[data-testid="stFileUploaderDropzone"], [data-testid="InputInstructions"]';
const PAGES = '[data-testid^="stPagination"]';
const BRUSHES = 'svg .role-mark[class*="_brush"]:not([aria-hidden])';

const translated = (text) => {
  const [, size, kinds] = /^(.+) per file(.*)$/.exec(text) ?? [];
  return size ? _("{size} per file", { size }) + kinds : WORDS[text] ?? text;
};

const adapter = (window.studioAdapter ??= { said: new WeakMap() });
adapter.observer?.disconnect(); // of another language
const adapt = () => {
  adapter.isAsked = false;
  for (const area of document.querySelectorAll(AREAS)) {
    const texts = document.createTreeWalker(area, NodeFilter.SHOW_TEXT);
    for (let node = texts.nextNode(); node; node = texts.nextNode()) {
      const before = adapter.said.get(node); // Streamlit's words and ours
      const theirs = before?.ours === node.nodeValue ? before.theirs : node.nodeValue;
      const ours = translated(theirs);
      adapter.said.set(node, { theirs, ours });
      if (ours !== node.nodeValue) node.nodeValue = ours;
    }
  }
  for (const part of document.querySelectorAll(PAGES)) {
    const label = LABELS[part.dataset.testid]?.(part);
    if (label && part.getAttribute("aria-label") !== label) part.setAttribute("aria-label", label);
  }
  for (const mark of document.querySelectorAll(BRUSHES)) mark.setAttribute("aria-hidden", "true");
};
adapter.observer = new MutationObserver(() => {
  if (adapter.isAsked) return;
  adapter.isAsked = true;
  requestAnimationFrame(adapt);
});
adapter.observer.observe(document.body, { childList: true, characterData: true, subtree: true });
adapt();

// Keeps the drawing in this browser: in the tab, so that two tabs keep one each, and beside it for a tab that is
// opened later. A new session asks once what was kept, or which drawing the address holds; until that is answered
// nothing is written over it.
const MOST_LETTERS = 4_000_000;
const SAID_MS = 8000;
const OFFERED_MS = 60_000; // or until the drawing changes
const LINK = "studio.link"; // a link that waits for its reader to sign in

export default mount(createKeeper);

function createKeeper(parent) {
  const [copy, say, renew] = [".copy", ".say", ".renew"].map((name) => parent.querySelector(name));
  const stop = new AbortController();
  let data, send, asked, timer;
  let isBack = false;

  function tell(text, isOffer = false) {
    clearTimeout(timer);
    say.querySelector("span").textContent = text;
    renew.hidden = !isOffer;
    say.hidden = false;
    timer = setTimeout(hush, isOffer ? OFFERED_MS : SAID_MS);
  }
  const hush = () => (say.hidden = true);

  function ask() {
    asked = data.session;
    const found = { kept: read(data.place), link: takeLink() };
    if (!found.kept && !found.link) return;
    data = { ...data, waits: true };
    setTimeout(() => sendInOrder(() => send("found", found)));
  }

  function openHash() {
    const link = takeLink();
    if (link) sendInOrder(() => send("found", { link }), true);
  }

  async function copyLink() {
    if (data.whyNot) return tell(data.whyNot);
    const url = `${location.origin}${location.pathname}#drawing=${data.link}`;
    try {
      await navigator.clipboard.writeText(url);
      tell(_("Link copied. Whoever opens it sees this drawing, and nobody else's is changed."));
    } catch {
      window.prompt(_("Copy this link:"), url);
    }
  }

  copy.addEventListener("click", copyLink);
  renew.addEventListener("click", () => {
    hush();
    sendInOrder(() => send("renewed", true), true);
  });
  window.addEventListener("hashchange", openHash, { signal: stop.signal });

  return {
    update(next, setTriggerValue) {
      if (data?.content && next.content !== data.content && !renew.hidden && isBack) hush();
      const waits = data?.waits && data.session === next.session && !next.isRecalled;
      data = { ...next, waits };
      send = setTriggerValue;
      copy.style.visibility = data.isDrawn ? "visible" : "hidden";
      if (!data.isRecalled && asked !== data.session) ask();
      if (data.isBack && !isBack) tell(_("Your last drawing is back."), true);
      if (isBack && !data.isBack) hush();
      isBack = data.isBack;
      if (!data.waits) write(data.place, data.content);
    },
    dispose() {
      clearTimeout(timer);
      stop.abort();
    },
  };
}

const STORES = [() => sessionStorage, () => localStorage]; // to ask for one may be forbidden already

function read(place) {
  for (const store of STORES) {
    try {
      const kept = store().getItem(place);
      if (kept && kept.length <= MOST_LETTERS) return kept;
    } catch {}
  }
  return "";
}

function write(place, content) {
  for (const store of STORES) {
    try {
      if (store().getItem(place) === content) continue;
      store().removeItem(place); // also where the next line finds no room: an older drawing would be wrong
      if (content && content.length <= MOST_LETTERS) store().setItem(place, content);
    } catch {}
  }
}

// The drawing of the address, or of the address from before the sign-in; it is gone from there then, so that a
// reload brings back what was drawn since.
function takeLink() {
  let hash = location.hash;
  try {
    hash ||= sessionStorage.getItem(LINK) ?? "";
    sessionStorage.removeItem(LINK);
  } catch {}
  if (!hash.startsWith("#drawing=")) return "";
  if (location.hash) history.replaceState(history.state, "", location.pathname + location.search);
  return hash.slice("#drawing=".length);
}

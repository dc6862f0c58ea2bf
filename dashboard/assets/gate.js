// Holds the pen back while the canvas does not yet know what was just chosen. A new tool or drawing takes a
// round trip to Python; a stroke begun before it arrives would be drawn with the old tool, cut off or wiped.
// It is kept here instead and handed over as it was drawn. Python writes how far it is into the one number
// that the canvas shows on its element: 1000 x (loads + 1) + changes, as the largest height in pixels.
// Patience ends only where the server has answered and the canvas still does not know: a line that is cut or a
// server that is slow is waited for, because a stroke handed over too early would be drawn with the old tool.
const PATIENCE_MS = 4000;

function createGate(findPaper, isWaiting) {
  const passed = new WeakSet();
  let held = [];
  let isReady = null; // while closed: whether the canvas is there now
  let delay = 0;
  let opened, watch;

  function applied() {
    const number = parseInt(findPaper()?.scroll.style.maxHeight) || 0;
    return { change: number % 1000, load: Math.floor(number / 1000) };
  }

  function holdFor(test, settle = 0) {
    if (!findPaper()) return;
    isReady = test;
    delay = settle;
    clearTimeout(opened);
    opened = setTimeout(giveUp, PATIENCE_MS);
    watch?.disconnect();
    watch = new MutationObserver(check);
    watch.observe(findPaper().scroll, { attributes: true, attributeFilter: ["style"] });
    check();
  }

  function check() {
    if (!isReady?.(applied())) return;
    clearTimeout(opened);
    opened = setTimeout(open, delay);
  }

  function giveUp() {
    if (isWaiting()) opened = setTimeout(giveUp, PATIENCE_MS);
    else open();
  }

  function open() {
    watch?.disconnect();
    isReady = null;
    const surface = findPaper()?.upper;
    const events = held;
    held = [];
    for (const event of events) {
      passed.add(event);
      surface?.dispatchEvent(event);
    }
  }

  function handle(event) {
    if (passed.has(event) || !(isReady || held.length)) return;
    const begins = event.type === "mousedown" || event.type === "touchstart";
    if (begins ? event.composedPath()[0] !== findPaper()?.upper || event.button : !held.length) return;
    event.stopImmediatePropagation();
    event.preventDefault();
    held.push(copyOf(event));
  }

  // Forget what is held; false if there is nothing.
  function cancel() {
    const isHolding = held.length > 0;
    held = [];
    return isHolding;
  }

  return { applied, holdFor, handle, cancel };
}

function copyOf(event) {
  const base = { bubbles: true, composed: true, cancelable: true, view: window };
  if (!event.type.startsWith("touch")) {
    const { clientX, clientY, button, buttons, shiftKey } = event;
    return new MouseEvent(event.type, { ...base, clientX, clientY, button, buttons, shiftKey });
  }
  const [touches, targetTouches, changedTouches] = [event.touches, event.targetTouches, event.changedTouches].map((list) => [...list]);
  return new TouchEvent(event.type, { ...base, touches, targetTouches, changedTouches });
}

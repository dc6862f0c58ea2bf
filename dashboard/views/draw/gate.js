// Keeps what is done in its order while something must be waited for. A new tool or drawing takes a round trip
// to Python; a stroke begun before it arrives would be drawn with the old tool, cut off or wiped. It is kept
// here instead and handed over as it was drawn, and what is pressed after it waits behind it. While the line is
// cut, everything that Python must be told waits as well. Python writes how far it is into the one number
// that the canvas shows on its element: 1000 x (loads + 1) + changes, as the largest height in pixels.
// Patience ends only where the server has answered and the canvas still does not know: a line that is cut or a
// server that is slow is waited for, because a stroke handed over too early would be drawn with the old tool.
const PATIENCE_MS = 4000;

function createGate(findPaper, isOnline, isWaiting) {
  const passed = new WeakSet();
  let queue = []; // moments of strokes, and functions that may return how long the canvas takes over them, ms
  let isStroke = false; // what comes now belongs to the stroke at the queue's end
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
    hold();
    watch?.disconnect();
    watch = new MutationObserver(check);
    watch.observe(findPaper().scroll, { attributes: true, attributeFilter: ["style"] });
    check();
  }

  function hold() {
    clearTimeout(opened);
    opened = setTimeout(giveUp, PATIENCE_MS);
  }

  function check() {
    if (isReady?.(applied())) goOn(delay);
  }

  function goOn(settle) {
    clearTimeout(opened);
    opened = setTimeout(open, settle);
  }

  function giveUp() {
    if (isWaiting()) hold();
    else open();
  }

  function open() {
    watch?.disconnect();
    isReady = null;
    while (queue.length && !isReady) {
      const next = queue[0];
      if (typeof next === "function") {
        if (!isOnline()) return;
        queue.shift();
        const settle = next();
        if (settle) return goOn(settle);
      } else {
        queue.shift();
        handOver(next);
        if (isEnd(next)) return goOn(0); // the canvas takes a stroke over a moment after its end
      }
    }
    if (!queue.length) isStroke = false; // the rest of a stroke that is still being drawn needs no detour
  }

  function handOver({ event, box }) {
    const surface = findPaper()?.upper;
    if (!surface) return;
    const copy = copyOf(event, surface, box, surface.getBoundingClientRect());
    passed.add(copy);
    surface.dispatchEvent(copy);
  }

  // Carry an action out: at once, or after what waits, or when the line is back if it needs one.
  function act(action, needsLine = true) {
    if (isReady || queue.length || (needsLine && !isOnline())) queue.push(action);
    else action();
  }

  // The line is back: what was sent before it was cut may come late, what waits can go.
  function resume() {
    if (isReady) hold();
    else goOn(0);
  }

  function handle(event) {
    if (passed.has(event)) return;
    if (isStart(event)) {
      if (event.button) return;
      isStroke = Boolean(isReady || queue.length) && event.composedPath()[0] === findPaper()?.upper;
    }
    if (!isStroke) return;
    event.stopImmediatePropagation();
    event.preventDefault();
    queue.push({ type: event.type, event, box: findPaper()?.upper.getBoundingClientRect() });
    if (!isEnd(event)) return;
    isStroke = false;
    if (!isReady) goOn(0);
  }

  // Forget the stroke that is held; false if there is none.
  function cancel() {
    const begin = queue.findLastIndex(isStart);
    if (begin < 0) return false;
    queue.splice(begin);
    isStroke = false;
    return true;
  }

  return { applied, holdFor, act, resume, handle, cancel };
}

const isStart = (event) => event.type === "mousedown" || event.type === "touchstart";
const isEnd = (event) => event.type === "mouseup" || event.type === "touchend";

// The same event where the paper lies now: what comes and goes above it has moved it meanwhile.
function copyOf(event, surface, from, to) {
  const base = { bubbles: true, composed: true, cancelable: true, view: window };
  const move = ({ clientX, clientY }) => ({
    clientX: to.left + ((clientX - from.left) * to.width) / from.width,
    clientY: to.top + ((clientY - from.top) * to.height) / from.height,
  });
  if (!event.type.startsWith("touch")) {
    const { button, buttons, shiftKey } = event;
    return new MouseEvent(event.type, { ...base, ...move(event), button, buttons, shiftKey });
  }
  const moved = (touch) => {
    const { clientX, clientY } = move(touch);
    return new Touch({ identifier: touch.identifier, target: surface, clientX, clientY, pageX: clientX + scrollX, pageY: clientY + scrollY });
  };
  const [touches, targetTouches, changedTouches] = [event.touches, event.targetTouches, event.changedTouches].map((list) => [...list].map(moved));
  return new TouchEvent(event.type, { ...base, touches, targetTouches, changedTouches });
}

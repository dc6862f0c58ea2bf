// Two fingers are no pen. When a second one comes down, the stroke that the first began is ended and taken back,
// and nothing of either reaches the canvas until both are lifted.
function createPinch(getSurface, takeBack) {
  let drawing = null; // the finger that draws
  let isPinch = false;

  return (event) => {
    const surface = getSurface();
    if (!surface || (event.target !== surface && event.composedPath()[0] !== surface)) return;
    const begins = event.type === "touchstart";
    if (!event.isTrusted) return; // sent by ourselves
    if (begins && event.touches.length === 1) drawing = event.changedTouches[0];
    if (begins && event.touches.length > 1 && !isPinch) {
      isPinch = true;
      if (drawing) {
        const base = { bubbles: true, composed: true, cancelable: true, touches: [], targetTouches: [] };
        surface.dispatchEvent(new TouchEvent("touchend", { ...base, changedTouches: [drawing] }));
        takeBack();
      }
      drawing = null;
    }
    if (isPinch) {
      event.stopImmediatePropagation();
      event.preventDefault();
    }
    if (!begins && event.touches.length === 0) {
      drawing = null;
      isPinch = false;
    }
  };
}

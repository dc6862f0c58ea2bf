// Repeats every stroke on the other side of the paper's middle. The second stroke is drawn within the event
// that ends the first, so that the canvas keeps both as one step of its history.
function createMirror(getSurface) {
  let trail = null;
  let replays = false;

  const place = (event) => {
    const point = event.changedTouches ? event.changedTouches[0] : event;
    return { x: point.clientX, y: point.clientY };
  };
  const make = (type, surface, { x, y }, buttonsDown) => {
    const base = { bubbles: true, composed: true, cancelable: true, view: window };
    if (!type.startsWith("touch"))
      return new MouseEvent(type, { ...base, clientX: x, clientY: y, button: 0, buttons: buttonsDown });
    const touch = new Touch({ identifier: 7, target: surface, clientX: x, clientY: y, pageX: x + scrollX, pageY: y + scrollY });
    return new TouchEvent(type, { ...base, touches: buttonsDown ? [touch] : [], targetTouches: buttonsDown ? [touch] : [], changedTouches: [touch] });
  };

  return (event) => {
    if (replays) return;
    const surface = getSurface();
    const [phase, kind] = phaseOf(event.type);
    if (phase === "down") {
      const hits = surface && event.composedPath()[0] === surface && !event.button && !(event.touches?.length > 1);
      trail = hits ? { kind, points: [place(event)] } : null;
    } else if (!trail || !surface || trail.kind !== kind) return;
    else if (phase === "move") trail.points.push(place(event));
    else {
      const { points } = trail;
      trail = null;
      const name = kind === "touch" ? ["touchstart", "touchmove", "touchend"] : ["mousedown", "mousemove", "mouseup"];
      const box = surface.getBoundingClientRect();
      const across = ({ x, y }) => ({ x: box.left + box.right - x, y });
      event.stopImmediatePropagation();
      replays = true;
      try {
        surface.dispatchEvent(kind === "touch" ? sameFinger(event) : make(name[2], surface, place(event), 0));
        points.forEach((point, index) => surface.dispatchEvent(make(name[index ? 1 : 0], surface, across(point), 1)));
        surface.dispatchEvent(make(name[2], surface, across(points.at(-1)), 0));
      } finally {
        replays = false;
      }
    }
  };
}

function phaseOf(type) {
  const kind = type.startsWith("touch") ? "touch" : "mouse";
  const phase = { down: "down", start: "down", move: "move", up: "up", end: "up" }[type.slice(5)];
  return [phase, kind];
}

// The canvas follows one finger by its number: the end of the first stroke must carry that number.
function sameFinger(event) {
  const real = event.changedTouches[0];
  return new TouchEvent("touchend", { bubbles: true, composed: true, cancelable: true, touches: [], targetTouches: [], changedTouches: [real] });
}

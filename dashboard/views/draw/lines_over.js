// The visitor's drawing over the refined sketch and the photo, in this browser alone: what is on the paper now, in
// blue, over the sketch's lines in vermilion (Okabe & Ito 2008). The slider fades from one to the other; while D or
// the sketch itself is held, both are seen in full.
const SIDE = 512;
const REFINED = [213, 94, 0];
const MINE = [0, 114, 178];
const BOTH = 50;
const LOAD_MS = 400; // a drawing that was loaded is on the paper a moment later

export default mount(createView);

function createView(parent, { paper, refined, photo }) {
  const slider = parent.querySelector("input");
  const stop = new AbortController();
  const [onSketch, onPhoto] = [layer(), layer()];
  let isHeld = false;
  let timer;

  function layer() {
    const canvas = document.createElement("canvas");
    canvas.className = "studio-lines-over";
    canvas.width = canvas.height = SIDE;
    return canvas;
  }

  const image = (place) => document.querySelector(`${place} [data-testid="stImage"] img`);
  function surface() {
    for (const host of document.querySelectorAll(`${paper} *`)) {
      const found = host.shadowRoot?.querySelector("canvas.dc-canvas.lower-canvas");
      if (found) return found;
    }
    return null;
  }

  function draw() {
    const share = isHeld ? BOTH : Number(slider.value);
    for (const [canvas, place] of [[onSketch, refined], [onPhoto, photo]]) {
      const home = document.querySelector(place);
      if (share && home && canvas.parentElement !== home) home.append(canvas);
      canvas.hidden = !share || !image(place);
    }
    if (!share || !surface()) return;
    const mine = linesIn(surface(), MINE);
    const sketch = onSketch.getContext("2d");
    sketch.fillStyle = "#fff";
    sketch.globalAlpha = 1;
    sketch.fillRect(0, 0, SIDE, SIDE);
    sketch.globalAlpha = Math.min(1, (100 - share) / BOTH);
    if (image(refined)?.complete) sketch.drawImage(linesIn(image(refined), REFINED), 0, 0);
    sketch.globalAlpha = Math.min(1, share / BOTH);
    sketch.drawImage(mine, 0, 0);
    const picture = onPhoto.getContext("2d");
    picture.clearRect(0, 0, SIDE, SIDE);
    picture.globalAlpha = Math.min(1, share / BOTH);
    picture.drawImage(mine, 0, 0);
  }

  function drawSoon() {
    draw();
    clearTimeout(timer);
    timer = setTimeout(draw, LOAD_MS);
  }

  function hold(held) {
    if (isHeld === held) return;
    isHeld = held;
    draw();
  }

  const on = (target, kinds, act) =>
    kinds.split(" ").forEach((kind) => target.addEventListener(kind, act, { signal: stop.signal }));
  on(slider, "input", draw);
  on(window, "keydown", (event) => {
    if (keyOf(event) !== "d" || event.ctrlKey || event.metaKey || event.altKey || isTyping(event)) return;
    hold(true);
  });
  on(window, "keyup", (event) => keyOf(event) === "d" && hold(false));
  const isSketch = (event) => event.target.closest?.(refined) && event.target.matches("img, canvas");
  on(window, "pointerdown", (event) => isSketch(event) && !event.button && hold(true));
  on(window, "pointerup pointercancel blur", () => hold(false));
  on(window, "contextmenu", (event) => isHeld && isSketch(event) && event.preventDefault()); // a finger held long
  on(window, "dragstart", (event) => isSketch(event) && event.preventDefault());

  return {
    update: drawSoon,
    dispose() {
      clearTimeout(timer);
      stop.abort();
      onSketch.remove();
      onPhoto.remove();
    },
  };
}

// Black lines on white or on nothing, as lines of one colour on nothing.
function linesIn(picture, colour) {
  const canvas = document.createElement("canvas");
  canvas.width = canvas.height = SIDE;
  const context = canvas.getContext("2d", { willReadFrequently: true });
  context.fillStyle = "#fff";
  context.fillRect(0, 0, SIDE, SIDE);
  context.drawImage(picture, 0, 0, SIDE, SIDE);
  const pixels = context.getImageData(0, 0, SIDE, SIDE);
  for (let at = 0; at < pixels.data.length; at += 4) {
    pixels.data[at + 3] = 255 - pixels.data[at];
    [pixels.data[at], pixels.data[at + 1], pixels.data[at + 2]] = colour;
  }
  context.putImageData(pixels, 0, 0);
  return canvas;
}

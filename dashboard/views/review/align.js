// Eyes and mouth as three handles on the original: drag them, or nudge them with the arrow keys. The aligned
// face follows at once, drawn here; the server makes the real one when the handle is let go.
const ANCHOR_NAMES = [_("Eye on the left"), _("Eye on the right"), _("Mouth")];
const NUDGE_SETTLES_MS = 500;

// The affine that takes three points to three others, as canvas.setTransform wants it.
function affine(from, to) {
  const [[x0, y0], [x1, y1], [x2, y2]] = from;
  const area = (x1 - x0) * (y2 - y0) - (x2 - x0) * (y1 - y0);
  if (Math.abs(area) < 1e-6) return null;
  const solve = (u0, u1, u2) => {
    const a = ((u1 - u0) * (y2 - y0) - (u2 - u0) * (y1 - y0)) / area;
    const c = ((u2 - u0) * (x1 - x0) - (u1 - u0) * (x2 - x0)) / area;
    return [a, c, u0 - a * x0 - c * y0];
  };
  const [a, c, e] = solve(...to.map((point) => point[0]));
  const [b, d, f] = solve(...to.map((point) => point[1]));
  return [a, b, c, d, e, f];
}

function createAligner(dialog, { moved }) {
  const stage = dialog.querySelector(".original .stage");
  const photo = stage.querySelector("img");
  const lines = stage.querySelector("path");
  const preview = dialog.querySelector(".aligned canvas");
  const zoom = dialog.querySelector("[data-do=zoom]");
  let detail = null;
  let anchors = [];
  let view = { x: 0, y: 0, scale: 1 };
  let isZoomed = false;
  let settles = null;

  const handles = ANCHOR_NAMES.map((name, i) => {
    const handle = document.createElement("button");
    handle.type = "button";
    handle.className = "handle";
    handle.setAttribute("aria-label", _("{name}: drag, or move with the arrow keys", { name }));
    handle.addEventListener("pointerdown", (event) => grab(event, i));
    handle.addEventListener("keydown", (event) => nudge(event, i));
    handle.addEventListener("blur", () => settles !== null && settle());
    stage.append(handle);
    return handle;
  });

  function grab(event, i) {
    if (event.button) return;
    event.preventDefault();
    const handle = handles[i];
    handle.focus({ preventScroll: true });
    handle.setPointerCapture(event.pointerId);
    const start = [event.clientX, event.clientY];
    const from = anchors[i];
    const follow = (move) => {
      place(i, from[0] + (move.clientX - start[0]) / view.scale, from[1] + (move.clientY - start[1]) / view.scale);
    };
    const drop = () => {
      handle.removeEventListener("pointermove", follow);
      for (const kind of ["pointerup", "pointercancel"]) handle.removeEventListener(kind, drop);
      if (anchors[i] !== from) settle();
    };
    handle.addEventListener("pointermove", follow);
    for (const kind of ["pointerup", "pointercancel"]) handle.addEventListener(kind, drop);
  }

  function nudge(event, i) {
    const step = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }[keyOf(event)];
    if (!step || event.ctrlKey || event.metaKey) return;
    event.preventDefault();
    event.stopPropagation();
    const size = (event.shiftKey ? 8 : 1) / Math.min(1, view.scale);
    place(i, anchors[i][0] + step[0] * size, anchors[i][1] + step[1] * size);
    clearTimeout(settles);
    settles = setTimeout(settle, NUDGE_SETTLES_MS);
  }

  function settle() {
    clearTimeout(settles);
    settles = null;
    moved(detail.id, anchors.map(([x, y]) => [Math.round(x * 100) / 100, Math.round(y * 100) / 100]));
  }

  function place(i, x, y) {
    const inside = [Math.max(0, Math.min(detail.width, x)), Math.max(0, Math.min(detail.height, y))];
    anchors = anchors.map((anchor, j) => (j === i ? inside : anchor));
    draw();
    showPreview();
  }

  function showPreview() {
    const matrix = photo.naturalWidth ? affine(anchors, detail.targets) : null;
    if (!matrix) return;
    const pen = preview.getContext("2d");
    pen.setTransform(1, 0, 0, 1, 0, 0);
    pen.fillStyle = "#777";
    pen.fillRect(0, 0, preview.width, preview.height);
    pen.setTransform(...matrix);
    pen.imageSmoothingQuality = "high";
    pen.drawImage(photo, 0, 0, detail.width, detail.height);
    preview.hidden = false;
  }

  // Where the stage looks at: the whole photo, or the surroundings of the face.
  function look() {
    const side = stage.clientWidth;
    if (!detail || !side) return;
    let box = { x: 0, y: 0, width: detail.width, height: detail.height };
    if (isZoomed && anchors.length) {
      const [xs, ys] = [0, 1].map((k) => anchors.map((anchor) => anchor[k]));
      const middle = [xs, ys].map((list) => (Math.min(...list) + Math.max(...list)) / 2);
      const span = 2.2 * Math.max(Math.max(...xs) - Math.min(...xs), Math.max(...ys) - Math.min(...ys), 24);
      box = { x: middle[0] - span / 2, y: middle[1] - span / 2, width: span, height: span };
    }
    const scale = Math.min(side / box.width, side / box.height);
    view = {
      scale,
      x: (side - box.width * scale) / 2 - box.x * scale,
      y: (side - box.height * scale) / 2 - box.y * scale,
    };
    photo.style.width = `${detail.width * scale}px`;
    photo.style.height = `${detail.height * scale}px`;
    photo.style.transform = `translate(${view.x}px, ${view.y}px)`;
    draw();
  }

  function draw() {
    const points = anchors.map(([x, y]) => [view.x + x * view.scale, view.y + y * view.scale]);
    handles.forEach((handle, i) => {
      handle.hidden = !points[i];
      if (points[i]) handle.style.transform = `translate(${points[i][0]}px, ${points[i][1]}px)`;
    });
    lines.setAttribute("d", points.length ? `M${points.map((point) => point.join(" ")).join("L")}Z` : "");
  }

  zoom.addEventListener("click", () => {
    isZoomed = !isZoomed;
    zoom.setAttribute("aria-pressed", String(isZoomed));
    look();
  });
  const watch = new ResizeObserver(look);
  watch.observe(stage);

  return {
    get isSettling() {
      return settles !== null;
    },
    // What the server knows; while a move is on its way the handles stay where they were put.
    show(newDetail, isMoving) {
      const isOther = detail?.id !== newDetail.id;
      detail = newDetail;
      if (isOther) preview.hidden = true;
      if (isOther || !(isMoving || settles !== null)) anchors = newDetail.anchors;
      look();
    },
    restore(old) {
      anchors = old;
      draw();
      showPreview();
    },
    settleNow() {
      if (settles !== null) settle();
    },
    get anchors() {
      return anchors;
    },
    dispose() {
      clearTimeout(settles);
      watch.disconnect();
    },
  };
}

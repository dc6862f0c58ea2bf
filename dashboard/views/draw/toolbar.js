// The toolbar over the paper. It reaches into the canvas component's open shadow root: that component has
// undo and redo only as buttons of a toolbar that hides, no eraser, no keys, and a fixed size on screen.
const SETTLE_MS = 120; // the canvas needs a moment to draw what it loads
const SILENT_TICKS = 3; // quarters of a second that the canvas is given to report what it loaded
const SEEN_SHARE = 0.45; // of the photo that must be in sight
const LEAVE_MS = 3000; // that a link waits for a stroke, at most

export default mount(createBar);

function createBar(parentElement) {
  const buttons = Object.fromEntries(
    [...parentElement.querySelectorAll(".bar button")].map((button) => [button.dataset.do, button]),
  );
  const slider = parentElement.querySelector("input");
  const number = parentElement.querySelector("output");
  const stop = new AbortController();
  let data, setState, setTrigger;
  let tools; // what is chosen and seen
  let told; // what Python was told of it: the pen's strokes wait for their tool
  let isDrawing = false;
  let afterStroke = null;
  let paper = null; // the canvas's parts, once it is there

  // ---- the canvas component next door -----------------------------------------------------------
  function findPaper() {
    if (paper?.container.isConnected) return paper;
    paper?.watch.disconnect();
    paper = null;
    for (const host of document.querySelectorAll(`${data.canvas} *`)) {
      const container = host.shadowRoot?.querySelector(".dc-container");
      const upper = container?.querySelector(".upper-canvas");
      if (!upper) continue;
      const root = host.shadowRoot;
      const scroll = root.querySelector(".dc-scroll");
      const [send, undo, redo] = root.querySelectorAll(".dc-toolbar-card > .dc-icon-button");
      const style = document.createElement("style");
      style.textContent = data.paperCss;
      const guide = document.createElement("img");
      guide.className = "studio-guide";
      guide.alt = "";
      guide.draggable = false;
      const axis = document.createElement("div");
      axis.className = "studio-axis";
      root.append(style);
      container.append(guide, axis);
      const watch = new MutationObserver(render);
      watch.observe(undo, { attributes: true, attributeFilter: ["disabled"] });
      watch.observe(redo, { attributes: true, attributeFilter: ["disabled"] });
      paper = { container, scroll, upper, undo, redo, send, guide, axis, watch };
      render();
      break;
    }
    return paper;
  }

  // In each frame: what the canvas shows until its style is laid in, nobody sees.
  let isLooking = false;
  function awaitPaper() {
    isLooking = !stop.signal.aborted && !findPaper();
    if (isLooking) requestAnimationFrame(awaitPaper);
  }

  // ---- what is seen -------------------------------------------------------------------------------
  function render() {
    const erases = tools.tool === "eraser";
    const size = erases ? tools.eraser : tools.brush;
    const [low, high] = erases ? data.limits.eraser : data.limits.brush;
    for (const name of ["pen", "eraser"]) buttons[name].setAttribute("aria-pressed", String(tools.tool === name));
    for (const name of ["guide", "ghost", "mirror"]) buttons[name].setAttribute("aria-pressed", String(tools[name]));
    buttons.guide.hidden = !data.guideUrl;
    slider.min = low;
    slider.max = high;
    slider.value = size;
    slider.setAttribute("aria-label", erases ? _("Eraser size") : _("Brush size"));
    number.textContent = size;
    buttons.undo.disabled = (!paper || paper.undo.disabled) && !data.canTakeBack;
    buttons.redo.disabled = (!paper || paper.redo.disabled) && !data.canBringBack;
    if (!paper) return;
    if (data.guideUrl && paper.guide.src !== data.guideUrl) paper.guide.src = data.guideUrl;
    paper.guide.dataset.on = String(tools.guide && Boolean(data.guideUrl));
    paper.axis.dataset.on = String(tools.mirror);
    paper.upper.style.setProperty("--studio-cursor", cursor(size));
  }

  function cursor(size) {
    const shown = Math.max(4, (size * paper.upper.getBoundingClientRect().width) / paper.upper.width);
    const half = Math.ceil(shown / 2) + 2;
    const circle = (colour, width) =>
      `<circle cx='${half}' cy='${half}' r='${shown / 2}' fill='none' stroke='${colour}' stroke-width='${width}'/>`;
    const svg = `<svg xmlns='http://www.w3.org/2000/svg' width='${2 * half}' height='${2 * half}'>${circle("white", 2.5)}${circle("black", 1)}</svg>`;
    return `url("data:image/svg+xml,${encodeURIComponent(svg)}") ${half} ${half}, crosshair`;
  }

  // ---- what is done -------------------------------------------------------------------------------
  // Python counts the changes back to us through the canvas (see gate.js). A change that reached the canvas in
  // the middle of a stroke would cut that stroke off, so it waits for the pen to be lifted.
  function change(difference) {
    tools = { ...tools, ...difference, change: (tools.change + 1) % 1000 };
    render();
    const chosen = tools;
    const tell = () => {
      told = chosen;
      setState("tools", chosen);
      gate.holdFor((applied) => applied.change === chosen.change);
    };
    if (isDrawing) afterStroke = () => gate.act(tell);
    else gate.act(tell);
  }

  const replace = (name) => gate.act(() => load(() => setTrigger(name, true)));

  // Send for another drawing; the pen waits for it.
  function load(send) {
    const before = gate.applied().load;
    gate.holdFor((applied) => applied.load !== before, SETTLE_MS);
    send();
  }

  function resize(value) {
    const [low, high] = tools.tool === "eraser" ? data.limits.eraser : data.limits.brush;
    const size = Math.min(high, Math.max(low, value));
    change(tools.tool === "eraser" ? { eraser: size } : { brush: size });
  }

  const act = {
    pen: () => change({ tool: "pen" }),
    eraser: () => change({ tool: "eraser" }),
    // Two faces to trace at once would only confuse.
    guide: () => change({ guide: !tools.guide, ghost: tools.ghost && tools.guide }),
    ghost: () => change({ ghost: !tools.ghost, guide: tools.guide && tools.ghost }),
    mirror: () => change({ mirror: !tools.mirror }),
    undo: () => gate.act(() => step("undo", data.canTakeBack), false),
    redo: () => gate.act(() => step("redo", data.canBringBack), false),
    clear: () => replace("clear"),
  };

  // One stroke back or forth in the canvas; at its end, back over a whole drawing that was replaced.
  function step(name, isReplaced) {
    if (findPaper() && !paper[name].disabled) {
      paper[name].click();
      return SETTLE_MS;
    }
    if (isReplaced) replace(name);
    return 0;
  }

  // ---- the line to the server ---------------------------------------------------------------------
  const app = () => document.querySelector('[data-testid="stApp"]');
  const isOnline = () => (app()?.dataset.testConnectionState ?? "CONNECTED") === "CONNECTED";
  const isWaiting = () => !isOnline() || app()?.dataset.testScriptState !== "notRunning";
  const line = parentElement.querySelector(".line");
  let wasOnline = true;

  function watchLine() {
    const online = isOnline();
    line.hidden = online;
    if (online === wasOnline) return;
    wasOnline = online;
    if (!online) return;
    setState("tools", told);
    findPaper()?.send.click();
    gate.resume();
  }

  // A page that is left within a moment after a stroke takes the stroke along: Streamlit folds both requests into
  // one and drops what the older one said of widgets that the new page does not have. So links wait until the
  // server has run for the stroke, for a while at most.
  let isUnseen = false; // a stroke went out, and the run for it has not ended
  let hasRun, leave, leaving;

  function stay() {
    isUnseen = true;
    hasRun = false;
    clearTimeout(leaving);
    leaving = setTimeout(letGo, LEAVE_MS);
  }

  function letGo() {
    clearTimeout(leaving);
    isUnseen = false;
    const link = leave;
    leave = null;
    link?.click();
  }

  const runs = new MutationObserver(() => {
    if (!isUnseen) return;
    const isRunning = app()?.dataset.testScriptState !== "notRunning";
    hasRun ||= isRunning;
    if (!hasRun) return;
    clearTimeout(leaving);
    leaving = setTimeout(letGo, isRunning ? LEAVE_MS : SETTLE_MS);
  });

  // Undo as soon as the canvas can: it learns of a stroke a moment after the stroke's end.
  function takeBack(tries = 20) {
    setTimeout(() => {
      if (findPaper() && !paper.undo.disabled) paper.undo.click();
      else if (tries) takeBack(tries - 1);
    }, 30);
  }

  const gate = createGate(findPaper, isOnline, isWaiting);
  const on = (target, kinds, act, options = {}) =>
    kinds.split(" ").forEach((kind) => target.addEventListener(kind, act, { signal: stop.signal, ...options }));

  const pinch = createPinch(() => findPaper()?.upper, () => gate.cancel() || takeBack());
  on(window, "touchstart touchmove touchend touchcancel", pinch, { capture: true, passive: false });
  on(window, "mousedown mousemove mouseup touchstart touchmove touchend", gate.handle, { capture: true, passive: false });
  on(window, "studio:send", (event) => {
    event.preventDefault();
    gate.act(() => (event.detail.isLoad ? load(event.detail.send) : event.detail.send()));
  });
  for (const [name, button] of Object.entries(buttons)) on(button, "click", () => act[name]());
  on(slider, "input", () => (number.textContent = slider.value));
  on(slider, "change", () => resize(Number(slider.value)));

  const keys = { b: "pen", p: "pen", e: "eraser", g: "guide", h: "ghost", m: "mirror" };
  on(window, "keydown", (event) => {
    if (isTyping(event) || event.altKey) return;
    const key = keyOf(event);
    if (event.ctrlKey || event.metaKey) {
      if (key !== "z" && key !== "y") return;
      event.preventDefault();
      act[key === "y" || event.shiftKey ? "redo" : "undo"]();
    } else if (keys[key] && !buttons[keys[key]].hidden) act[keys[key]]();
    else if (key === "[" || key === "]") {
      resize(Number(slider.value) + (key === "]" ? 1 : -1) * (tools.tool === "eraser" ? 4 : 1));
    } else if (key === "n") gate.act(() => setTrigger("generator", event.shiftKey ? -1 : 1));
    else if (data.clicks[key]) document.querySelector(data.clicks[key])?.click();
  });

  // The canvas sends a drawing 200 ms after the pen is lifted. That is late for a photo that follows the pen,
  // and too late for Convert, which must not miss the last stroke.
  on(window, "mousedown touchstart", (event) => (isDrawing = event.composedPath()[0] === findPaper()?.upper), { capture: true });
  on(window, "mouseup touchend", () => {
    if (!isDrawing) return;
    isDrawing = false;
    stay();
    setTimeout(() => {
      findPaper()?.send.click();
      afterStroke?.();
      afterStroke = null;
    });
  }, { capture: true });
  const flush = (event) => {
    if (event.target.closest?.(data.convert) && findPaper()) paper.send.click();
  };
  on(window, "pointerdown click", flush, { capture: true });

  if (app()) runs.observe(app(), { attributes: true, attributeFilter: ["data-test-script-state"] });
  on(window, "click", (event) => {
    const link = event.target.closest?.("a[href]");
    if (!isUnseen || !link || link.target === "_blank" || link.download || event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    event.stopImmediatePropagation();
    leave = link;
  }, { capture: true });

  const mirror = createMirror(() => told.mirror && findPaper()?.upper);
  on(window, "mousedown mousemove mouseup touchstart touchmove touchend", mirror, { capture: true, passive: false });
  on(window, "resize", () => paper && render());
  // The photo below the fold: a small copy of it floats, on narrow screens (toolbar.css).
  const mini = parentElement.querySelector(".mini");
  const big = () => document.querySelector('.st-key-photo [data-testid="stImage"] img');
  function showMini() {
    const box = big()?.getBoundingClientRect();
    const seen = box ? Math.min(box.bottom, innerHeight) - Math.max(box.top, 0) : 0;
    mini.hidden = !box || seen > SEEN_SHARE * box.height;
    if (box && mini.firstElementChild.src !== big().src) mini.firstElementChild.src = big().src;
  }
  on(mini, "click", () => big()?.scrollIntoView({ behavior: "smooth", block: "center" }));
  on(window, "scroll", showMini, { capture: true, passive: true });

  // A canvas that starts with a drawing, as one from a link, may show it and say nothing.
  let silence = 0;
  function askForPixels() {
    if (!data.awaitsPixels || isWaiting() || isDrawing) silence = 0;
    else if ((silence += 1) % SILENT_TICKS === 0) findPaper()?.send.click();
  }

  const timer = setInterval(() => {
    findPaper();
    watchLine();
    askForPixels();
    showMini();
  }, 250);

  return {
    update(newData, setTriggerValue, setStateValue) {
      data = newData;
      setState = setStateValue;
      setTrigger = setTriggerValue;
      if (!tools || tools.change === data.tools.change) tools = told = data.tools; // an older answer undoes nothing
      if (!isLooking) awaitPaper();
      render();
    },
    dispose() {
      clearInterval(timer);
      clearTimeout(leaving);
      runs.disconnect();
      stop.abort();
      paper?.watch.disconnect();
    },
  };
}

// All ways to make the face over the page: an overview, one large with the drawing beside it, and a choice.
export default mount(createView);

function createView(parent) {
  const dialog = parent.querySelector("dialog");
  const find = (selector) => dialog.querySelector(selector);
  const [body, large, hint] = [find(".body"), find(".large"), find(".hint")];
  let data, send;
  let enlarged = null; // number of the tile that is shown large
  let coming = "";
  let isDone = false;
  const make = (tag, name, text = "") => Object.assign(document.createElement(tag), { className: name, textContent: text });

  function renderTiles() {
    const focused = parent.querySelector(":focus")?.dataset?.tile;
    const groups = Map.groupBy
      ? Map.groupBy(data.tiles.map((tile, number) => ({ ...tile, number })), (tile) => tile.stage)
      : new Map([["", data.tiles.map((tile, number) => ({ ...tile, number }))]]);
    body.replaceChildren(
      ...[...groups].flatMap(([stage, tiles]) => {
        const row = make("div", "row");
        row.style.setProperty("--count", tiles.length);
        row.append(...tiles.map(tileOf));
        return [make("h3", "", stage), row];
      }),
    );
    if (focused !== undefined) body.querySelector(`[data-tile="${focused}"]`)?.focus();
  }

  function tileOf(tile) {
    const button = make("button", "tile");
    button.type = "button";
    button.dataset.tile = tile.number;
    button.disabled = !tile.src;
    button.setAttribute("aria-label", `${tile.title}, ${tile.stage}`);
    button.setAttribute("aria-current", String(tile.number === data.selected));
    const frame = make("span", tile.src || tile.trouble ? "frame" : "frame waits");
    if (tile.src) frame.append(Object.assign(make("img", ""), { src: tile.src, alt: "" }));
    if (tile.trouble) frame.append(make("span", "trouble", tile.trouble));
    const words = make("span", "words");
    words.append(make("b", "", tile.title), make("small", "", tile.time));
    button.append(frame, words, make("small", "pairing", tile.pairing));
    button.addEventListener("click", () => enlarge(tile.number));
    return button;
  }

  function renderLarge() {
    hint.textContent = coming || (enlarged === null ? _("Click one to see it large.") : _("The arrow keys go on to the next one."));
    large.hidden = enlarged === null;
    body.hidden = enlarged !== null;
    if (enlarged === null) return;
    const tile = data.tiles[enlarged];
    find(".photo").src = tile.src;
    find(".photo").alt = _("Photo by {title}, {stage}", tile);
    find(".drawn").src = data.drawing;
    find(".drawn").hidden = !data.drawing;
    find("figcaption").textContent = `${tile.title} · ${tile.stage}${tile.time ? ` · ${tile.time}` : ""}`;
  }

  function enlarge(number) {
    enlarged = number;
    renderLarge();
    find(".primary").focus();
  }

  function overview() {
    const last = enlarged;
    enlarged = null;
    renderLarge();
    body.querySelector(`[data-tile="${last}"]`)?.focus();
  }

  // Through the finished ones, in the place where one is shown, so that differences jump to the eye.
  function step(by) {
    const finished = data.tiles.flatMap((tile, number) => (tile.src ? [number] : []));
    if (enlarged !== null) enlarge(finished.at((finished.indexOf(enlarged) + by) % finished.length));
    else {
      const focused = parent.querySelector(":focus")?.dataset?.tile;
      const place = focused === undefined ? -1 : finished.indexOf(Number(focused));
      body.querySelector(`[data-tile="${finished.at((place + by) % finished.length)}"]`)?.focus();
    }
  }

  function end(trigger, value) {
    if (isDone) return;
    isDone = true;
    dialog.close();
    sendInOrder(() => send(trigger, value));
  }

  const acts = {
    close: () => end("closed", true),
    previous: () => step(-1),
    next: () => step(1),
    back: overview,
    use: () => end("picked", enlarged),
  };
  for (const button of dialog.querySelectorAll("[data-do]")) button.addEventListener("click", () => acts[button.dataset.do]());
  dialog.addEventListener("click", (event) => event.composedPath()[0] === dialog && acts.close());
  dialog.addEventListener("cancel", (event) => {
    event.preventDefault();
    if (enlarged === null) acts.close();
    else overview();
  });
  dialog.addEventListener("keydown", (event) => {
    event.stopPropagation(); // the page's own keys rest
    const key = keyOf(event);
    if (key === "ArrowRight") step(1);
    else if (key === "ArrowLeft") step(-1);
    else if (key === "s" && !event.ctrlKey && !event.metaKey) acts.close();
    else return;
    event.preventDefault();
  });

  return {
    update(newData, setTriggerValue) {
      data = newData;
      send = setTriggerValue;
      const left = data.tiles.filter((tile) => !tile.src && !tile.trouble).length;
      coming = left ? _("{left} still to come …", { left }) : "";
      renderTiles();
      renderLarge();
      if (!dialog.open && !isDone) dialog.showModal();
    },
    dispose: () => dialog.close(),
  };
}

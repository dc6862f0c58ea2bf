// Cases as rows of pictures. A click shows one large; the difference to the truth is computed here, in the browser.
export default mount(createView);

const STOPS = [[11, 8, 36], [76, 29, 107], [168, 50, 94], [236, 106, 46], [251, 212, 92], [253, 255, 216]];

function colourOf(share) {
  const place = Math.min(0.9999, Math.max(0, share)) * (STOPS.length - 1);
  const [one, other, part] = [STOPS[Math.floor(place)], STOPS[Math.floor(place) + 1], place % 1];
  return one.map((value, channel) => value + (other[channel] - value) * part);
}

const LARGE_DIFFERENCE = 128; // grey levels that are shown at the top of the scale

async function pixelsOf(src, side) {
  const image = new Image();
  image.src = src;
  await image.decode();
  const canvas = new OffscreenCanvas(side, side);
  const pen = canvas.getContext("2d", { willReadFrequently: true });
  pen.drawImage(image, 0, 0, side, side);
  return pen.getImageData(0, 0, side, side).data;
}

async function drawDifference(canvas, src, truth) {
  const side = 256;
  const [ours, theirs] = await Promise.all([pixelsOf(src, side), pixelsOf(truth, side)]);
  canvas.width = canvas.height = side;
  const pen = canvas.getContext("2d");
  const out = pen.createImageData(side, side);
  for (let i = 0; i < ours.length; i += 4) {
    const mean = (Math.abs(ours[i] - theirs[i]) + Math.abs(ours[i + 1] - theirs[i + 1]) + Math.abs(ours[i + 2] - theirs[i + 2])) / 3;
    const colour = colourOf(mean / LARGE_DIFFERENCE);
    out.data.set(colour, i);
    out.data[i + 3] = 255;
  }
  pen.putImageData(out, 0, 0);
}

function createView(parent) {
  const grid = parent.querySelector(".grid");
  const dialog = parent.querySelector("dialog");
  const large = dialog.querySelector(".large");
  const find = (selector) => dialog.querySelector(selector);
  const mapSwitch = find('[data-do="map"]');
  let data = { places: [], cases: [], isMap: false };
  let shown = null; // number of the case that is shown large
  const make = (tag, name = "", text = "") => Object.assign(document.createElement(tag), { className: name, textContent: text });
  const truthOf = (row) => row.tiles[data.places.findIndex((place) => place.kind === "real")]?.src ?? "";

  function pictureOf(tile, place, row, alt, isMap) {
    const truth = truthOf(row);
    if (!tile.src) return make("span", "none", _("no image"));
    if (isMap && place.kind === "model" && truth) {
      const canvas = make("canvas");
      canvas.setAttribute("role", "img");
      canvas.setAttribute("aria-label", _("Difference of {alt} to the truth", { alt }));
      drawDifference(canvas, tile.src, truth).catch(() => canvas.replaceWith(make("span", "none", _("no difference map"))));
      return canvas;
    }
    return Object.assign(make("img"), { src: tile.src, alt, loading: "lazy" });
  }

  function tileOf(row, number, position) {
    const [tile, place] = [row.tiles[position], data.places[position]];
    const button = make("button", place.kind === "sketch" || place.kind === "refined" ? "tile is-paper" : "tile");
    button.type = "button";
    button.dataset.place = `${number}.${position}`;
    const name = _("{title}, case {name}", { title: place.title, name: row.name });
    button.setAttribute("aria-label", tile.score ? `${name}, ${data.column} ${tile.score}` : name);
    const frame = make("span", "frame");
    frame.append(pictureOf(tile, place, row, "", data.isMap));
    const words = make("small");
    words.append(Object.assign(make("span", "title", place.title), { title: place.title }), make("span", tile.mark ?? "", tile.score));
    button.append(frame, words);
    button.addEventListener("click", () => open(number));
    return button;
  }

  function render() {
    const focused = parent.querySelector(".grid :focus")?.dataset?.place ?? grid.getRootNode().activeElement?.dataset?.place;
    grid.style.setProperty("--places", data.places.length);
    const rows = data.cases.map((row, number) => {
      const line = make("div", "case");
      line.setAttribute("role", "group");
      line.setAttribute("aria-label", row.name);
      const name = make("span", "name", row.name);
      if (row.labels.length) name.append(make("small", "", row.labels.join(" · ")));
      line.append(name, ...row.tiles.map((_, position) => tileOf(row, number, position)));
      return line;
    });
    grid.replaceChildren(...rows);
    if (focused) grid.querySelector(`[data-place="${focused}"]`)?.focus();
  }

  function figureOf(row, position) {
    const [tile, place] = [row.tiles[position], data.places[position]];
    const figure = make("figure");
    const frame = make("div", "frame");
    frame.append(pictureOf(tile, place, row, _("{title}, case {name}", { title: place.title, name: row.name }), mapSwitch.checked));
    const caption = make("figcaption");
    caption.append(make("b", "", place.title));
    if (tile.scores?.length) {
      const list = make("dl");
      for (const [title, score] of tile.scores) list.append(make("dt", "", title), make("dd", "", score));
      caption.append(list);
    }
    if (tile.near) {
      const near = make("div", "near");
      if (tile.near.src) near.append(Object.assign(make("img"), { src: tile.near.src, alt: _("Training photo {name}", tile.near) }));
      near.append(make("span", "", _("Nearest training photo: {name}, at {distance}", tile.near)));
      caption.append(near);
    }
    figure.append(frame, caption);
    return figure;
  }

  function renderLarge() {
    const row = data.cases[shown];
    find("h2").textContent = row.name;
    find(".labels").textContent = row.labels.join(" · ");
    mapSwitch.closest("label").hidden = !truthOf(row);
    find(".legend").hidden = !mapSwitch.checked || !truthOf(row);
    large.style.setProperty("--wide", Math.ceil(row.tiles.length / Math.ceil(row.tiles.length / 4)));
    large.replaceChildren(...row.tiles.map((_, position) => figureOf(row, position)));
  }

  function open(number) {
    shown = number;
    mapSwitch.checked = mapSwitch.checked || data.isMap;
    renderLarge();
    if (!dialog.open) dialog.showModal();
  }

  function step(by) {
    shown = (shown + by + data.cases.length) % data.cases.length;
    renderLarge();
  }

  const acts = { close: () => dialog.close(), previous: () => step(-1), next: () => step(1) };
  for (const button of dialog.querySelectorAll("button[data-do]")) button.addEventListener("click", () => acts[button.dataset.do]());
  mapSwitch.addEventListener("change", renderLarge);
  dialog.addEventListener("click", (event) => event.composedPath()[0] === dialog && dialog.close());
  dialog.addEventListener("close", () => grid.querySelector(`[data-place^="${shown}."]`)?.focus());
  dialog.addEventListener("keydown", (event) => {
    event.stopPropagation(); // Streamlit's own keys rest
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const key = keyOf(event);
    if (key === "ArrowRight") step(1);
    else if (key === "ArrowLeft") step(-1);
    else if (key === "d") {
      mapSwitch.checked = !mapSwitch.checked;
      renderLarge();
    } else return;
    event.preventDefault();
  });
  grid.addEventListener("keydown", (event) => {
    const place = grid.getRootNode().activeElement?.dataset?.place;
    const move = { ArrowRight: [0, 1], ArrowLeft: [0, -1], ArrowDown: [1, 0], ArrowUp: [-1, 0] }[keyOf(event)];
    if (!place || !move) return;
    const [number, position] = place.split(".").map(Number);
    const next = grid.querySelector(`[data-place="${number + move[0]}.${position + move[1]}"]`);
    if (next) {
      next.focus();
      event.preventDefault();
    }
  });

  return {
    update(newData) {
      const text = JSON.stringify(newData);
      if (text === data.text) return;
      data = { ...newData, text };
      render();
      if (dialog.open && shown < data.cases.length) renderLarge();
      else if (dialog.open) dialog.close();
    },
    dispose: () => dialog.close(),
  };
}

// The grid of faces: one cell each, drawn once and then only changed where something changed.
const ICONS = {
  keep: '<path d="M5 12.5l4.5 4.5L19 7.5"/>',
  reject: '<path d="M6.5 6.5l11 11M17.5 6.5l-11 11"/>',
  unsure: '<path d="M8.6 9.2a3.4 3.4 0 1 1 5 3c-1.1.6-1.6 1.2-1.6 2.4"/><path d="M12 18v.01"/>',
  disputed: '<path d="M12 5v8"/><path d="M12 18v.01"/>',
  stack: '<rect x="4" y="8" width="12" height="12" rx="2"/><path d="M8 4h10a2 2 0 0 1 2 2v10"/>',
};
const DECISIONS = { keep: _("Keep"), reject: _("Reject"), unsure: _("Unsure") };
const DECIDED = { keep: _("kept by {who}"), reject: _("rejected by {who}"), unsure: _("unsure by {who}") };
const VERDICTS = { keep: _("machine: keep, {why}"), reject: _("machine: reject, {why}") };

function icon(name) {
  return `<svg viewBox="0 0 24 24" aria-hidden="true">${ICONS[name]}</svg>`;
}

function pictureUrl(data, kind, tile) {
  return `${data.root}/${kind}/${tile.id}?v=${tile.v}`;
}

// An arrow from the middle towards where the face looks; a dot when it looks at us.
function poseArrow(yaw, pitch) {
  if (yaw === null || pitch === null) return "";
  const [x, y] = [yaw, pitch].map((angle) => Math.max(-9, Math.min(9, (angle / 30) * 9)));
  return `<svg viewBox="-11 -11 22 22" aria-hidden="true"><circle r="9.5"/><path d="M0 0L${x.toFixed(1)} ${y.toFixed(1)}"/><circle class="tip" cx="${x.toFixed(1)}" cy="${y.toFixed(1)}" r="2.3"/></svg>`;
}

function describe(tile, place, count) {
  const parts = [_("Face {place} of {count}", { place: place + 1, count })];
  if (tile.d) parts.push(_(DECIDED[tile.d], { who: tile.who.join(", ") || _("you") }));
  if (tile.disputed) parts.push(_("reviewers disagree ({said})", tile));
  parts.push(tile.verdict ? _(VERDICTS[tile.verdict], tile) : tile.why);
  if (tile.pose) parts.push(tile.pose);
  if (tile.p !== null) parts.push(_("proposal: {guess}", { guess: guess(tile) }));
  if (tile.labels.length) parts.push(_("labels: {labels}", { labels: tile.labels.join(", ") }));
  if (tile.dup > 1) parts.push(_("one of {dup} that look the same", tile));
  return parts.join("; ");
}

function guess(tile) {
  const keeps = tile.p >= 0.5;
  const sure = Math.round(100 * (keeps ? tile.p : 1 - tile.p));
  return keeps ? _("keep {sure} %", { sure }) : _("reject {sure} %", { sure });
}

const SIZES = [1, 1.6, 2.6]; // of a face, beside the smallest

function columnsFor(width) {
  const most = width >= 1180 ? 12 : width >= 900 ? 10 : width >= 560 ? 6 : 3;
  return Math.max(1, Math.round(most / (SIZES[remembered(SIZE_KEY, 0)] ?? 1)));
}

function createTiles(grid, { pick, open, beside }) {
  let cells = [];
  let columns = columnsFor(grid.clientWidth || 1200);
  let data = null;

  function makeCell() {
    const cell = document.createElement("div");
    cell.className = "tile";
    cell.setAttribute("role", "gridcell");
    cell.tabIndex = -1;
    cell.innerHTML = `<div class="face"><img alt="" decoding="async" draggable="false"><span class="none"></span><span class="mark"></span>
      <span class="dup"></span><span class="pose"></span><span class="labels"></span></div>
      <div class="why"><span class="verdict"></span><span class="words"></span></div><div class="guess"></div>`;
    const parts = Object.fromEntries([...cell.querySelectorAll("[class]")].map((part) => [part.className, part]));
    parts.img = cell.querySelector("img");
    parts.img.addEventListener("error", () => (cell.dataset.picture = "none"));
    parts.img.addEventListener("load", () => (cell.dataset.picture = "here"));
    cell.addEventListener("click", (event) => pick(cells.findIndex((entry) => entry.cell === cell), event));
    parts.dup.addEventListener("click", (event) => {
      event.stopPropagation();
      beside(cells.findIndex((entry) => entry.cell === cell));
    });
    cell.addEventListener("dblclick", () => open(cells.findIndex((entry) => entry.cell === cell)));
    return { cell, parts, shown: "" };
  }

  function set(element, html) {
    if (element.innerHTML !== html) element.innerHTML = html;
    element.hidden = !html;
  }

  function fill(entry, tile, place, isSelected, isFocused) {
    const { cell, parts } = entry;
    const url = tile.v ? pictureUrl(data, "thumb", tile) : "";
    if (cell.dataset.url !== url) {
      cell.dataset.url = url;
      cell.dataset.picture = url ? "coming" : "none";
      if (url) parts.img.src = url;
      else parts.img.removeAttribute("src");
    }
    cell.tabIndex = isFocused ? 0 : -1;
    cell.setAttribute("aria-selected", String(isSelected));
    const key = JSON.stringify([tile, place, data.hasProposals, data.isDisputes]);
    if (key === entry.shown) return;
    entry.shown = key;
    cell.dataset.id = tile.id;
    cell.dataset.decision = tile.d;
    cell.dataset.verdict = tile.verdict;
    cell.toggleAttribute("data-gone", Boolean(tile.gone));
    const label = describe(tile, place, data.tiles.length);
    cell.setAttribute("aria-label", label);
    cell.title = label.replace(/^[^;]*; /, "").replaceAll("; ", "\n");
    parts.none.textContent = tile.gone ? _("deleted") : _("no image");
    set(parts.mark, tile.disputed ? icon("disputed") : tile.d ? icon(tile.d) : "");
    parts.mark.dataset.kind = tile.disputed ? "disputed" : tile.d;
    set(parts.dup, tile.dup > 1 ? `${icon("stack")}${tile.dup}` : "");
    set(parts.pose, poseArrow(tile.yaw, tile.pitch));
    parts.labels.replaceChildren(
      ...tile.labels.map((name) => {
        const chip = document.createElement("span");
        chip.textContent = name;
        return chip;
      }),
    );
    set(parts.verdict, tile.verdict ? icon(tile.verdict) : "");
    parts.words.textContent = tile.disputed && data.isDisputes ? tile.said : tile.why;
    parts.guess.hidden = !data.hasProposals;
    parts.guess.style.setProperty("--keep", tile.p ?? 0.5);
    parts.guess.textContent = tile.p === null ? "" : guess(tile);
  }

  function layOut() {
    const rows = [];
    for (let start = 0; start < cells.length; start += columns) {
      const row = document.createElement("div");
      row.setAttribute("role", "row");
      row.append(...cells.slice(start, start + columns).map((entry) => entry.cell));
      rows.push(row);
    }
    const focused = grid.getRootNode().activeElement;
    grid.style.setProperty("--columns", columns);
    grid.replaceChildren(...rows);
    if (focused?.isConnected && focused.classList.contains("tile")) focused.focus({ preventScroll: true });
  }

  const watch = new ResizeObserver(() => {
    const wanted = columnsFor(grid.clientWidth);
    if (wanted === columns || !grid.clientWidth) return;
    columns = wanted;
    layOut();
  });
  watch.observe(grid);

  return {
    get columns() {
      return columns;
    },
    layOut() {
      columns = columnsFor(grid.clientWidth || 1200);
      layOut();
    },
    render(newData, tiles, selection, focus) {
      data = newData;
      if (cells.length !== tiles.length) {
        while (cells.length < tiles.length) cells.push(makeCell());
        cells = cells.slice(0, tiles.length);
        layOut();
      }
      tiles.forEach((tile, i) => fill(cells[i], tile, i, selection.has(tile.id), i === focus));
    },
    focus(place) {
      const cell = cells[place]?.cell;
      cell?.focus({ preventScroll: true });
      cell?.scrollIntoView({ block: "nearest" });
    },
    dispose() {
      watch.disconnect();
    },
  };
}

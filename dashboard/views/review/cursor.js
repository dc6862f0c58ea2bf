// Where the keys go: the face that has the focus, and the faces that are selected.
function createCursor(grid, getTiles, changed) {
  let focus = 0;
  let anchor = 0; // where a range begins
  let selection = new Set();

  function goTo(place, extend = false) {
    const tiles = getTiles();
    if (!tiles.length) return;
    focus = Math.max(0, Math.min(tiles.length - 1, place));
    if (!extend) anchor = focus;
    const [low, high] = [Math.min(anchor, focus), Math.max(anchor, focus)];
    selection = new Set(extend ? tiles.slice(low, high + 1).map((tile) => tile.id) : []);
    changed();
    grid.focus(focus);
  }

  function toggle(place) {
    const { id } = getTiles()[place];
    selection = new Set(selection);
    if (!selection.delete(id)) selection.add(id);
    focus = anchor = place;
    changed();
    grid.focus(focus);
  }

  return {
    get place() {
      return Math.max(0, Math.min(focus, getTiles().length - 1));
    },
    get selection() {
      return selection;
    },
    // The selected faces, else the one that has the focus.
    get chosen() {
      const tiles = getTiles();
      const some = tiles.filter((tile) => selection.has(tile.id));
      return some.length ? some : tiles.slice(this.place, this.place + 1);
    },
    goTo,
    toggle,
    put(place) {
      focus = anchor = place;
      selection = new Set();
    },
    deselect() {
      selection = new Set();
    },
    selectAll() {
      selection = new Set(getTiles().map((tile) => tile.id));
      changed();
    },
    move(way, extend) {
      const last = getTiles().length - 1;
      if (way === "first" || way === "last") return goTo(way === "first" ? 0 : last, extend);
      const to = focus + way[0] + way[1] * grid.columns;
      return to < 0 || to > last ? undefined : goTo(to, extend);
    },
    pick(place, event) {
      if (event.ctrlKey || event.metaKey) toggle(place);
      else goTo(place, event.shiftKey);
    },
  };
}

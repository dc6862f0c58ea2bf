// Faces side by side: look-alikes, or those that are selected. One of them is kept and the others go, in one step.
function createBeside(dialog, { pick, close }) {
  const row = dialog.querySelector(".row");
  dialog.querySelector("[data-do=close]").addEventListener("click", () => dialog.close());
  dialog.addEventListener("close", close);
  let ids = [];

  function figureOf(data, tile, place, count) {
    const figure = document.createElement("figure");
    figure.innerHTML = `<div class="stage"><img decoding="async"></div><figcaption><button type="button" class="plain wide"></button></figcaption><ul></ul>`;
    const image = figure.querySelector("img");
    image.alt = _("Face {place} of {count}", { place: place + 1, count });
    image.src = pictureUrl(data, "original", tile);
    image.addEventListener("error", () => (image.parentElement.dataset.missing = ""), { once: true });
    const button = figure.querySelector("button");
    button.textContent = place < 9 ? _("Keep only this one ({key})", { key: place + 1 }) : _("Keep only this one");
    button.addEventListener("click", () => choose(place));
    const words = tile.d ? DECISIONS[tile.d] : tile.verdict ? _(VERDICTS[tile.verdict], tile) : tile.why;
    figure.querySelector("ul").replaceChildren(...[words, ...tile.facts].map((text) => Object.assign(document.createElement("li"), { textContent: text })));
    return figure;
  }

  function choose(place) {
    const [all, kept] = [ids, ids[place]];
    if (!kept) return;
    pick(all, kept); // which does nothing where nobody knows who is asking
    dialog.close();
  }

  return {
    get isOpen() {
      return dialog.open;
    },
    choose,
    render(data, tiles) {
      const wanted = tiles.filter((tile) => !tile.gone).map((tile) => tile.id);
      if (wanted.join() === ids.join() && dialog.open) return;
      ids = wanted;
      if (!ids.length) return;
      dialog.querySelector("h2").textContent = _("{n} side by side", { n: ids.length });
      row.style.setProperty("--wide", Math.min(ids.length, 4));
      row.replaceChildren(...tiles.filter((tile) => !tile.gone).map((tile, place) => figureOf(data, tile, place, ids.length)));
      if (!dialog.open) dialog.showModal();
      dialog.focus();
    },
    forget() {
      ids = [];
    },
  };
}

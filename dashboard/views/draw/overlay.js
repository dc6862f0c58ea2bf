// Lays the ghost into the canvas's open shadow root, beside the guide. It is a picture over the paper that
// multiplies with what is under it: drawing, undo and eraser know nothing of it.
export default function ({ data, parentElement }) {
  let tries = 0;
  let timer;
  const lay = () => {
    for (const host of document.querySelectorAll(`${data.canvas} *`)) {
      const container = host.shadowRoot?.querySelector(".dc-container");
      if (!container) continue;
      let ghost = container.querySelector(".studio-ghost");
      if (!ghost) {
        ghost = document.createElement("img");
        ghost.className = "studio-ghost";
        ghost.alt = "";
        ghost.draggable = false;
        container.append(ghost);
      }
      if (data.url && ghost.getAttribute("src") !== data.url) ghost.src = data.url;
      ghost.dataset.on = String(Boolean(data.url));
      return;
    }
    if ((tries += 1) < 40) timer = setTimeout(lay, 250); // the canvas comes a moment later
  };
  lay();
  return () => clearTimeout(timer);
}

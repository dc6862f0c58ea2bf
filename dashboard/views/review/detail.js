// One face looked at closely: original, aligned and sketch side by side, what was measured, who decided what.
function createDetail(dialog, { act, close }) {
  const find = (selector) => dialog.querySelector(selector);
  const buttons = Object.fromEntries([...dialog.querySelectorAll("[data-do]")].map((b) => [b.dataset.do, b]));
  const [photo, crop, sketch] = [".original img", ".aligned img", ".sketch img"].map(find);
  const preview = find(".aligned canvas");
  const mesh = find(".mesh");
  const reason = find(".reason");
  const label = find("input.label");
  let tile = null;
  let moves = []; // anchors before each move of this visit
  let isMeshShown = false;

  const aligner = createAligner(dialog, {
    moved(id, anchors) {
      moves.push(lastAnchors);
      lastAnchors = anchors;
      buttons.back.hidden = false;
      act.align(id, anchors);
    },
  });
  let lastAnchors = [];

  function setPicture(image, url) {
    if (image.dataset.url === url) return;
    image.dataset.url = url;
    image.hidden = !url;
    image.parentElement.toggleAttribute("data-missing", !url);
    if (url) image.src = url;
    else image.removeAttribute("src");
    noteLoaded();
  }
  crop.addEventListener("load", () => {
    if (!aligner.isSettling) preview.hidden = true; // the server's own crop is here
  });
  const pictures = [photo, crop, sketch];
  function noteLoaded() {
    dialog.toggleAttribute("data-loaded", pictures.every((image) => image.hidden || (image.complete && image.naturalWidth)));
  }
  for (const image of pictures) image.addEventListener("load", noteLoaded);

  function list(element, entries) {
    element.replaceChildren(...entries.map((text) => Object.assign(document.createElement("li"), { textContent: text })));
  }

  function measureRow(measure) {
    const row = document.createElement("div");
    row.className = "measure";
    row.toggleAttribute("data-deciding", measure.deciding);
    row.toggleAttribute("data-off", measure.off);
    row.innerHTML = '<span class="what"></span><span class="track"><i class="allowed"></i><b></b></span><span class="value"></span>';
    row.children[0].textContent = measure.title;
    row.children[2].textContent = measure.text;
    row.title = measure.sentence;
    const [allowed, dot] = row.children[1].children;
    allowed.style.left = `${100 * measure.from}%`;
    allowed.style.right = `${100 * (1 - measure.to)}%`;
    allowed.hidden = !measure.ruled;
    dot.hidden = measure.at === null;
    dot.style.left = `${100 * measure.at}%`;
    return row;
  }

  function drawMesh(detail) {
    mesh.toggleAttribute("data-on", isMeshShown);
    buttons.mesh.setAttribute("aria-pressed", String(isMeshShown));
    buttons.mesh.disabled = !detail?.lines.length;
    mesh.innerHTML = detail ? `<path class="dots" d="${detail.dots}"/><path d="${detail.lines}"/>` : "";
  }

  function link({ text, action }) {
    const item = document.createElement("li");
    const button = document.createElement("button");
    button.type = "button";
    button.className = "plain";
    button.textContent = text;
    button.addEventListener("click", () => {
      act.follow(action);
      dialog.close();
    });
    item.append(button);
    return item;
  }

  function chip(name) {
    const button = document.createElement("button");
    button.type = "button";
    button.className = "chip";
    button.textContent = `${name} ×`;
    button.setAttribute("aria-label", _("Remove label {name}", { name }));
    button.addEventListener("click", () => act.label(tile.id, [], [name]));
    return button;
  }

  let detail = null;
  buttons.mesh.addEventListener("click", () => api.toggleMesh());
  buttons.close.addEventListener("click", () => dialog.close());
  buttons.earlier.addEventListener("click", () => act.step(-1));
  buttons.later.addEventListener("click", () => act.step(1));
  for (const name of ["keep", "unsure", "reject"]) buttons[name].addEventListener("click", () => act.decide(name));
  buttons.back.addEventListener("click", () => {
    lastAnchors = moves.pop();
    buttons.back.hidden = !moves.length;
    aligner.restore(lastAnchors);
    act.align(tile.id, lastAnchors);
  });
  reason.addEventListener("input", () => (buttons.delete.disabled = !reason.value.trim()));
  buttons.delete.addEventListener("click", () => {
    act.remove(tile.id, reason.value.trim());
    dialog.close();
  });
  label.addEventListener("keydown", (event) => {
    const key = keyOf(event);
    if (key === "Escape") {
      event.preventDefault();
      label.blur();
      dialog.focus();
    }
    const name = label.value.trim().toLowerCase();
    if (key !== "Enter" || !name) return;
    act.label(tile.id, [name], []);
    label.value = "";
  });
  dialog.addEventListener("close", () => {
    aligner.settleNow();
    tile = null;
    close();
  });

  const api = {
    get id() {
      return tile?.id ?? null;
    },
    open(newTile) {
      if (tile?.id !== newTile.id) {
        aligner.settleNow();
        moves = [];
        buttons.back.hidden = true;
        reason.value = "";
        buttons.delete.disabled = true;
        find(".delete").open = false;
      }
      tile = newTile;
      if (dialog.open) return;
      dialog.showModal();
      dialog.focus(); // not its first button: keys are for the face
    },
    render(data, newTile, place, isMoving) {
      tile = newTile;
      detail = data.detail?.id === tile.id ? data.detail : null;
      dialog.dataset.id = tile.id;
      dialog.dataset.version = tile.v;
      dialog.toggleAttribute("data-ready", Boolean(detail));
      find(".title strong").textContent = detail?.sentence ?? tile.why;
      find(".title strong").title = detail?.sentence ?? "";
      find(".title span").textContent = [_("{place} of {count}", { place: place + 1, count: data.tiles.length }), tile.disputed ? _("reviewers disagree ({said})", tile) : "", tile.pose, tile.p === null ? "" : _("proposal: {guess}", { guess: guess(tile) })]
        .filter(Boolean).join(" · ");
      for (const name of ["keep", "unsure", "reject"]) {
        buttons[name].innerHTML = `${icon(name)}<span>${DECISIONS[name]}</span>`;
        buttons[name].setAttribute("aria-pressed", String(tile.d === name));
      }
      if (detail) setPicture(photo, detail.hasOriginal ? `${data.root}/original/${tile.id}` : "");
      setPicture(crop, tile.v ? pictureUrl(data, "crop", tile) : "");
      setPicture(sketch, tile.v ? pictureUrl(data, "sketch", tile) : "");
      find(".chips").replaceChildren(...tile.labels.map(chip));
      find("datalist").replaceChildren(...data.labels.map((name) => Object.assign(document.createElement("option"), { value: name })));
      drawMesh(detail);
      if (!detail) return;
      if (!isMoving && !aligner.isSettling) lastAnchors = detail.anchors;
      find(".size").textContent = detail.width ? `${detail.width} × ${detail.height}` : "";
      aligner.show(detail, isMoving);
      find(".measures").replaceChildren(...detail.measures.map(measureRow));
      list(find(".history"), detail.history.length ? detail.history : [_("Nobody has decided yet.")]);
      list(find(".sources"), detail.sources);
      find(".sources").append(...detail.links.map(link));
    },
    editLabels() {
      label.focus();
    },
    toggleMesh() {
      isMeshShown = !isMeshShown;
      drawMesh(detail);
    },
    dispose() {
      aligner.dispose();
    },
  };
  return api;
}

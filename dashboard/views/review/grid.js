// The review page in the browser: what the reviewer does is seen at once; what the server knows comes after.
const AUTO_KEY = "studio.review.auto";
const SIZE_KEY = "studio.review.size";

export default mount(createReview);

function createReview(parent) {
  const section = parent.querySelector(".review");
  const find = (selector) => section.querySelector(selector);
  const bar = Object.fromEntries([...find(".bar").querySelectorAll("[data-do]")].map((b) => [b.dataset.do, b]));
  const detailDialog = find("dialog.detail");
  const stop = new AbortController();

  let data = null;
  let send = null;
  let tiles = []; // as they are shown: the server's, with what is not confirmed yet laid over them
  let isTurning = false;

  const outbox = createOutbox((post) => send("post", post), render);
  const memory = createMemory();
  const toast = createToast(find(".toast"));
  const help = createHelp(find("dialog.help"));
  const jumpDialog = createJumpDialog(find("dialog.jump"), (to) => {
    isTurning = true;
    outbox.push({ kind: "turn", to });
  });
  const nameForm = createNameForm(find("form.whois"), (name) => {
    outbox.push({ kind: "reviewer", name });
    memory.forget();
    if (tiles.length) grid.focus(cursor.place);
  });
  const choiceDialog = createChoiceDialog(find("dialog.choice"));
  const grid = createTiles(find(".grid"), { pick: (place, event) => cursor.pick(place, event), open, beside: showLookAlikes });
  const cursor = createCursor(grid, () => tiles, render);
  const beside = createBeside(find("dialog.beside"), {
    pick: (ids, keep) => named(() => pickOne(ids, keep)),
    close: () => {
      beside.forget();
      outbox.push({ kind: "beside", ids: [] });
      grid.focus(cursor.place);
    },
  });
  const detail = createDetail(detailDialog, {
    act: {
      step,
      align,
      decide: (decision) => named(() => decide(decision)),
      label: (id, add, remove) => named(() => label([id], add, remove)),
      follow: (action) => outbox.push(action),
      remove: (id, why) => named(() => push("delete", { ids: [id], why })),
    },
    close: () => {
      outbox.push({ kind: "open", id: null });
      grid.focus(cursor.place);
    },
  });

  // ---- what is shown ------------------------------------------------------------------------------
  function render() {
    if (!data) return;
    tiles = data.tiles.map((tile) => laidOver(tile, outbox.pending));
    grid.render(data, tiles, cursor.selection, cursor.place);
    section.toggleAttribute("data-disputes", data.isDisputes);
    renderBar();
    const open = tiles.findIndex((tile) => tile.id === detail.id);
    if (open >= 0) detail.render(data, tiles[open], open, outbox.pending.some((action) => action.kind === "align"));
    Object.assign(section.dataset, {
      acked: outbox.acked, pending: outbox.pending.length, page: data.pageKey, reviewer: data.reviewer,
    });
  }

  function renderBar() {
    const count = chosen().length;
    for (const name of ["keep", "unsure", "reject"]) {
      const number = count > 1 ? `<b>${count}</b>` : "";
      bar[name].innerHTML = `${icon(name)}<span>${DECISIONS[name]}</span>${number}`;
    }
    for (const name of ["keep", "unsure", "reject", "all", "agree", "keepRest", "rejectRest", "beside", "open"]) {
      bar[name].disabled = !tiles.length;
    }
    bar.jump.disabled = data.pages < 2;
    bar.auto.setAttribute("aria-pressed", String(remembered(AUTO_KEY, false)));
    bar.previous.disabled = !data.canGoBack;
    bar.next.disabled = !data.canGoOn;
    bar.next.toggleAttribute("data-call", tiles.length > 0 && data.canGoOn && tiles.every((tile) => tile.d));
    bar.who.textContent = reviewer() || _("Your name?");
    bar.who.disabled = data.isSignedIn;
    find(".page").textContent = data.pageText;
    find(".count").textContent = data.countText;
    const saved = outbox.pending.length ? _("Saving …") : data.reviewer ? _("Saved") : "";
    find(".saved").textContent = data.trouble ? _("Not saved yet") : saved;
    find(".saved").toggleAttribute("data-trouble", Boolean(data.trouble));
    find(".end").hidden = tiles.length > 0 || !data.endText;
    find(".end").textContent = data.endText;
  }

  // ---- what is done -------------------------------------------------------------------------------
  function reviewer() {
    return outbox.pending.findLast((action) => action.kind === "reviewer")?.name || data.reviewer;
  }

  function push(kind, content) {
    outbox.push({ kind, who: reviewer(), ...content });
  }

  // A decision needs a name. Without one nothing is done, and the form above is pointed at: it takes no key that was
  // meant for a face.
  function named(act) {
    const known = reviewer() ? "" : remembered(WHO_KEY, "");
    if (known) outbox.push({ kind: "reviewer", name: known });
    if (reviewer()) act();
    else {
      nameForm.call();
      toast.say(_("Say who you are first, above the faces: every decision is kept with a name."));
    }
  }

  function chosen() {
    return detail.id ? tiles.filter((tile) => tile.id === detail.id) : cursor.chosen;
  }

  function decide(decision) {
    const some = chosen().filter((tile) => !tile.gone);
    if (!some.length) return;
    const last = tiles.indexOf(some.at(-1));
    memory.note(some);
    // To decide on a disagreement, looking at it as one, settles it; elsewhere it is one more opinion.
    const settles = (tile) => tile.disputed && decision !== "" && (data.isDisputes || Boolean(detail.id));
    for (const settle of [false, true]) {
      const ids = some.filter((tile) => settles(tile) === settle).map((tile) => tile.id);
      if (ids.length) push("decide", { ids, decision, settle });
    }
    if (!detail.id) cursor.goTo(last + 1);
    advance();
  }

  // What a reviewer may ask for: a page that is done gives way to the next one.
  function advance() {
    const isDone = tiles.every((tile) => tile.d || tile.gone);
    if (remembered(AUTO_KEY, false) && isDone && !detail.id) turn(1);
  }

  function decideRest(decision) {
    const rest = restOfPage();
    const rejected = rest.filter((tile) => tile.verdict === "reject");
    if (!rest.length) toast.say(_("Nothing is left to decide on this page."));
    else if (decision !== "keep" || !rejected.length) decideSome(rest, decision);
    else askWhichToKeep(rest, rejected);
  }

  function restOfPage() {
    return tiles.filter((tile) => !tile.d && !tile.disputed && !tile.gone);
  }

  function decideSome(some, decision) {
    memory.note(some);
    cursor.deselect();
    push("decide", { ids: some.map((tile) => tile.id), decision });
    advance();
  }

  // What the machine rejects is never kept without saying so.
  function askWhichToKeep(rest, rejected) {
    const others = rest.filter((tile) => tile.verdict !== "reject");
    const facts = { n: rejected.length, all: rest.length, copies: rejected.filter((tile) => tile.isCopy).length };
    choiceDialog.ask(
      _("Keep what the machine rejects?"),
      facts.copies ? _("The machine rejects {n} of these {all} faces, {copies} as duplicates.", facts) : _("The machine rejects {n} of these {all} faces.", facts),
      { some: others.length ? _("Keep the other {k}", { k: others.length }) : "", all: _("Keep all {all}", facts) },
      (choice) => decideSome(choice === "all" ? rest : others, "keep"),
    );
  }

  // The machine's verdicts on what nobody has decided: of the page, or of everything that the filter finds.
  function agree(scope) {
    const rest = restOfPage().filter((tile) => tile.verdict);
    if (!rest.length && scope === "page") return toast.say(_("Nothing is left that the machine has judged and nobody has decided."));
    memory.note(rest);
    cursor.deselect();
    push("agree", { ids: rest.map((tile) => tile.id), scope });
    return advance();
  }

  function askHowMuchToAgree() {
    if (data.found <= tiles.length) return agree("page");
    return choiceDialog.ask(
      _("Agree with the machine?"),
      _("What nobody has decided gets the machine's verdict. One undo takes it all back."),
      { some: _("On this page"), all: _("On all {found} faces of the filter", { found: data.found.toLocaleString() }) },
      (choice) => agree(choice === "all" ? "filter" : "page"),
    );
  }

  function pickOne(ids, keep) {
    memory.note(tiles.filter((tile) => ids.includes(tile.id)));
    push("pick", { ids, keep });
  }

  function showLookAlikes(place) {
    const tile = tiles[place];
    if (!tile || tile.gone) return;
    if (tile.dup > 1) outbox.push({ kind: "beside", group: tile.id });
    else toast.say(_("Nothing looks like this face. Select two or more to see them side by side."));
  }

  function showBeside() {
    const some = cursor.chosen.filter((tile) => !tile.gone);
    if (some.length > 1) outbox.push({ kind: "beside", ids: some.map((tile) => tile.id) });
    else showLookAlikes(cursor.place);
  }

  function label(ids, add, remove) {
    memory.note(tiles.filter((tile) => ids.includes(tile.id)));
    push("label", { ids, add, remove });
  }

  function toggleLabel(name) {
    const some = chosen();
    if (!name || !some.length) return;
    const hasAll = some.every((tile) => tile.labels.includes(name));
    label(some.map((tile) => tile.id), hasAll ? [] : [name], hasAll ? [name] : []);
  }

  function goBack(kind) {
    const before = memory.step(kind, tiles);
    const first = before ? tiles.findIndex((tile) => before[tile.id]) : -1;
    if (first >= 0 && !detail.id) cursor.put(first);
    cursor.deselect();
    push(kind, { before });
    if (!detail.id) grid.focus(cursor.place);
  }

  function align(id, anchors) {
    named(() => push("align", { ids: [id], anchors }));
  }

  function turn(by) {
    if (isTurning || !(by > 0 ? data.canGoOn : data.canGoBack)) return;
    isTurning = true;
    outbox.push({ kind: "turn", by });
  }

  function open(place) {
    const tile = tiles[place];
    if (!tile || tile.gone) return;
    cursor.put(place);
    detail.open(tile);
    outbox.push({ kind: "open", id: tile.id });
  }

  function step(by) {
    const place = tiles.findIndex((tile) => tile.id === detail.id) + by;
    if (place >= 0 && place < tiles.length) open(place);
  }

  const acts = {
    keep: () => named(() => decide("keep")),
    unsure: () => named(() => decide("unsure")),
    reject: () => named(() => decide("reject")),
    clear: () => named(() => decide("")),
    agree: () => named(askHowMuchToAgree),
    agreePage: () => named(() => agree("page")),
    keepRest: () => named(() => decideRest("keep")),
    rejectRest: () => named(() => decideRest("reject")),
    undo: () => named(() => goBack("undo")),
    redo: () => named(() => goBack("redo")),
    all: () => cursor.selectAll(),
    toggle: () => tiles.length && cursor.toggle(cursor.place),
    open: () => open(cursor.place),
    beside: showBeside,
    size: () => {
      remember(SIZE_KEY, (remembered(SIZE_KEY, 0) + 1) % SIZES.length);
      grid.layOut();
    },
    next: () => turn(1),
    previous: () => turn(-1),
    jump: () => data.pages > 1 && jumpDialog.ask(data.pages),
    auto: () => {
      remember(AUTO_KEY, !remembered(AUTO_KEY, false));
      render();
    },
    help: () => help.show(),
    who: () => data.isSignedIn || nameForm.ask(reviewer()),
    escape: () => cursor.selection.size && cursor.goTo(cursor.place),
    mesh: () => detail.id && detail.toggleMesh(),
    write: () => detail.id && detail.editLabels(),
  };
  const IN_DETAIL = new Set(["keep", "unsure", "reject", "clear", "undo", "redo", "mesh", "write", "help"]);

  function pressed(event) {
    const meaning = meaningOf(event);
    if (beside.isOpen) {
      if (meaning?.do === "label") beside.choose(meaning.number - 1);
      return;
    }
    if (!meaning || !data || help.isOpen || choiceDialog.isOpen || jumpDialog.isOpen || isForOthers(event, section, meaning)) return;
    if (meaning.do === "label") named(() => toggleLabel(help.nameOf(meaning.number)));
    else if (detail.id && meaning.move?.[0]) step(meaning.move[0]);
    else if (detail.id && !IN_DETAIL.has(meaning.do)) return;
    else if (meaning.move) cursor.move(meaning.move, meaning.extends);
    else acts[meaning.do]();
    event.preventDefault();
    event.stopPropagation();
  }
  window.addEventListener("keydown", pressed, { signal: stop.signal, capture: true });
  for (const [name, button] of Object.entries(bar)) {
    button.addEventListener("click", () => acts[name](), { signal: stop.signal });
  }

  function update(newData, setTriggerValue, setStateValue) {
    const isFirst = data === null;
    const isOtherPage = data?.pageKey !== newData.pageKey;
    const oldNotice = data?.notice.number;
    // Proposals take a line of their own, so they come with the next page and push nothing away meanwhile.
    data = isOtherPage ? newData : { ...newData, hasProposals: data.hasProposals };
    send = setStateValue;
    if (isOtherPage) {
      cursor.put(0);
      for (const address of data.coming) new Image().src = `${data.root}/thumb/${address}`;
    }
    outbox.confirm(data.done);
    isTurning = outbox.pending.some((action) => action.kind === "turn");
    if (isFirst && !reviewer() && remembered(WHO_KEY, "")) {
      outbox.push({ kind: "reviewer", name: remembered(WHO_KEY, "") });
    }
    nameForm.show(!reviewer() && !data.isSignedIn);
    render();
    const isClosing = outbox.pending.some((action) => action.kind === "beside" && !action.group && !action.ids.length);
    if (data.beside.length && !isClosing) beside.render(data, data.beside);
    if (detail.id && !tiles.some((tile) => tile.id === detail.id)) detailDialog.close();
    if (isOtherPage && !detail.id && tiles.length && !writes(document.activeElement)) grid.focus(0);
    if (data.trouble) toast.say(data.trouble);
    else if (!isFirst && data.notice.number !== oldNotice) toast.say(data.notice.text);
  }

  return {
    update,
    dispose() {
      stop.abort();
      toast.dispose();
      outbox.dispose();
      grid.dispose();
      detail.dispose();
    },
  };
}

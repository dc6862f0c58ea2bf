// Rows of parts. Each change is counted; Python counts back, and an answer from before a change undoes nothing.
export default mount(createPanel);

const ICONS = {
  random: '<path d="M5 5h14v14H5z"/><path d="M9 9v.01M15 9v.01M12 12v.01M9 15v.01M15 15v.01" stroke-width="2.4"/>',
  empty: '<path d="M7 7l10 10M17 7L7 17"/>',
  follow: '<path d="M9 14L4 9l5-5"/><path d="M4 9h10a6 6 0 0 1 0 12h-2"/>',
};
const icon = (name) => `<svg viewBox="0 0 24 24" aria-hidden="true">${ICONS[name]}</svg>`;

function createPanel(parent) {
  const list = parent.querySelector(".rows");
  const all = parent.querySelector(".all");
  const stop = new AbortController();
  const rows = new Map();
  let data, send;
  let sent = null; // number of the last change that Python may not know yet

  function tell(what, names, more = {}) {
    const change = (sent = ((sent ?? data.change) + 1) % 1000);
    sendInOrder(() => send("changed", { do: what, names, change, ...more }));
  }

  function createRow(name) {
    const row = document.createElement("div");
    row.className = "row";
    row.dataset.part = name;
    row.innerHTML = `<span class="title"></span><input type="range" min="0" max="1" step="0.05"><output></output>
      <select></select><em></em>
      <button type="button" data-do="random">${icon("random")}</button>
      <button type="button" data-do="empty">${icon("empty")}</button>
      <button type="button" data-do="follow">${icon("follow")}</button>`;
    const find = (selector) => row.querySelector(selector);
    const [keep, shown, faces] = [find("input"), find("output"), find("select")];
    for (let count = 1; count <= data.mostFaces; count += 1) faces.add(new Option(count, count));
    const set = () => {
      row.dataset.own = "true";
      tell("set", [name], { keep: Number(keep.value), faces: Number(faces.value) });
    };
    keep.addEventListener("input", () => (shown.textContent = Number(keep.value).toFixed(2)));
    keep.addEventListener("change", set);
    faces.addEventListener("change", set);
    for (const button of row.querySelectorAll("button")) button.addEventListener("click", () => tell(button.dataset.do, [name]));
    list.append(row);
    return row;
  }

  function label(row, selector, text) {
    const element = row.querySelector(selector);
    element.title = text;
    element.setAttribute("aria-label", text);
  }

  function showRow(state) {
    const row = rows.get(state.name) ?? createRow(state.name);
    rows.set(state.name, row);
    const find = (selector) => row.querySelector(selector);
    row.dataset.state = state.state;
    row.dataset.own = String(state.isOwn);
    find(".title").textContent = state.title;
    find("input").value = state.keep;
    find("output").textContent = state.keep.toFixed(2);
    find("select").value = state.faces;
    find("input").disabled = find("select").disabled = !data.isRefined;
    find("em").textContent = state.state === "filled" ? _("made up") : _("not drawn");
    label(row, "input", _("Keep my lines: {part}", { part: state.title }));
    label(row, "select", _("Training faces to blend: {part}", { part: state.title }));
    const part = state.title.toLowerCase();
    label(row, "[data-do=random]", state.state === "filled" ? _("Another random {part}", { part }) : _("Random {part}", { part }));
    label(row, "[data-do=empty]", _("Leave out {part}", { part }));
    label(row, "[data-do=follow]", _("{part} as all others", { part: state.title }));
  }

  const missing = () => data.rows.filter((row) => row.state !== "drawn").map((row) => row.name);
  const fillAll = () => data.isRefined && missing().length && tell("random", missing());
  all.addEventListener("click", fillAll);
  window.addEventListener("keydown", (event) => {
    if (keyOf(event) === "r" && !isTyping(event) && !event.ctrlKey && !event.metaKey && !event.altKey) fillAll();
  }, { signal: stop.signal });

  return {
    update(newData, setTriggerValue) {
      send = setTriggerValue;
      if (sent !== null && newData.change !== sent) return;
      sent = null;
      data = newData;
      data.rows.forEach(showRow);
      all.hidden = !data.isRefined || !missing().length;
      all.innerHTML = `${icon("random")}<span>${_("Random for what is missing")}</span>`;
      all.title = _("Random for what is missing (R)");
      parent.querySelector(".rows").dataset.refined = String(data.isRefined);
    },
    dispose: () => stop.abort(),
  };
}

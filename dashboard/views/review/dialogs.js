// Small windows over the grid: the keys, the reviewer's name, and a line that says what happened.
const NAMES_KEY = "studio.review.labels";
const WHO_KEY = "studio.review.who";
const FIRST_NAMES = [
  _("glasses"), _("hat"), _("female"), _("male"), _("child"), _("beard"), _("smile"), _("makeup"), _("odd"),
];

function remembered(key, otherwise) {
  try {
    return JSON.parse(localStorage.getItem(key)) ?? otherwise;
  } catch {
    return otherwise;
  }
}

function remember(key, value) {
  try {
    localStorage.setItem(key, JSON.stringify(value));
  } catch {
    // a forbidden store: it is asked for again at the next visit
  }
}

function createToast(element) {
  let timer;
  return {
    say(text) {
      element.textContent = text;
      element.toggleAttribute("data-on", Boolean(text));
      clearTimeout(timer);
      timer = setTimeout(() => element.removeAttribute("data-on"), Math.max(5000, 80 * text.length)); // to read it
    },
    dispose() {
      clearTimeout(timer);
    },
  };
}

// The keys, and the labels on the digits, which this browser remembers.
function createHelp(dialog) {
  let names = remembered(NAMES_KEY, FIRST_NAMES);
  dialog.querySelector("[data-do=close]").addEventListener("click", () => dialog.close());

  function field(name, i) {
    const row = document.createElement("label");
    row.innerHTML = `<span>${i + 1}</span><input type="text" maxlength="40">`;
    const input = row.querySelector("input");
    input.value = name;
    input.addEventListener("change", () => {
      names = names.map((old, j) => (j === i ? input.value.trim().toLowerCase() : old));
      remember(NAMES_KEY, names);
    });
    return row;
  }

  return {
    get isOpen() {
      return dialog.open;
    },
    nameOf: (number) => names[number - 1],
    show() {
      dialog.querySelector("dl").innerHTML = KEY_HELP.map(([keys, what]) => `<dt>${keys}</dt><dd>${what}</dd>`).join("");
      dialog.querySelector(".names").replaceChildren(...names.map(field));
      dialog.showModal();
      dialog.focus();
    },
  };
}

// Asks for a page, then calls `chosen` with its place from 0.
function createJumpDialog(dialog, chosen) {
  const input = dialog.querySelector("input");
  dialog.querySelector("form").addEventListener("submit", () => chosen(Number(input.value) - 1));
  return {
    get isOpen() {
      return dialog.open;
    },
    ask(pages) {
      input.max = pages;
      input.value = "";
      input.placeholder = _("1 to {pages}", { pages });
      dialog.showModal();
    },
  };
}

// Asks who is reviewing, then calls `chosen` with the name, and goes on with what waited for it.
function createNameDialog(dialog, chosen) {
  const input = dialog.querySelector("input");
  let waits = null;
  dialog.querySelector("form").addEventListener("submit", () => {
    const name = input.value.trim();
    if (!name) return;
    remember(WHO_KEY, name);
    chosen(name);
    waits?.();
    waits = null;
  });
  dialog.addEventListener("cancel", () => (waits = null));
  return {
    get isOpen() {
      return dialog.open;
    },
    ask(name, then = null) {
      waits = then;
      input.value = name;
      dialog.showModal();
    },
  };
}

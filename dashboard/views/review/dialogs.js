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

// Asks who is reviewing, above the faces and before anything is decided; a key for a face is never taken for a letter.
function createNameForm(form, chosen) {
  const input = form.querySelector("input");
  let isAsked = false;
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    const name = input.value.trim();
    if (!name) return;
    form.hidden = true;
    isAsked = false;
    remember(WHO_KEY, name);
    chosen(name);
  });
  return {
    show(isWanted) {
      form.hidden = !isWanted && !isAsked;
    },
    // Only for who asked to change the name.
    ask(name) {
      isAsked = true;
      input.value = name;
      form.hidden = false;
      input.focus();
    },
    call() {
      form.hidden = false;
      form.removeAttribute("data-call");
      void form.offsetWidth; // begins the animation anew
      form.setAttribute("data-call", "");
    },
  };
}

// Asks which of two groups of faces is meant, then calls `chosen` with "some" or "all".
function createChoiceDialog(dialog) {
  const [some, all] = ["some", "all"].map((value) => dialog.querySelector(`[value=${value}]`));
  let then = null;
  dialog.addEventListener("close", () => {
    if (dialog.returnValue) then?.(dialog.returnValue);
    then = null;
  });
  return {
    get isOpen() {
      return dialog.open;
    },
    ask(title, text, choices, chosen) {
      dialog.querySelector("h2").textContent = title;
      dialog.querySelector("p").textContent = text;
      some.textContent = choices.some;
      all.textContent = choices.all;
      some.hidden = !choices.some;
      dialog.returnValue = "";
      then = chosen;
      dialog.showModal();
    },
  };
}

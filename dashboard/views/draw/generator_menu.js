// The menu of generators: picture, name, how it learned, what to expect. A click reports the name to Python.
export default function ({ data, parentElement, setTriggerValue }) {
  const list = parentElement.querySelector(".list");
  const make = (tag, name, text = "") => Object.assign(document.createElement(tag), { className: name, textContent: text });
  const focused = parentElement.querySelector(":focus")?.dataset.name;
  list.replaceChildren(
    ...data.rows.map((row) => {
      const button = make("button", "");
      button.type = "button";
      button.dataset.name = row.name;
      button.setAttribute("role", "option");
      button.setAttribute("aria-label", row.title);
      button.setAttribute("aria-selected", String(row.name === data.selected));
      const frame = make("span", row.src || row.trouble ? "frame" : "frame waits");
      if (row.src) frame.append(Object.assign(make("img", ""), { src: row.src, alt: "" }));
      const words = make("span", "words");
      const head = make("span", "head");
      head.append(make("b", "", row.title), make("small", "", row.pairing));
      words.append(head, make("span", row.trouble ? "line trouble" : "line", row.trouble || row.line));
      button.append(frame, words);
      button.addEventListener("click", () => sendInOrder(() => setTriggerValue("picked", row.name)));
      return button;
    }),
  );
  if (focused) list.querySelector(`[data-name="${CSS.escape(focused)}"]`)?.focus();
}

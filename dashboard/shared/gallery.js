// A row of picture buttons. A click reports the picture's id to Python.
export default function ({ data, parentElement, setTriggerValue }) {
  const root = parentElement.querySelector(".row");
  const focused = parentElement.querySelector(":focus")?.dataset.id;
  root.classList.toggle("grid", data.columns > 0);
  root.style.setProperty("--columns", data.columns);
  root.replaceChildren(
    ...data.pictures.map((picture) => {
      const button = document.createElement("button");
      button.type = "button";
      button.dataset.id = picture.id;
      button.disabled = !picture.src;
      button.title = picture.label;
      button.setAttribute("aria-label", picture.label);
      button.setAttribute("aria-current", String(picture.id === data.selected));
      if (picture.src) button.append(Object.assign(document.createElement("img"), { src: picture.src, alt: "" }));
      button.addEventListener("click", () => sendInOrder(() => setTriggerValue("picked", picture.id), !data.columns));
      return button;
    }),
  );
  if (focused) root.querySelector(`[data-id="${CSS.escape(focused)}"]`)?.focus();
}

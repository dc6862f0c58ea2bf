// A row of picture buttons. A click reports the picture's id to Python.
export default function ({ data, parentElement, setTriggerValue }) {
  const root = parentElement.querySelector(".row");
  root.replaceChildren(
    ...data.pictures.map((picture) => {
      const button = document.createElement("button");
      button.type = "button";
      button.title = picture.label;
      button.setAttribute("aria-label", picture.label);
      button.setAttribute("aria-current", String(picture.id === data.selected));
      const image = document.createElement("img");
      image.src = picture.src;
      image.alt = "";
      button.append(image);
      button.addEventListener("click", () => sendInOrder(() => setTriggerValue("picked", picture.id), true));
      return button;
    }),
  );
}

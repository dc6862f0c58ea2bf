// Three rings over an uploaded drawing: both eyes and the mouth. Where a ring is let go is told to Python; arrow
// keys move it as well.
const NAMES = [_("Left eye"), _("Right eye"), _("Mouth")];

export default function ({ data, parentElement, setTriggerValue }) {
  const sheet = parentElement.querySelector(".sheet");
  const picture = sheet.querySelector("img");
  if (picture.src !== data.src) picture.src = data.src;
  const [width, height] = data.size;
  const anchors = data.anchors.map((point) => [...point]);
  sheet.querySelectorAll("button").forEach((ring) => ring.remove());

  anchors.forEach((point, index) => {
    const ring = document.createElement("button");
    ring.type = "button";
    ring.title = NAMES[index];
    ring.setAttribute("aria-label", NAMES[index]);
    const show = () => {
      ring.style.left = `${(100 * point[0]) / width}%`;
      ring.style.top = `${(100 * point[1]) / height}%`;
    };
    const tell = () => sendInOrder(() => setTriggerValue("anchors", anchors), true);
    const put = (x, y) => {
      point[0] = Math.min(width, Math.max(0, x));
      point[1] = Math.min(height, Math.max(0, y));
      show();
    };
    ring.addEventListener("pointerdown", (event) => ring.setPointerCapture(event.pointerId));
    ring.addEventListener("pointermove", (event) => {
      if (!ring.hasPointerCapture(event.pointerId)) return;
      const box = picture.getBoundingClientRect();
      put(((event.clientX - box.left) / box.width) * width, ((event.clientY - box.top) / box.height) * height);
    });
    ring.addEventListener("pointerup", tell);
    ring.addEventListener("keydown", (event) => {
      const step = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }[event.key];
      if (!step) return;
      event.preventDefault();
      event.stopPropagation();
      put(point[0] + (step[0] * width) / 100, point[1] + (step[1] * height) / 100);
    });
    ring.addEventListener("keyup", (event) => event.key.startsWith("Arrow") && tell());
    show();
    sheet.append(ring);
  });
}

// Tell Python something in the order in which it was done. Where a toolbar is on the page, it carries this out
// after what waits before it, and once the line is there; with `isLoad` the pen waits for the drawing that comes.
function sendInOrder(send, isLoad = false) {
  const event = new CustomEvent("studio:send", { detail: { send, isLoad }, cancelable: true });
  if (window.dispatchEvent(event)) send();
}

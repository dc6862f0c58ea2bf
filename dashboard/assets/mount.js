// Mount a view once for each place on the page, tell it of every change, and take it down with the place.
const mounted = new WeakMap();
const mount = (createView) => ({ data, parentElement, setTriggerValue, setStateValue }) => {
  let view = mounted.get(parentElement);
  if (!view) mounted.set(parentElement, (view = createView(parentElement, data)));
  view.update(data, setTriggerValue, setStateValue);
  return () => {
    mounted.delete(parentElement);
    view.dispose();
  };
};

// What the reviewer did and the server has not yet confirmed. Every action carries the number of this page
// load and its own; the server carries each out once, in order, and says how far it is. What is not confirmed
// is sent again and outlives a reload, so a fast hand, a slow line or a restarted server loses nothing.
const OUTBOX_KEY = "studio.review.outbox";
const RESEND_MS = 6000;
const ACTIONS_AT_ONCE = 200; // as in actions.py: after hours without a line they fit into one message

function createOutbox(post, changed) {
  const client = [...crypto.getRandomValues(new Uint8Array(6))].map((byte) => byte.toString(16).padStart(2, "0")).join("");
  let count = 0;
  let acked = 0;
  let posts = 0;
  let timer = null; // runs while a batch is on its way
  let pending = read();

  function read() {
    try {
      return JSON.parse(sessionStorage.getItem(OUTBOX_KEY)) || [];
    } catch {
      return [];
    }
  }

  function write() {
    try {
      sessionStorage.setItem(OUTBOX_KEY, JSON.stringify(pending));
    } catch {
      // a full or forbidden store: all but a reload still works
    }
  }

  function flush() {
    if (timer !== null || !pending.length) return;
    timer = setTimeout(() => {
      timer = null;
      flush();
    }, RESEND_MS);
    posts += 1;
    post({ post: `${client}:${posts}`, actions: pending.slice(0, ACTIONS_AT_ONCE).map(({ before, ...action }) => action) });
  }

  return {
    client,
    get pending() {
      return pending;
    },
    get acked() {
      return acked;
    },
    push(action) {
      count += 1;
      pending = [...pending, { client, number: count, ...action }];
      write();
      flush();
      changed();
      return count;
    },
    // Takes the server's answer: for each page load, how far it is.
    confirm(done) {
      const left = pending.filter((action) => !(done[action.client] >= action.number));
      acked = Math.max(acked, done[client] || 0);
      if (left.length < pending.length) {
        pending = left;
        write();
        clearTimeout(timer);
        timer = null;
      }
      flush();
    },
    dispose() {
      clearTimeout(timer);
    },
  };
}

// A tile as the reviewer sees it: the server's, with what is not confirmed yet laid over it.
function laidOver(tile, pending) {
  let shown = tile;
  for (const action of pending) {
    const before = action.before?.[tile.id];
    if ((action.kind === "undo" || action.kind === "redo") && before) shown = { ...shown, ...before };
    if (!action.ids?.includes(tile.id)) continue;
    if (action.kind === "pick") shown = { ...shown, d: tile.id === action.keep ? "keep" : "reject", disputed: false };
    else if (action.kind === "agree") shown = { ...shown, d: tile.verdict };
    else if (action.kind === "decide") shown = { ...shown, d: action.decision, disputed: false };
    else if (action.kind === "label") {
      const others = shown.labels.filter((name) => !action.remove.includes(name) && !action.add.includes(name));
      shown = { ...shown, labels: [...others, ...action.add].sort() };
    } else if (action.kind === "delete") shown = { ...shown, gone: true };
  }
  return shown;
}

// What each action of this page load changed, so that undo and redo are seen at once.
function createMemory() {
  let done = [];
  let undone = [];
  const facts = (tiles) =>
    Object.fromEntries(tiles.map(({ id, d, labels, disputed, who }) => [id, { d, labels, disputed, who }]));
  return {
    note(tiles) {
      done.push(facts(tiles));
      undone = [];
    },
    // How the tiles were before the last action, or after it for redo; undefined where it is not known here.
    step(kind, tiles) {
      const [from, to] = kind === "undo" ? [done, undone] : [undone, done];
      const before = from.pop();
      if (before) to.push(facts(tiles.filter((tile) => before[tile.id])));
      return before;
    },
    forget() {
      done = [];
      undone = [];
    },
  };
}

// The address holds everything, so that a link shows the same page: #view=state, the state as JSON.

const names = ["layer", "stack", "solver"];

export function read() {
  const [head, ...rest] = location.hash.slice(1).split("=");
  const view = names.includes(head) ? head : "layer";
  let state = null;
  try { state = rest.length ? JSON.parse(decodeURIComponent(rest.join("="))) : null; } catch { /* a broken link starts anew */ }
  return { view, state: state && typeof state === "object" && !Array.isArray(state) ? state : null };
}

export function write(view, state) {
  history.replaceState(null, "", `#${view}=${encodeURIComponent(JSON.stringify(state))}`);
}

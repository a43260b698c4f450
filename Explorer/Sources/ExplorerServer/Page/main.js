// The three views; the address says which one, and what is in it.

import { read } from "./state.js";
import { showLayer } from "./layer.js";
import { showStack } from "./stack.js";
import { showSolver } from "./solver.js";
import { make } from "./dom.js";

const views = { layer: showLayer, stack: showStack, solver: showSolver };
let leave = () => {};

async function show() {
  const { view, state } = read();
  leave();
  for (const name of Object.keys(views)) {
    const tab = document.getElementById(`tab-${name}`);
    if (name === view) tab.setAttribute("aria-current", "page"); else tab.removeAttribute("aria-current");
  }
  const main = document.getElementById("view");
  try {
    leave = (await views[view](main, state)) ?? (() => {});
  } catch (error) {
    main.replaceChildren(make("p", { class: "error", role: "alert" }, `The page could not be shown: ${error.message}`));
  }
  document.body.dataset.view = view;
}

addEventListener("hashchange", show);
await show();

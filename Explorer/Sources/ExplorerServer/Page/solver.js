// The solver as a form.

import { ask, latest } from "./api.js";
import { choice, make } from "./dom.js";
import { write } from "./state.js";

const questions = [["size", "one unknown of a layer"], ["round-trip", "down and up again"], ["ring", "strides for a ring"]];
const unknowns = [
  ["output", "output size"], ["input", "input size"], ["kernel", "kernel"], ["stride", "stride"], ["dilation", "dilation"],
  ["padding", "padding, the same on both sides"], ["sides", "padding, any two amounts"], ["causal", "padding in front"],
  ["output-padding", "output padding"],
];
const fresh = {
  question: "size", transposed: false, unknown: "padding", input: 30, output: 30, size: "45,50,18", kernel: "3", stride: "1",
  dilation: "1", padding: "0", mode: "zeros", outputPadding: "0", levels: 2,
};

export async function showSolver(main, given) {
  const state = { ...fresh, ...given };
  const form = make("form", { id: "controls", onsubmit: (event) => event.preventDefault() });
  const refused = make("div", { id: "refused", role: "alert" });
  const result = make("section", { id: "result", "aria-live": "polite" });
  main.replaceChildren(make("div", { class: "columns" }, make("div", {}, form, refused), result));

  const list = (text) => String(text).split(",").map((word) => Number(word.trim()));
  const pairs = (text) => String(text).split(",").map((part) => part.split(":").map(Number)).map(([a, b]) => [a, b ?? a]);
  const spread = (values, rank) => values.length === 1 ? Array.from({ length: rank }, () => values[0]) : values;

  function asked() {
    if (state.question === "ring") {
      return { question: "ring", input: Number(state.input), stride: list(state.stride), kernel: list(state.kernel) };
    }
    const size = list(state.size);
    const rank = state.question === "size" ? 1 : size.length;
    const each = (text) => spread(list(text), rank);
    return {
      question: state.question, transposed: state.transposed, unknown: state.unknown, input: Number(state.input),
      output: Number(state.output), size: rank === 1 && state.question === "size" ? undefined : size, kernel: each(state.kernel),
      stride: each(state.stride), dilation: each(state.dilation), padding: spread(pairs(state.padding), rank),
      mode: spread(state.mode.split(",").map((word) => word.trim()), rank), outputPadding: each(state.outputPadding),
      levels: Number(state.levels),
    };
  }

  const refresh = latest(async (signal) => {
    write("solver", state);
    try {
      const answer = await ask("solve", asked(), signal);
      refused.replaceChildren();
      result.classList.remove("stale");
      result.replaceChildren(...({ size: solutions, "round-trip": trips, ring: plans })[state.question](answer));
      result.dataset.ready = "true";
    } catch (error) {
      if (error.name === "AbortError") throw error;
      result.classList.add("stale");
      refused.replaceChildren(make("p", { class: "error", id: "error" }, error.message));
    }
  });

  function change(name, value) { state[name] = value; paint(); return refresh(); }

  function paint() {
    const focused = document.activeElement?.id;
    const field = (name, label, type = "text") => make("div", { class: "row" }, make("label", { for: name }, label),
      make("input", { id: name, type, value: state[name], onchange: (event) => change(name, event.target.value) }));
    const isSize = state.question === "size";
    const isRing = state.question === "ring";
    const known = (name, ...rest) => isSize && state.unknown === name ? null : field(name, ...rest);
    const isPadding = ["padding", "sides", "causal"].includes(state.unknown);
    form.replaceChildren(...[
      make("div", { class: "row" }, choice("question", "question", questions, state.question, (value) => change("question", value))),
      isSize && make("div", { class: "row" }, choice("transposed", "layer", [[false, "convolution"], [true, "transposed convolution"]],
        state.transposed, (value) => change("transposed", value === "true"))),
      isSize && make("div", { class: "row" }, choice("unknown", "find", unknowns, state.unknown, (value) => change("unknown", value))),
      (isSize || isRing) && known("input", isRing ? "ring" : "input size", "number"), isSize && known("output", "output size", "number"),
      state.question === "round-trip" && field("size", "sizes, one an axis"),
      known("kernel", "kernel"), known("stride", isRing ? "strides, one a level" : "stride"), !isRing && known("dilation", "dilation"),
      !isRing && !(isSize && isPadding) && field("padding", "padding (1 or 1:2)"), !isRing && field("mode", "padding mode"),
      !isRing && (state.transposed || !isSize) && !(isSize && state.unknown === "output-padding") && field("outputPadding", "output padding"),
      state.question === "round-trip" && field("levels", "levels", "number"),
    ].filter(Boolean));
    if (focused) document.getElementById(focused)?.focus();
  }

  function table(rows, isPair) {
    return make("div", { class: "scroll" }, make("table", { class: "solutions" }, make("tbody", {}, rows.map((row) => make("tr", {},
      make("td", {}, make("strong", {}, isPair ? row.padding.join(", ") : String(row.value))), make("td", { class: "formula" }, row.formula),
      make("td", {}, row.remainder ? `${row.remainder} left over` : ""))))));
  }

  function solutions(answer) {
    const isPair = ["sides", "causal"].includes(state.unknown);
    return [
      make("h2", {}, answer.name),
      answer.exact && make("p", {}, "exactly ", make("strong", { id: "exact" }, answer.exact)),
      answer.reason && make("p", { id: "reason", class: "misses" }, answer.reason),
      answer.count > 0 && make("p", { id: "count" }, `${answer.count} whole-number ${answer.count === 1 ? "answer" : "answers"}`),
      table(answer.solutions, isPair),
      answer.nearest.length > 0 && make("h2", {}, "nearest"), answer.nearest.length > 0 && table(answer.nearest, isPair),
    ].filter(Boolean);
  }

  function trips(answer) {
    return answer.axes.flatMap((levels, axis) => [
      make("h2", {}, `axis ${axis}`),
      make("ul", {}, levels.map((level) => make("li", { class: level.meets ? "meets" : "misses" },
        `${level.size} → ${level.smaller} → ${level.returned}`,
        level.mends.length > 0 && make("ul", {}, level.mends.map((mend) => make("li", {}, mend.text)))))),
    ]);
  }

  function plans(answer) {
    return [
      make("p", { id: "possible", class: answer.possible ? "meets" : "misses" }, answer.possible
        ? "Every stride divides the ring that it meets: sizes are exact, and turning the ring goes through."
        : "A stride does not divide the ring that it meets, so no layer turns with it. These do:"),
      make("ol", {}, answer.plans.map((plan) => make("li", {},
        `strides ${plan.strides.join(", ")}: ${plan.sizes.join(" → ")}; circular padding `
        + plan.layers.map((layer) => layer.padding.join(":") + (layer.outputPadding ? `, output padding ${layer.outputPadding}` : "")).join("; ")))),
    ];
  }

  paint();
  await refresh();
}

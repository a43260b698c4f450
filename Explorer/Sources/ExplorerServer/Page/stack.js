// Layers in a list, with their sizes, receptive fields and skip connections.

import { ask, latest, presets } from "./api.js";
import { choice, make } from "./dom.js";
import { write } from "./state.js";

const kinds = ["conv", "conv-transpose", "max-pool", "avg-pool", "save", "join"];

export async function showStack(main, given) {
  const known = (await presets()).stacks;
  const state = structuredClone(given ?? known[0].state);
  const controls = make("div", {});
  const refused = make("div", { id: "refused", role: "alert" });
  const list = make("ol", { class: "layers", id: "layers" });
  const total = make("dl", { class: "facts", id: "total", "aria-live": "polite" });
  main.replaceChildren(controls, refused, total, list, make("div", { class: "row" }, "add ",
    kinds.map((kind) => make("button", { type: "button", id: `add-${kind}`, onclick: () => change(() => {
      const rank = state.size.length;
      const each = (value) => Array.from({ length: rank }, () => value);
      state.layers.push(kind === "save" || kind === "join" ? { operation: kind }
        : { operation: kind, kernel: each(kind === "conv" ? 3 : 2), stride: each(kind === "conv" ? 1 : 2) });
    }) }, kind))));
  let answer = null;
  let dragged = null;

  const refresh = latest(async (signal) => {
    write("stack", state);
    try {
      answer = await ask("stack", state, signal);
      refused.replaceChildren();
    } catch (error) {
      if (error.name === "AbortError") throw error;
      answer = null;
      refused.replaceChildren(make("p", { class: "error", id: "error" }, error.message));
    }
    paint();
  });

  function change(set) { set(); paintControls(); return refresh(); }

  const numbers = (text) => text.split(",").map((word) => Number(word.trim())).filter(Number.isInteger);
  const spread = (values) => values.length === 1 ? state.size.map(() => values[0]) : values;

  function paintControls() {
    controls.replaceChildren(make("div", { class: "row" },
      choice("preset", "preset", [["", "choose…"], ...known.map((preset, index) => [index, preset.name])], "", (index) => {
        if (index === "") return;
        change(() => {
          for (const name of Object.keys(state)) delete state[name];
          Object.assign(state, structuredClone(known[index].state));
        });
      }),
      make("span", {}, make("label", { for: "size" }, "input size "), make("input", {
        id: "size", value: state.size.join(","), onchange: (event) => change(() => { state.size = numbers(event.target.value); }),
      })),
      make("span", {}, make("label", { for: "channels" }, "channels "), make("input", {
        id: "channels", type: "number", min: 1, value: state.channels ?? 1,
        onchange: (event) => change(() => { state.channels = Number(event.target.value) || 1; }),
      }))));
  }

  const fields = {
    kernel: [(item) => item.kernel.join(","), (item, text) => { item.kernel = spread(numbers(text)); }],
    stride: [(item) => (item.stride ?? item.kernel).join(","), (item, text) => { item.stride = spread(numbers(text)); }],
    dilation: [(item) => (item.dilation ?? item.kernel.map(() => 1)).join(","), (item, text) => { item.dilation = spread(numbers(text)); }],
    padding: [
      (item) => (item.padding ?? item.kernel.map(() => [0, 0])).map(([a, b]) => a === b ? a : `${a}:${b}`).join(","),
      (item, text) => {
        const sides = text.split(",").map((part) => part.split(":").map(Number)).map(([a, b]) => [a, b ?? a]);
        item.padding = sides.length === 1 ? state.size.map(() => sides[0]) : sides;
      }],
    mode: [(item) => (item.mode ?? item.kernel.map(() => "zeros")).join(","), (item, text) => {
      const modes = text.split(",").map((word) => word.trim());
      item.mode = modes.length === 1 ? state.size.map(() => modes[0]) : modes;
    }],
    outputPadding: [(item) => (item.outputPadding ?? item.kernel.map(() => 0)).join(","), (item, text) => { item.outputPadding = spread(numbers(text)); }],
    outputChannels: [(item) => item.outputChannels ?? "", (item, text) => { item.outputChannels = Number(text) || undefined; }],
  };
  const shown = {
    conv: ["kernel", "stride", "dilation", "padding", "mode", "outputChannels"],
    "conv-transpose": ["kernel", "stride", "dilation", "padding", "mode", "outputPadding", "outputChannels"],
    "max-pool": ["kernel", "stride", "padding"], "avg-pool": ["kernel", "stride", "padding"], save: [], join: [],
  };
  const labels = { outputPadding: "output padding", outputChannels: "channels" };

  function paint() {
    const focused = document.activeElement?.id;
    list.replaceChildren(...state.layers.map(row));
    if (focused) document.getElementById(focused)?.focus();
    total.replaceChildren(...(answer ? [
      make("dt", {}, "output"), make("dd", { id: "output-size" }, answer.steps.at(-1)?.size.join(" × ") ?? ""),
      make("dt", {}, "parameters"), make("dd", { id: "parameters" }, answer.parameters.toLocaleString("en")),
      make("dt", {}, "multiply-adds"), make("dd", { id: "multiply-adds" }, answer.multiplyAdds.toLocaleString("en")),
      make("dt", {}, "skip connections"), make("dd", { id: "meets", class: answer.meets ? "meets" : "misses" },
        answer.meets ? "all meet" : "do not meet"),
    ] : []));
    list.dataset.ready = "true";
  }

  function row(item, index) {
    const step = answer?.steps[index];
    const move = (to) => change(() => state.layers.splice(to, 0, ...state.layers.splice(index, 1)));
    return make("li", {
      draggable: "true", "data-operation": item.operation, class: step?.meets === false ? "wrong" : null,
      ondragstart: (event) => { dragged = index; event.dataTransfer.setData("text/plain", String(index)); },
      ondragover: (event) => { event.preventDefault(); event.currentTarget.classList.add("over"); },
      ondragleave: (event) => event.currentTarget.classList.remove("over"),
      ondrop: (event) => {
        event.preventDefault();
        if (dragged !== null && dragged !== index) change(() => state.layers.splice(index, 0, ...state.layers.splice(dragged, 1)));
        dragged = null;
      },
    },
    make("div", { class: "row" },
      make("span", { class: "handle", "aria-hidden": "true" }, "⠿"), make("strong", {}, `${index + 1}. ${item.operation}`),
      make("button", { type: "button", id: `up-${index}`, "aria-label": `move layer ${index + 1} up`, disabled: index === 0, onclick: () => move(index - 1) }, "↑"),
      make("button", { type: "button", id: `down-${index}`, "aria-label": `move layer ${index + 1} down`, disabled: index === state.layers.length - 1, onclick: () => move(index + 1) }, "↓"),
      make("button", { type: "button", id: `remove-${index}`, "aria-label": `remove layer ${index + 1}`, onclick: () => change(() => state.layers.splice(index, 1)) }, "×"),
      (shown[item.operation] ?? []).map((name) => make("span", {}, make("label", { for: `${name}-${index}` }, `${labels[name] ?? name} `),
        make("input", { id: `${name}-${index}`, value: fields[name][0](item), onchange: (event) => change(() => fields[name][1](item, event.target.value)) })))),
    step && make("div", { class: "result", id: `result-${index}` },
      `${step.channels} × ${step.size.join(" × ")}, sees ${step.field.map((field) => field.size).join(" × ")}, stride ${step.field.map((field) => field.stride).join(", ")}`),
    step?.kept && make("div", { id: `join-${index}`, class: step.meets ? "meets" : "misses" },
      step.meets ? `meets ${step.kept.join(" × ")}` : `does not meet ${step.kept.join(" × ")}`),
    step?.kept && !step.meets && make("div", { class: "row" }, step.mends.flatMap((mends, axis) => mends.map((mend) =>
      make("button", { type: "button", "data-mend": "", disabled: mend.crop !== undefined, onclick: () => apply(index, axis, mend) },
        `axis ${axis}: ${mend.text}`)))));
  }

  // A mend changes the last transposed convolution before the join.
  function apply(index, axis, mend) {
    const up = state.layers.slice(0, index).findLast((item) => item.operation === "conv-transpose");
    if (!up) return;
    change(() => {
      if (mend.outputPadding !== undefined) {
        up.outputPadding ??= up.kernel.map(() => 0);
        up.outputPadding[axis] = mend.outputPadding;
      }
      if (mend.padding) {
        up.padding ??= up.kernel.map(() => [0, 0]);
        up.padding[axis] = mend.padding;
      }
    });
  }

  paintControls();
  await refresh();
}

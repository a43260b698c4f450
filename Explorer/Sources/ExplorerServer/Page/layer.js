// One layer: its parameters, its numbers, and what each element is made of.

import { ask, latest, picture, presets } from "./api.js";
import { choice, make, program, text } from "./dom.js";
import { Grid, range } from "./grid.js";
import { Ring } from "./ring.js";
import { write } from "./state.js";
import { Volume } from "./volume.js";

const operations = [
  ["conv", "Convolution"], ["conv-transpose", "Transposed convolution"], ["max-pool", "Max pooling"],
  ["avg-pool", "Average pooling"],
];
const modes = ["zeros", "reflect", "replicate", "circular"];
// Name, label, least and most of the slider, and how an axis's value is read and set.
const plain = (name) => ({ get: (state, axis) => state[name][axis], set: (state, axis, value) => { state[name][axis] = value; } });
const side = (index) => ({
  get: (state, axis) => state.padding[axis][index],
  set: (state, axis, value) => { state.padding[axis][index] = value; },
});
const parameters = [
  ["size", "input size", 1, 24, plain("size")], ["kernel", "kernel", 1, 9, plain("kernel")],
  ["stride", "stride", 1, 6, plain("stride")], ["dilation", "dilation", 1, 4, plain("dilation")],
  ["before", "padding before", 0, 8, side(0)], ["after", "padding after", 0, 8, side(1)],
  ["outputPadding", "output padding", 0, 5, plain("outputPadding")],
];

const fresh = {
  operation: "conv", size: [6, 6], kernel: [3, 3], stride: [1, 1], dilation: [1, 1], padding: [[0, 0], [0, 0]],
  mode: ["zeros", "zeros"], outputPadding: [0, 0], ceil: false, input: null, weight: null,
};

export async function showLayer(main, given) {
  const state = { ...structuredClone(fresh), show: "values", at: null, ...given };
  const controls = make("form", { id: "controls", onsubmit: (event) => event.preventDefault() });
  const refused = make("div", { id: "refused", role: "alert" });
  const result = make("section", { id: "result", "aria-label": "Result" });
  main.replaceChildren(make("div", { class: "columns" }, make("div", {}, controls, refused), result));
  let answer = null;
  let panels = {};
  let playing = null;

  const question = () => ({
    operation: state.operation, size: state.size, kernel: state.kernel, stride: state.stride, dilation: state.dilation,
    padding: state.padding, mode: state.mode, outputPadding: state.outputPadding, ceil: state.ceil,
    inputChannels: state.inputChannels, outputChannels: state.outputChannels, groups: state.groups,
    input: state.input ?? undefined, weight: state.weight ?? undefined,
  });

  const refresh = latest(async (signal) => {
    write("layer", state);
    try {
      answer = await ask("layer", question(), signal);
    } catch (error) {
      if (error.name === "AbortError") throw error;
      refuse(error);
      return;
    }
    refused.replaceChildren();
    result.classList.remove("stale");
    paint();
  });

  function refuse(error) {
    stop();
    result.classList.add("stale");
    refused.replaceChildren(
      make("p", { class: "error", id: "error" }, error.message),
      make("div", { class: "row", id: "mends" }, (error.mends ?? []).map((mend) => make("button", {
        type: "button", "data-parameter": mend.parameter, onclick: () => change(() => {
          state[mend.parameter] = mend.values;
          if (mend.parameter === "size") state.input = null;
          if (mend.parameter === "kernel") state.weight = null;
        }),
      }, mend.text))));
  }

  function change(set) {
    stop();
    set();
    state.at = null;
    paintControls();
    return refresh();
  }

  // MARK: Controls

  function setRank(rank) {
    for (const name of ["size", "kernel", "stride", "dilation", "padding", "mode", "outputPadding"]) {
      const list = state[name].map((value) => structuredClone(value));
      while (list.length < rank) list.unshift(structuredClone(list[0]));
      state[name] = list.slice(list.length - rank);
    }
    if (rank === 3) state.size = state.size.map((size) => Math.min(size, 6));
    state.input = state.weight = null;
  }

  function paintControls() {
    const focused = document.activeElement?.id;
    const rank = state.size.length;
    const isPooling = state.operation.endsWith("pool");
    const isTransposed = state.operation === "conv-transpose";
    const shown = parameters.filter(([name]) =>
      (name !== "outputPadding" || isTransposed) && (name !== "dilation" || state.operation !== "avg-pool")
      && (name !== "after" || !isPooling));
    const cell = (name, label, least, most, access, axis) => {
      const set = (value) => {
        const number = Number(value);
        if (value === "" || !Number.isInteger(number)) return;
        change(() => {
          access.set(state, axis, number);
          if (isPooling && name === "before") state.padding[axis][1] = number;
          if (name === "size") state.input = null;
          if (name === "kernel") state.weight = null;
        });
      };
      const value = access.get(state, axis);
      return make("td", { class: "value" }, make("input", {
        type: "number", id: `${name}-${axis}`, value, "aria-label": `${label}, axis ${axis}`,
        onchange: (event) => set(event.target.value),
      }), " ", make("input", {
        type: "range", id: `${name}-${axis}-slider`, min: least, max: Math.max(most, value), value,
        "aria-label": `${label}, axis ${axis}, slider`, oninput: (event) => set(event.target.value),
      }));
    };
    const axes = range(rank);
    controls.replaceChildren(
      make("div", { class: "row" },
        choice("preset", "preset", [["", "choose…"], ...names.map((preset, index) => [index, preset.name])], "", (index) => {
          if (index === "") return;
          stop();
          for (const name of Object.keys(state)) delete state[name];
          Object.assign(state, structuredClone(fresh), { show: "values", at: null }, structuredClone(names[index].state));
          paintControls();
          refresh();
        })),
      make("div", { class: "row" },
        choice("operation", "operation", operations, state.operation, (value) => change(() => {
          state.operation = value;
          if (value.endsWith("pool")) state.padding = state.padding.map(([before]) => [before, before]);
          if (value === "avg-pool") state.dilation = state.dilation.map(() => 1);
          if (value !== "conv-transpose") state.outputPadding = state.outputPadding.map(() => 0);
        })),
        choice("rank", "axes", [[1, "1"], [2, "2"], [3, "3"]], rank, (value) => change(() => setRank(Number(value))))),
      make("div", { class: "scroll" }, make("table", {},
        make("thead", {}, make("tr", {}, make("th", {}), axes.map((axis) => make("th", {}, `axis ${axis}`)))),
        make("tbody", {},
          shown.map(([name, label, least, most, access]) =>
            make("tr", {}, make("th", {}, isPooling && name === "before" ? "padding" : label),
              axes.map((axis) => cell(name, label, least, most, access, axis)))),
          isPooling ? null : make("tr", {}, make("th", {}, "padding mode"), axes.map((axis) => make("td", {}, make("select", {
            id: `mode-${axis}`, "aria-label": `padding mode, axis ${axis}`,
            onchange: (event) => change(() => { state.mode[axis] = event.target.value; }),
          }, modes.map((mode) => make("option", { value: mode, selected: mode === state.mode[axis] }, mode))))))))),
      isPooling ? make("div", { class: "row" }, make("label", {}, make("input", {
        type: "checkbox", id: "ceil", checked: state.ceil, onchange: (event) => change(() => { state.ceil = event.target.checked; }),
      }), " keep windows that overhang")) : make("div", { class: "row" },
        [["inputChannels", "channels in"], ["outputChannels", "out"], ["groups", "groups"]].map(([name, label]) =>
          make("span", {}, make("label", { for: name }, `${label} `), make("input", {
            type: "number", id: name, min: 1, value: state[name] ?? 1,
            onchange: (event) => change(() => { state[name] = Number(event.target.value) || 1; }),
          })))),
      make("details", { open: state.edits ? "" : null, ontoggle: (event) => { state.edits = event.target.open; if (state.edits && answer) paintValues(); } },
        make("summary", { id: "numbers" }, "The numbers"),
        values("input", "input"), isPooling ? null : values("weight", "kernel"),
        make("button", {
          type: "button", id: "made-up", onclick: () => change(() => { state.input = state.weight = null; }),
        }, "Made-up numbers")));
    if (focused) document.getElementById(focused)?.focus();
  }

  function values(name, label) {
    const size = name === "input" ? state.size : state.kernel;
    const list = state[name] ?? answer?.[name]?.values ?? [];
    const width = size.at(-1);
    const rows = range(Math.ceil(list.length / width)).map((row) => list.slice(row * width, (row + 1) * width).join(" "));
    return make("p", {}, make("label", { for: `${name}-values` }, `${label}, in rows`), make("textarea", {
      id: `${name}-values`, spellcheck: "false", value: rows.join("\n"),
      onchange: (event) => change(() => {
        const words = event.target.value.split(/[\s,]+/).filter(Boolean);
        state[name] = words.map(Number).map((number) => Number.isFinite(number) ? number : 0);
      }),
    }));
  }

  // MARK: The result

  function paint() {
    const isTransposed = answer.window === "output";
    const lines = answer.axes.map((axis) => axis.line);
    const before = answer.axes.map((axis) => axis.padding[0]);
    const windowed = { lines, before };
    const make2 = (id, kind, what, extra, over, chosen) => {
      const size = what.size;
      const label = `${id}, ${size.join(" by ")}`;
      const isRing = size.length === 1 && answer.axes[0].mode === "circular" && id !== "weight-panel";
      if (isRing) return new Ring({ id, kind, size, values: what.values, label, over, chosen, ...extra });
      return size.length === 3
        ? new Volume({ id, kind, size, values: what.values, label, over, chosen })
        : new Grid({ id, kind, size, values: what.values, label, over, chosen, ...extra });
    };
    const focused = document.activeElement?.id;
    panels = {
      input: make2("input-panel", "in", answer.input, isTransposed ? {} : windowed,
        (place) => follow({ reached: place }), (place) => follow({ reached: place })),
      output: make2("output-panel", "out", answer.output, isTransposed ? windowed : {},
        (place) => follow({ output: place }), (place) => follow({ output: place })),
    };
    if (answer.weight) panels.weight = make2("weight-panel", "w", answer.weight, {}, null, null);
    const figure = (name, panel, size) => panel
      && make("figure", {}, make("figcaption", {}, `${name} ${size.join(" × ")}`), panel.svg);
    const fields = answer.field;
    result.replaceChildren(
      make("div", { class: "row" },
        choice("show", "show", [["values", "numbers"], ["shades", "numbers as shades"], ["reads", "how often each input is read"], ["overlap", "products in each output"]],
          state.show, (value) => { state.show = value; write("layer", state); heat(); }),
        make("button", { type: "button", id: "play", "aria-pressed": "false", onclick: () => playing ? stop() : play() }, "Move the window"),
        make("button", { type: "button", id: "picture", onclick: showPicture }, "As a moving picture")),
      make("p", { class: "sum", id: "sum", "aria-live": "polite" }, "Point at an element, or walk with the arrow keys."),
      make("div", { class: "panels" }, figure("input", panels.input, answer.input.size),
        panels.weight && figure("kernel", panels.weight, answer.weight.size),
        figure("output", panels.output, answer.output.size)),
      make("div", { id: "drawn" }),
      make("h2", {}, "Size"),
      make("p", { class: "formula" }, answer.rule),
      make("ul", { id: "formulas" }, answer.formulas.map((formula, axis) => make("li", { class: "formula" },
        formula, answer.axes[axis].remainder > 0 ? `   ${answer.axes[axis].remainder} left over` : ""))),
      make("dl", { class: "facts" },
        fact("output-size", "output", answer.output.size.join(" × ")),
        fact("field", "receptive field", fields.map((field) => field.size).join(" × ")),
        fact("extent", "window spans", answer.axes.map((axis) => axis.extent).join(" × ")),
        fact("parameters", "parameters", answer.parameters.toLocaleString("en")),
        fact("multiply-adds", "multiply-adds", answer.multiplyAdds.toLocaleString("en")),
        answer.algorithm && fact("algorithm", "algorithm", answer.algorithm),
        (answer.checkerboard ?? []).map((remedy, axis) => remedy && fact(`checkerboard-${axis}`, `axis ${axis}`, remedy))),
      make("h2", {}, "The same in code"),
      program("swift", "Swift", answer.code.swift), program("pytorch", "PyTorch", answer.code.pytorch));
    if (focused && !controls.contains(document.activeElement)) document.getElementById(focused)?.focus();
    if (state.edits) paintValues();
    heat();
    result.dataset.ready = "true";
    if (state.at) follow(state.at);
  }

  // The numbers that were made up for the fields to edit.
  function paintValues() {
    for (const name of ["input", "weight"]) {
      const field = document.getElementById(`${name}-values`);
      if (field && answer[name] && document.activeElement !== field) {
        const width = answer[name].size.at(-1);
        const list = answer[name].values;
        field.value = range(list.length / width).map((row) => list.slice(row * width, (row + 1) * width).join(" ")).join("\n");
      }
    }
  }

  const fact = (id, name, value) => [make("dt", {}, name), make("dd", { id }, value)];

  function heat() {
    const isShaded = state.show === "shades";
    panels.input.heat(isShaded ? answer.input.values : state.show === "reads" ? answer.reads : null, isShaded);
    panels.output.heat(isShaded ? answer.output.values : state.show === "overlap" ? answer.overlap : null, isShaded);
  }

  // Lights what an element is made of, or what it reaches.
  const follow = latest(async (signal, at) => {
    state.at = at;
    write("layer", state);
    let met;
    try {
      met = await ask("element", { ...question(), ...at }, signal);
    } catch (error) {
      if (error.name === "AbortError") throw error;
      return;
    }
    for (const panel of Object.values(panels)) panel.clear();
    const elements = met.inputs ?? met.outputs;
    const places = elements.map((element) => element.place);
    const [own, other] = at.output ? [panels.output, panels.input] : [panels.input, panels.output];
    other.light(places);
    own.point(at.output ?? at.reached);
    panels.weight?.light(elements.flatMap((element) => element.taps ?? []));
    if (met.window) (answer.window === "input" ? panels.input : panels.output).window(met.window);
    const what = at.output ? `output [${at.output.join(", ")}]` : `input [${at.reached.join(", ")}] = ${text(met.value)}`;
    document.getElementById("sum").textContent = at.output ? `${what} = ${met.sum}` : `${what}, ${met.sum}`;
  });

  function play() {
    const size = answer.window === "input" ? answer.output.size : answer.input.size;
    const count = size.reduce((product, side) => product * side, 1);
    let step = 0;
    const button = document.getElementById("play");
    button.setAttribute("aria-pressed", "true");
    button.textContent = "Stop";
    const next = () => {
      const place = [];
      let rest = step % count;
      for (const side of [...size].reverse()) { place.unshift(rest % side); rest = Math.floor(rest / side); }
      follow(answer.window === "input" ? { output: place } : { reached: place });
      step += 1;
    };
    next();
    playing = setInterval(next, 450);
  }

  function stop() {
    if (!playing) return;
    clearInterval(playing);
    playing = null;
    const button = document.getElementById("play");
    if (button) { button.setAttribute("aria-pressed", "false"); button.textContent = "Move the window"; }
  }

  async function showPicture() {
    const place = document.getElementById("drawn");
    try {
      const address = URL.createObjectURL(await picture(question()));
      place.replaceChildren(
        make("p", {}, make("img", { class: "picture", id: "moving", src: address, alt: `${answer.operation} at work` })),
        make("p", {}, make("a", { href: address, download: `${answer.operation}.svg` }, "Save the SVG")));
    } catch (error) {
      place.replaceChildren(make("p", { class: "error" }, error.message));
    }
  }

  const names = (await presets()).layers;
  paintControls();
  await refresh();
  return stop;
}

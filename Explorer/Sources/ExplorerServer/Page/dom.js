// Elements from a few words: make("button", { class: "x", onclick: f }, "text").

const space = "http://www.w3.org/2000/svg";

function fill(element, attributes, children) {
  for (const [name, value] of Object.entries(attributes ?? {})) {
    if (value === undefined || value === null || value === false) continue;
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (name === "value" || name === "checked") element[name] = value;
    else element.setAttribute(name, value === true ? "" : value);
  }
  element.append(...children.flat(Infinity).filter((child) => child !== null && child !== undefined && child !== false));
  return element;
}

export const make = (name, attributes, ...children) => fill(document.createElement(name), attributes, children);
export const draw = (name, attributes, ...children) =>
  fill(document.createElementNS(space, name), attributes, children);

export function choice(id, label, options, value, changed) {
  return make("span", {}, make("label", { for: id }, `${label} `), make("select", {
    id, onchange: (event) => changed(event.target.value),
  }, options.map(([key, text]) => make("option", { value: key, selected: String(key) === String(value) }, text))));
}

export const text = (value) => value === null ? "NaN" : String(Math.round(value * 10000) / 10000);

// A copy button and the program that it copies.
export function program(id, title, code) {
  const said = make("span", { role: "status" });
  return make("div", {}, make("div", { class: "row" }, make("strong", {}, title), make("button", {
    id: `copy-${id}`, type: "button",
    onclick: async () => {
      try { await navigator.clipboard.writeText(code); said.textContent = "copied"; }
      catch { said.textContent = "select it and copy by hand"; }
    },
  }, "Copy"), said), make("pre", { id: `code-${id}`, tabindex: "0" }, code));
}

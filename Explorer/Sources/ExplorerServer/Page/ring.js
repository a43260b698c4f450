// One axis without ends: its elements around a ring, with the same faces as a Grid.

import { draw, text } from "./dom.js";
import { Grid, range } from "./grid.js";

const middle = 120;

export class Ring extends Grid {
  constructor(options) {
    const { size: [count], values, lines, kind, over } = options;
    super({ ...options, lines: undefined, before: undefined, over: null });
    this.line = lines?.[0];
    const at = (radius, turn) => {
      const angle = 2 * Math.PI * turn;
      return `${middle + radius * Math.sin(angle)} ${middle - radius * Math.cos(angle)}`;
    };
    this.svg.replaceChildren();
    this.svg.setAttribute("viewBox", `0 0 ${2 * middle} ${2 * middle}`);
    this.svg.setAttribute("width", 2 * middle);
    this.svg.setAttribute("height", 2 * middle);
    this.cells = new Map();
    for (const place of range(count)) {
      const [from, half, to] = [place / count, (place + 0.5) / count, (place + 1) / count];
      const cell = draw("path", {
        class: `cell ${kind}`, "data-place": place,
        d: `M${at(112, from)}A112 112 0 0 1 ${at(112, half)}A112 112 0 0 1 ${at(112, to)}L${at(70, to)}`
          + `A70 70 0 0 0 ${at(70, half)}A70 70 0 0 0 ${at(70, from)}z`,
      });
      this.cells.set(`${place}`, cell);
      this.svg.append(cell);
      if (count <= 40) {
        const [x, y] = at(91, half).split(" ");
        this.svg.append(draw("text", { x, y: Number(y) + 4 }, text(values[place])));
      }
      if (over) for (const event of ["pointerenter", "click"]) cell.addEventListener(event, () => over([place]));
    }
  }

  // A window that runs past the seam covers what is there on the other side.
  window(positions) {
    super.window([positions[0].map((position) => this.line?.[position] ?? position)]);
  }
}

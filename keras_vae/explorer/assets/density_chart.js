// How likely the prior finds what lies on some paths: a line for each.

import { makeSvg, number } from "./dom.js";

const [HIGH, LEFT, RIGHT, TOP, BOTTOM] = [150, 48, 10, 8, 24]; // pixels
const LEAST_WIDE = 160;
const LEAST_STEP = 0.01; // nats: single precision tells no finer ones apart

export const widthOf = (place) => Math.max(LEAST_WIDE, place.clientWidth - LEFT - RIGHT);

// Draw log densities at equal steps, in nats, of ways by their names; `share` is where on them the reader is.
export function drawDensities(place, ways, share) {
  const series = Object.values(ways);
  const values = series.flat();
  let [low, high] = [Math.min(...values), Math.max(...values)];
  const step = niceStep(Math.max(LEAST_STEP, (high - low) / 3));
  const digits = Math.max(0, -Math.floor(Math.log10(step)));
  [low, high] = [Math.floor(low / step) * step, Math.ceil(high / step) * step];
  if (high === low) high += step;
  const wide = widthOf(place);
  const y = (value) => HIGH * (1 - (value - low) / (high - low));
  const svg = makeSvg("svg", { viewBox: `0 0 ${wide + LEFT + RIGHT} ${HIGH + TOP + BOTTOM}`, role: "img" });
  svg.setAttribute("aria-label", inWords(ways));
  const plot = makeSvg("g", { transform: `translate(${LEFT} ${TOP})` });
  for (let value = low; value <= high + step / 2; value += step) {
    plot.append(
      makeSvg("line", { class: "axis", x1: 0, x2: wide, y1: y(value), y2: y(value) }),
      makeSvg("text", { x: -8, y: y(value) + 4, "text-anchor": "end" }, number(value, digits)),
    );
  }
  [["start", 0, "from"], ["end", wide, "to"]].forEach(([anchor, x, text]) =>
    plot.append(makeSvg("text", { x, y: HIGH + 18, "text-anchor": anchor }, text)),
  );
  series.forEach((each, index) => {
    const points = each.map((value, at) => `${((wide * at) / (each.length - 1)).toFixed(1)},${y(value).toFixed(1)}`);
    plot.append(makeSvg("polyline", { class: `line ${["", "second", "third"][index]}`, points: points.join(" ") }));
  });
  plot.append(makeSvg("line", { class: "now", x1: 0, x2: 0, y1: 0, y2: HIGH }));
  svg.append(plot);
  place.replaceChildren(svg);
  movePlace(place, share);
}

// Move the line that stands where the reader is.
export function movePlace(place, share) {
  place.querySelector(".now")?.setAttribute("transform", `translate(${share * widthOf(place)} 0)`);
}

function inWords(ways) {
  const each = Object.entries(ways).map(([name, values]) => {
    return `${name}, lowest ${number(Math.min(...values), 1)}, highest ${number(Math.max(...values), 1)}`;
  });
  return `Log density of the prior in nats along ${each.length} paths: ${each.join("; ")}`;
}

function niceStep(least) {
  const power = 10 ** Math.floor(Math.log10(least));
  return [1, 2, 5, 10].map((each) => each * power).find((each) => each >= least);
}

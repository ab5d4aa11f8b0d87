// The posterior of one image: mean and standard deviation of each active latent, and its KL.

import { makeSvg, number } from "./dom.js";

const [LEFT, TOP, HIGH, GAP, LOW] = [40, 24, 130, 34, 56]; // pixels
const LEAST_APART = 19; // pixels between numbers of sliders

// `order` are the latents that are shown, as their sliders are.
export function showPosterior(place, { mean, logVar }, kl, order) {
  if (!order.length) return;
  const wide = Math.max(160, place.clientWidth - LEFT - 4);
  const reach = Math.max(3, ...order.map((index) => Math.ceil(Math.abs(mean[index]))));
  const most = Math.max(1, ...order.map((index) => kl[index]));
  const x = (at) => (wide * (at + 0.5)) / order.length;
  const y = (value) => (HIGH / 2) * (1 - value / reach);
  const svg = makeSvg("svg", { viewBox: `0 0 ${wide + LEFT + 4} ${TOP + HIGH + GAP + LOW + 22}`, role: "img" });
  svg.setAttribute("aria-label", "Posterior mean, standard deviation and KL of each active latent");
  const above = makeSvg("g", { transform: `translate(${LEFT} ${TOP})` });
  const below = makeSvg("g", { transform: `translate(${LEFT} ${TOP + HIGH + GAP})` });
  for (const value of [-reach, 0, reach]) {
    above.append(
      makeSvg("line", { class: "axis", x1: 0, x2: wide, y1: y(value), y2: y(value) }),
      makeSvg("text", { x: -8, y: y(value) + 4, "text-anchor": "end" }, number(value, 0)),
    );
  }
  below.append(
    makeSvg("line", { class: "axis", x1: 0, x2: wide, y1: LOW, y2: LOW }),
    makeSvg("text", { x: -8, y: 10, "text-anchor": "end" }, number(most, 1)),
    makeSvg("text", { x: -8, y: LOW + 4, "text-anchor": "end" }, "0"),
  );
  const named = Math.ceil((LEAST_APART * order.length) / wide);
  const width = Math.min(14, (0.7 * wide) / order.length);
  order.forEach((index, at) => {
    const deviation = Math.exp(0.5 * logVar[index]);
    const high = (LOW * kl[index]) / most;
    above.append(
      makeSvg("line", {
        class: "spread",
        x1: x(at),
        x2: x(at),
        y1: y(mean[index] - deviation),
        y2: y(mean[index] + deviation),
      }),
      makeSvg("circle", { class: "mean", cx: x(at), cy: y(mean[index]), r: 2.6 }),
    );
    below.append(makeSvg("rect", { class: "bar-kl", x: x(at) - width / 2, y: LOW - high, width, height: high }));
    if (at % named === 0) below.append(makeSvg("text", { x: x(at), y: LOW + 17, "text-anchor": "middle" }, at + 1));
  });
  const titles = { above: "mean ± standard deviation", below: "KL, nats" };
  above.append(makeSvg("text", { x: wide, y: -11, "text-anchor": "end" }, titles.above));
  below.append(makeSvg("text", { x: wide, y: -8, "text-anchor": "end" }, titles.below));
  svg.append(above, below);
  place.replaceChildren(svg);
}

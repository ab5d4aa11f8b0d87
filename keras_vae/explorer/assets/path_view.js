// Two images, the paths between them, and how likely the prior finds what lies on them.

import { byId, make, makeSvg, number, oncePerFrame, paint, paintRow, save } from "./dom.js";
import { pathOf, waysBetween } from "./paths.js";

export const STRIP_STEPS = 12; // images of a strip
const CHART_STEPS = 41;
const SECONDS = 4; // of a play from end to end

export function showPath(app) {
  const { store, space, facts, model, prior } = app;
  const ways = () => waysBetween(space, store.from, store.to);
  const ends = () => [space.latent(store.from), space.latent(store.to)];

  const showStrips = oncePerFrame(() => {
    for (const each of document.querySelectorAll("[data-way=shortest]")) each.hidden = !("shortest" in ways());
    byId("path-pairs").value = pairOf(store);
    for (const [name, way] of Object.entries(ways())) {
      paintRow(byId(`strip-${name}`), pathOf(way, ...ends(), STRIP_STEPS).map(model.decode), model.shape);
    }
    densities = Object.values(ways()).map((way) => pathOf(way, ...ends(), CHART_STEPS).map(prior.logDensity));
    showChart();
  });

  let densities = []; // along each way; kept, for they take longer than to draw them in another width
  const showChart = () => {
    drawChart(byId("path-chart"), densities);
    showPlace();
  };

  const showPlace = oncePerFrame(() => {
    byId("path-share").value = store.share;
    for (const [name, way] of Object.entries(ways())) {
      paint(byId(`path-${name}`), model.decode(way(...ends(), store.share)), model.shape);
    }
    const line = byId("path-chart").querySelector(".now");
    if (line) line.setAttribute("transform", `translate(${store.share * plotWidth()} 0)`);
  });

  byId("path-ends").replaceChildren(makeEnd(app, "from", "From"), makeEnd(app, "to", "To"));
  byId("path-share").oninput = ({ target }) => store.set({ share: target.valueAsNumber });
  byId("path-play").onclick = makePlayer(store);
  byId("path-save").onclick = () => save(joined(), `path-${space.numbers[store.from]}-${space.numbers[store.to]}.png`);
  byId("path-text").textContent = facts.texts.path;
  byId("path-how").textContent = facts.texts.pathHow;
  showPairs(app);

  // All strips, each pixel four times as wide.
  function joined() {
    const strips = Object.keys(ways()).map((name) => byId(`strip-${name}`));
    const scale = Math.max(1, Math.round(112 / model.shape[0]));
    const height = ((strips[0].height + 4) * strips.length - 4) * scale;
    const canvas = make("canvas", { width: strips[0].width * scale, height });
    const context = canvas.getContext("2d");
    context.fillStyle = "#ffffff";
    context.fillRect(0, 0, canvas.width, canvas.height);
    context.imageSmoothingEnabled = false;
    strips.forEach((strip, row) => {
      context.drawImage(strip, 0, row * (strip.height + 4) * scale, strip.width * scale, strip.height * scale);
    });
    return canvas;
  }

  store.watch((changed) => {
    if (changed.has("from") || changed.has("to")) showStrips();
    else if (changed.has("share")) showPlace();
  });
  new ResizeObserver(() => densities.length && showChart()).observe(byId("path-chart-figure"));
  showStrips();
}

const pairOf = ({ from, to }) => `${from},${to}`;

// A menu of the pairs of images that a shortest path was computed between.
function showPairs({ store, space, nameOf }) {
  const menu = byId("path-pairs");
  byId("path-pairs-label").hidden = !space.pairs.length;
  menu.append(make("option", { value: "" }, "choose two images …"));
  for (const [from, to] of space.pairs) {
    menu.append(make("option", { value: pairOf({ from, to }) }, `${nameOf(from)} → ${nameOf(to)}`));
  }
  menu.onchange = () => {
    const [from, to] = menu.value.split(",").map(Number);
    if (menu.value) store.set({ from, to });
  };
}

function makeEnd(app, end, word) {
  const { store, space, facts, images, model } = app;
  const canvas = make("canvas", { className: "image" });
  canvas.setAttribute("role", "img");
  const title = make("p", { dir: "auto" });
  const entry = make("input", { type: "number", min: 0, max: facts.images.available - 1 });
  entry.setAttribute("aria-label", `${word}: number of an image`);
  entry.onchange = () => {
    const index = space.numbers.indexOf(entry.valueAsNumber);
    if (index >= 0) store.set({ [end]: index });
    show();
  };
  const first = facts.classes.length > 1 ? "one of a class …" : "another one …";
  const select = make("select", {}, make("option", { value: "" }, first));
  select.setAttribute("aria-label", `${word}: any image of a class`);
  select.append(...facts.classes.map(({ label, name }) => make("option", { value: label }, name)));
  select.onchange = () => {
    const members = [];
    space.labels.forEach((label, index) => label === Number(select.value) && members.push(index));
    store.set({ [end]: members[Math.floor(Math.random() * members.length)] });
    select.value = "";
  };
  const show = () => {
    paint(canvas, images.values(store[end]), model.shape);
    canvas.setAttribute("aria-label", app.nameOf(store[end]));
    title.replaceChildren(make("strong", {}, `${word} `), app.nameOf(store[end]));
    entry.value = space.numbers[store[end]];
  };
  store.watch((changed) => changed.has(end) && show());
  show();
  const choices = make("div", { className: "buttons" }, entry, select);
  return make("div", { className: "end" }, canvas, make("div", {}, title, choices));
}

function makePlayer(store) {
  const button = byId("path-play");
  let playing = null;
  const show = () => {
    button.textContent = playing ? "Pause" : "Play";
    button.setAttribute("aria-label", `${button.textContent} the path`);
  };
  function frame(now) {
    if (!playing) return;
    const share = playing.share + (now - (playing.since ??= now)) / 1000 / SECONDS;
    store.set({ share: Math.min(1, share) });
    if (share < 1) requestAnimationFrame(frame);
    else {
      playing = null;
      show();
    }
  }
  return () => {
    playing = playing ? null : { share: store.share >= 1 ? 0 : store.share };
    show();
    if (playing) requestAnimationFrame(frame);
  };
}

const PLOT = { high: 150, left: 48, right: 10, top: 8, bottom: 24 };

const plotWidth = () => Math.max(160, byId("path-chart").clientWidth - PLOT.left - PLOT.right);

function drawChart(place, series) {
  const values = series.flat();
  let [low, high] = [Math.min(...values), Math.max(...values)];
  const step = niceStep((high - low) / 3 || 1);
  [low, high] = [Math.floor(low / step) * step, Math.ceil(high / step) * step];
  if (high === low) high += step;
  const { high: tall, left, right, top, bottom } = PLOT;
  const wide = plotWidth();
  const y = (value) => tall * (1 - (value - low) / (high - low));
  const svg = makeSvg("svg", { viewBox: `0 0 ${wide + left + right} ${tall + top + bottom}`, role: "img" });
  svg.setAttribute("aria-label", "Log density of the prior along both paths, from the one image to the other, in nats");
  const plot = makeSvg("g", { transform: `translate(${left} ${top})` });
  for (let value = low; value <= high + step / 2; value += step) {
    plot.append(
      makeSvg("line", { class: "axis", x1: 0, x2: wide, y1: y(value), y2: y(value) }),
      makeSvg("text", { x: -8, y: y(value) + 4, "text-anchor": "end" }, number(value, step < 1 ? 1 : 0)),
    );
  }
  [["start", 0, "from"], ["end", wide, "to"]].forEach(([anchor, x, text]) =>
    plot.append(makeSvg("text", { x, y: tall + 18, "text-anchor": anchor }, text)),
  );
  series.forEach((each, index) => {
    const points = each.map((value, at) => `${((wide * at) / (each.length - 1)).toFixed(1)},${y(value).toFixed(1)}`);
    plot.append(makeSvg("polyline", { class: `line ${["", "second", "third"][index]}`, points: points.join(" ") }));
  });
  plot.append(makeSvg("line", { class: "now", x1: 0, x2: 0, y1: 0, y2: tall }));
  svg.append(plot);
  place.replaceChildren(svg);
}

function niceStep(least) {
  const power = 10 ** Math.floor(Math.log10(least));
  return [1, 2, 5, 10].map((each) => each * power).find((each) => each >= least);
}

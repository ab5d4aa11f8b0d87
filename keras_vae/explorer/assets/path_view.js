// Two images, the paths between them, and how likely the prior finds what lies on them.

import { drawDensities, movePlace, widthOf } from "./density_chart.js";
import { beginRow, byId, fillRow, make, oncePerFrame, paint, save } from "./dom.js";
import { pathOf, waysBetween } from "./paths.js";
import { makeRunner } from "./turns.js";

export const STRIP_STEPS = 12; // images of a strip
const CHART_STEPS = 41;
const SECONDS = 4; // of a play from end to end

export function showPath(app) {
  const { store, space, facts, model, prior } = app;
  const chart = byId("path-chart");
  const ways = () => waysBetween(space, store.from, store.to);
  const ends = () => [space.latent(store.from), space.latent(store.to)];
  let densities = null; // along each way; kept, for they take longer than to draw them in another width
  let drawnWidth = 0;
  const run = makeRunner();
  let strips = null; // a promise: whether the last ones that were asked for are drawn

  const showStrips = oncePerFrame(() => {
    for (const each of document.querySelectorAll("[data-way=shortest]")) each.hidden = !("shortest" in ways());
    byId("path-pairs").value = pairOf(store);
    byId("strip-shortest").removeAttribute("aria-busy"); // it may have been left undone
    densities = null;
    chart.replaceChildren();
    chart.setAttribute("aria-busy", "true");
    showPlace();
    for (const name of Object.keys(ways())) beginRow(byId(`strip-${name}`), STRIP_STEPS, model.shape);
    strips = run(fillStrips(ways(), ends()));
  });

  function* fillStrips(all, both) {
    for (const [name, way] of Object.entries(all)) {
      yield* fillRow(byId(`strip-${name}`), pathOf(way, ...both, STRIP_STEPS), model);
    }
    const found = Object.fromEntries(Object.keys(all).map((name) => [name, []]));
    for (const [name, way] of Object.entries(all)) {
      for (const latent of pathOf(way, ...both, CHART_STEPS)) {
        found[name].push(prior.logDensity(latent));
        yield;
      }
    }
    densities = found;
    chart.removeAttribute("aria-busy");
    drawChart();
  }

  function drawChart() {
    drawDensities(chart, densities, store.share);
    drawnWidth = widthOf(chart);
  }
  const fitChart = oncePerFrame(() => densities && drawnWidth !== widthOf(chart) && drawChart());

  const showPlace = oncePerFrame(() => {
    byId("path-share").value = store.share;
    byId("path-share").setAttribute("aria-valuetext", `${Math.round(100 * store.share)}% of the way`);
    for (const [name, way] of Object.entries(ways())) {
      paint(byId(`path-${name}`), model.decode(way(...ends(), store.share)), model.shape);
    }
    movePlace(chart, store.share);
  });

  byId("path-ends").replaceChildren(makeEnd(app, "from", "From"), makeEnd(app, "to", "To"));
  byId("path-share").oninput = ({ target }) => store.set({ share: target.valueAsNumber });
  byId("path-play").onclick = makePlayer(store);
  byId("path-save").onclick = async () => {
    do await new Promise((resume) => requestAnimationFrame(resume));
    while (!(await strips)); // those that were asked for last
    save(joined(), `path-${space.numbers[store.from]}-${space.numbers[store.to]}.png`);
  };
  byId("path-text").textContent = facts.texts.path;
  byId("path-how").textContent = facts.texts.pathHow;
  showPairs(app);

  // All strips below each other, enlarged: an image of some pixels is too small to be looked at.
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
  new ResizeObserver(fitChart).observe(byId("path-chart-figure"));
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
  const missing = make("small");
  missing.setAttribute("role", "status");
  entry.onchange = () => {
    const index = space.numbers.indexOf(entry.valueAsNumber);
    const isMissing = index < 0 && entry.value !== "";
    const text = isMissing ? `There is no image ${entry.value} on this page.` : "";
    if (index >= 0) store.set({ [end]: index });
    show();
    missing.textContent = text;
  };
  const show = () => {
    paint(canvas, images.values(store[end]), model.shape);
    canvas.setAttribute("aria-label", app.nameOf(store[end]));
    title.replaceChildren(make("strong", {}, `${word} `), app.nameOf(store[end]));
    entry.value = space.numbers[store[end]];
    missing.textContent = "";
  };
  store.watch((changed) => changed.has(end) && show());
  show();
  const choices = make("div", { className: "buttons" }, entry, makeAnother(app, end, word));
  return make("div", { className: "end" }, canvas, make("div", {}, title, choices, missing));
}

// Any image, of a class where there are several.
function makeAnother({ store, space, facts }, end, word) {
  const choose = (indices) => store.set({ [end]: indices[Math.floor(Math.random() * indices.length)] });
  const all = Array.from(space.labels.keys());
  if (facts.classes.length < 2) {
    const button = make("button", { type: "button" }, "Another one");
    button.setAttribute("aria-label", `${word}: another one`);
    button.onclick = () => choose(all);
    return button;
  }
  const select = make("select", {}, make("option", { value: "" }, "one of a class …"));
  select.setAttribute("aria-label", `${word}: any image of a class`);
  select.append(...facts.classes.map(({ label, name }) => make("option", { value: label }, name)));
  select.onchange = () => {
    choose(all.filter((index) => space.labels[index] === Number(select.value)));
    select.value = "";
  };
  return select;
}

function makePlayer(store) {
  const button = byId("path-play");
  let playing = null;
  const show = () => {
    button.textContent = playing ? "Pause" : "Play";
    button.setAttribute("aria-label", `${button.textContent} the path`);
  };
  function end() {
    playing = null;
    show();
  }
  const advance = (play) => (now) => {
    if (playing !== play) return;
    const share = play.share + (now - (play.since ??= now)) / 1000 / SECONDS;
    play.shown = Math.min(1, share);
    store.set({ share: play.shown });
    if (playing !== play) return;
    if (share < 1) requestAnimationFrame(advance(play));
    else end();
  };
  store.watch((changed) => {
    const isTaken = changed.has("from") || changed.has("to") || store.share !== playing?.shown;
    if (playing && isTaken) end(); // the reader has taken over
  });
  return () => {
    if (playing) return end();
    const share = store.share >= 1 ? 0 : store.share;
    playing = { share, shown: store.share };
    show();
    return requestAnimationFrame(advance(playing));
  };
}

// What one slider does: the chosen image and some others, each redrawn from one end of it to the other.

import { afterPause, beginRow, byId, fillRow, make, oncePerFrame } from "./dom.js";
import { makeRunner } from "./turns.js";
import { rankOf } from "./words.js";

const STEPS = 9;
const MOST_OTHERS = 4;
const WAIT = 200; // milliseconds without a change, after which other images are redrawn: it takes longer than a frame

export function showSlider(app) {
  const { store, space, facts, model } = app;
  const { low, high } = facts.latents;
  const index = () => store.slider ?? app.latents.used[0];
  byId("slider-figure").hidden = !app.latents.used.length;
  if (byId("slider-figure").hidden) return;
  const others = differentImages();
  const canvases = Array.from({ length: others.length + 1 }, () => make("canvas", { className: "image" }));
  for (const canvas of canvases) canvas.setAttribute("role", "img");
  byId("slider-strips").prepend(...canvases);

  const [runOwn, runOthers] = [makeRunner(), makeRunner()];
  let drawn = null; // what the first row shows: it stays the same while its slider is pulled
  const showOwn = oncePerFrame(() => {
    const at = index();
    const key = [at, ...store.latent.filter((_, place) => place !== at)].join();
    if (key !== drawn) runOwn(fill(canvases[0], store.latent, app.nameOfLatent()));
    drawn = key;
    const rank = rankOf(app.latents, at);
    byId("slider-title").textContent = `What slider ${rank} does`;
    const share = (store.latent[at] - low[at]) / (high[at] - low[at] || 1);
    const place = (0.5 + Math.min(1, Math.max(0, share)) * (STEPS - 1)) / STEPS;
    byId("slider-now").style.left = `${100 * place}%`;
  });

  function* fill(canvas, latent, name) {
    const at = index();
    canvas.setAttribute("aria-label", `${name}, from one end of slider ${rankOf(app.latents, at)} to the other`);
    const latents = Array.from({ length: STEPS }, (_, step) => {
      const changed = Float32Array.from(latent);
      changed[at] = low[at] + (step / (STEPS - 1)) * (high[at] - low[at]);
      return changed;
    });
    yield* fillRow(canvas, latents, model);
  }

  function* fillOthers() {
    for (const [row, image] of others.entries()) {
      yield* fill(canvases[row + 1], space.latent(image), app.nameOf(image));
    }
  }
  const showOthersLater = afterPause(() => runOthers(fillOthers()), WAIT);
  function showOthers() {
    runOthers.stop();
    for (const canvas of canvases.slice(1)) beginRow(canvas, STEPS, model.shape);
    showOthersLater();
  }

  // Images of other classes than the first image's, spread over the classes.
  function differentImages() {
    const labels = facts.classes.map(({ label }) => label).filter((label) => label !== space.labels[0]);
    const count = Math.min(MOST_OTHERS, labels.length);
    const step = (labels.length - 1) / Math.max(1, count - 1);
    const chosen = Array.from({ length: count }, (_, at) => labels[Math.round(at * step)]);
    if (chosen.length) return chosen.map((label) => space.labels.indexOf(label));
    return Array.from({ length: Math.min(MOST_OTHERS, space.count - 1) }, (_, at) => at + 1);
  }

  store.watch((changed) => {
    if (changed.has("latent") || changed.has("slider")) showOwn();
    if (changed.has("slider")) showOthers();
  });
  showOwn();
  showOthers();
}

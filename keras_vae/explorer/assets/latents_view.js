// A slider for each latent, and new samples of the prior.

import { afterPause, byId, make, number, oncePerFrame, paint, percent, shareBelow } from "./dom.js";
import { makeRunner } from "./turns.js";
import { levelOf, rankOf } from "./words.js";

const WAIT = 250; // milliseconds without a change, after which the ends of the sliders are drawn
const SLACK = 1 / 128; // to which images' means are rounded
const FIRST = 12; // sliders that are in view; the others are folded

export function showLatents(app) {
  const { store, space, facts, model, prior } = app;
  const { kl, low, high } = facts.latents;
  const { used, unused } = app.latents;
  const largest = Math.max(...kl, 1e-9);
  const sliders = new Map();

  function makeSlider(index) {
    const reach = { id: `latent-${index}`, type: "range", min: low[index], max: high[index], step: "any" };
    const name = `Slider ${rankOf(app.latents, index)}`;
    const input = make("input", { ...reach, title: `${name}: latent ${index}${levelOf(facts.model, index)}` });
    input.setAttribute("aria-label", `${name}, latent ${index}`);
    const output = make("output");
    const bar = make("i");
    bar.style.width = `${(100 * kl[index]) / largest}%`;
    input.oninput = () => {
      const latent = Float32Array.from(store.latent);
      latent[index] = input.valueAsNumber;
      store.set({ latent, slider: index });
    };
    input.onfocus = () => store.set({ slider: index });
    const ends = [make("canvas", { className: "image" }), make("canvas", { className: "image" })];
    for (const end of ends) end.setAttribute("aria-hidden", "true");
    const strength = `KL to ${facts.latents.reference}: ${number(kl[index])} nats an image`;
    const rank = make("b", {}, String(rankOf(app.latents, index)));
    const row = make("div", { className: "slider" }, rank, ends[0], input, ends[1], output);
    row.append(make("div", { className: "kl", title: strength }, bar));
    sliders.set(index, { input, output, ends, row });
    return row;
  }

  byId("sliders").append(...used.slice(0, FIRST).map(makeSlider));
  byId("more-sliders").append(...used.slice(FIRST).map(makeSlider));
  byId("unused-sliders").append(...unused.map(makeSlider));
  byId("more").hidden = used.length <= FIRST;
  byId("more-summary").textContent = `The other ${used.length - FIRST} sliders, which say less`;
  byId("unused").hidden = !unused.length;
  byId("unused-summary").textContent = `${unused.length} unused: their means hardly differ between images`;
  byId("more").ontoggle = byId("unused").ontoggle = () => showEndsLater();

  const show = oncePerFrame(() => {
    paint(byId("latents-image"), model.decode(store.latent), model.shape);
    for (const [index, { input, output, row }] of sliders) {
      if (input.valueAsNumber !== store.latent[index]) input.value = store.latent[index];
      const value = number(store.latent[index]);
      if (output.textContent !== value) {
        output.textContent = value;
        const beyond = beyondOf(store.latent[index], low[index], high[index]);
        output.className = beyond && `beyond ${beyond}`;
        output.title = beyond && `${beyond} the means of all test images`;
        input.setAttribute("aria-valuetext", `${value}, latent ${index}${beyond && `, ${output.title}`}`);
      }
      row.classList.toggle("shown", index === store.slider);
    }
    const base = store.image === null ? store.origin.latent : space.latent(store.image);
    const changed = store.latent.reduce((sum, value, index) => sum + (value !== base[index]), 0);
    byId("latents-origin").textContent = app.nameOfLatent();
    const density = prior.logDensity(store.latent);
    const less = percent(shareBelow(facts.usual.density, density));
    const usual = `more usual than ${less} of the images (log density ${number(density, 1)} nats)`;
    byId("latents-note").textContent = changed ? `${changed} changed, ${usual}` : usual;
    byId("latents-reset").disabled = !changed;
  });

  const run = makeRunner();
  const afterChange = afterPause(() => run(fillEnds()), WAIT);
  const showEndsLater = () => {
    run.stop();
    afterChange();
  };
  // At the ends of each slider, the images that it leads to.
  function* fillEnds() {
    for (const [index, { ends, row }] of sliders) {
      if (row.closest("details:not([open])")) continue;
      for (const [end, values] of [low, high].entries()) {
        const latent = Float32Array.from(store.latent);
        latent[index] = values[index];
        paint(ends[end], model.decode(latent), model.shape);
        yield;
      }
    }
  }

  byId("latents-reset").onclick = () => {
    const latent = store.image === null ? store.origin.latent : space.latent(store.image);
    store.set({ latent: Float32Array.from(latent) });
  };
  const choice = byId("latents-class");
  const classes = facts.classes.filter(({ label }) => prior.labels.has(label));
  choice.hidden = classes.length < 2;
  choice.append(make("option", { value: "" }, "of any class"));
  choice.append(...classes.map(({ label, name }) => make("option", { value: label }, name)));
  byId("latents-sample").onclick = () => {
    const latent = choice.value === "" ? prior.sample() : prior.sampleOfClass(Number(choice.value));
    app.begin(latent, choice.value === "" ? "prior" : `class-${choice.value}`);
  };
  byId("latents-text").textContent = facts.texts.latents;
  byId("latents-how").textContent = facts.texts.latentsHow;

  store.watch((changed) => {
    const isMoved = changed.has("latent") || changed.has("image");
    if (isMoved || changed.has("slider")) show();
    if (isMoved) showEndsLater();
  });
  show();
  run(fillEnds());
}

// A sample may lie where no image does; its slider, which reaches as far as images do, stands at its end then.
function beyondOf(value, low, high) {
  if (value > high + SLACK) return "above";
  return value < low - SLACK ? "below" : "";
}

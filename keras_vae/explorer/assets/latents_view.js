// A slider for each latent, and new samples of the prior.

import { byId, make, number, oncePerFrame, paint } from "./dom.js";

const WAIT = 250; // milliseconds without a change, after which the ends of the sliders are drawn

export function showLatents(app) {
  const { store, space, facts, model, prior } = app;
  const { kl, low, high, active } = facts.latents;
  const order = kl.map((_, index) => index).sort((first, second) => kl[second] - kl[first]);
  const largest = Math.max(...kl, 1e-9);
  const sliders = new Map();

  function makeSlider(index) {
    const reach = { min: low[index], max: high[index], step: "any" };
    const input = make("input", { id: `latent-${index}`, type: "range", ...reach });
    input.setAttribute("aria-label", `Latent ${index}`);
    const output = make("output");
    const bar = make("i");
    bar.style.width = `${(100 * kl[index]) / largest}%`;
    input.oninput = () => {
      const latent = Float32Array.from(store.latent);
      latent[index] = input.valueAsNumber;
      store.set({ latent });
    };
    const ends = [make("canvas", { className: "image" }), make("canvas", { className: "image" })];
    for (const end of ends) end.setAttribute("aria-hidden", "true");
    sliders.set(index, { input, output, ends });
    const strength = make("div", { className: "kl", title: `KL to N(0, 1): ${number(kl[index])} nats an image` }, bar);
    const name = make("b", {}, String(index));
    return make("div", { className: "slider" }, name, ends[0], input, ends[1], output, strength);
  }

  const [used, unused] = [order.filter((index) => active[index]), order.filter((index) => !active[index])];
  byId("sliders").append(...used.map(makeSlider));
  byId("unused-sliders").append(...unused.map(makeSlider));
  byId("unused").hidden = !unused.length;
  byId("unused-summary").textContent = `${unused.length} unused: their means hardly differ between images`;

  const show = oncePerFrame(() => {
    paint(byId("latents-image"), model.decode(store.latent), model.shape);
    for (const [index, { input, output }] of sliders) {
      if (input.valueAsNumber !== store.latent[index]) input.value = store.latent[index];
      output.textContent = number(store.latent[index]);
    }
    const base = store.image === null ? store.origin?.latent : space.latent(store.image);
    const changed = base ? store.latent.reduce((sum, value, index) => sum + (value !== base[index]), 0) : 0;
    const name = store.image === null ? (store.origin?.name ?? "A latent") : app.nameOf(store.image);
    byId("latents-origin").textContent = name;
    const density = `log density ${number(prior.logDensity(store.latent), 1)} nats`;
    byId("latents-note").textContent = changed ? `${changed} changed, ${density}` : density;
    byId("latents-reset").disabled = !changed;
  });

  // At the ends of each slider, the images that it leads to; one slider at a time, so that the page goes on answering.
  let waiting = null;
  let round = 0;
  const showEndsLater = () => {
    round++;
    clearTimeout(waiting);
    waiting = setTimeout(showEnds, WAIT);
  };
  async function showEnds() {
    const own = round;
    for (const [index, { ends }] of sliders) {
      [low, high].forEach((values, end) => {
        const latent = Float32Array.from(store.latent);
        latent[index] = values[index];
        paint(ends[end], model.decode(latent), model.shape);
      });
      await new Promise((resume) => setTimeout(resume));
      if (own !== round) return;
    }
  }

  byId("latents-reset").onclick = () => {
    const latent = store.image === null ? store.origin.latent : space.latent(store.image);
    store.set({ latent: Float32Array.from(latent) });
  };
  const choice = byId("latents-class");
  const classes = facts.classes.filter(({ label }) => label < prior.classes);
  choice.hidden = classes.length < 2;
  choice.append(make("option", { value: "" }, "of any class"));
  choice.append(...classes.map(({ label, name }) => make("option", { value: label }, name)));
  byId("latents-sample").onclick = () => {
    const latent = choice.value === "" ? prior.sample() : prior.sampleOfClass(Number(choice.value));
    const name = choice.value === "" ? "A sample of the prior" : `A sample of ${choice.selectedOptions[0].textContent}`;
    app.begin(latent, name);
  };
  byId("latents-text").textContent = facts.texts.latents;

  store.watch((changed) => {
    if (!changed.has("latent") && !changed.has("image")) return;
    show();
    showEndsLater();
  });
  show();
  showEnds();
}

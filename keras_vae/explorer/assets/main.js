// Opens the model and the images, and hands them to the parts of the page.

import { afterPause, byId, count, make } from "./dom.js";
import { openImages } from "./images.js";
import { showLatents } from "./latents_view.js";
import { showMap } from "./map_panel.js";
import { makeModel } from "./model.js";
import { showOwn } from "./own_view.js";
import { showNearness } from "./nearness_view.js";
import { openPart } from "./parts.js";
import { followPart, lead, leadToPart } from "./part_in_view.js";
import { showPath } from "./path_view.js";
import { spherical, straight } from "./paths.js";
import { makeNetwork } from "./network.js";
import { makePrior } from "./prior.js";
import { showShift } from "./shift_view.js";
import { showSlider } from "./slider_view.js";
import { makeSpace } from "./space.js";
import { fromFragment, makeStore, toFragment } from "./state.js";
import { footer, kicker, opening, texts } from "./texts.js";
import { showTour } from "./tour.js";
import { showVerdicts } from "./verdicts_view.js";
import { ORIGINS } from "./words.js";

const facts = JSON.parse(byId("facts").textContent);
const part = (name) => openPart(name, facts.parts[name], facts.server);

async function start() {
  facts.texts = texts(facts);
  byId("kicker").textContent = kicker(facts);
  byId("lead").textContent = opening(facts);
  byId("footer").textContent = footer(facts);

  const needed = ["decoder", "points", "paths", "images", "prior"];
  const [decoder, points, paths, sprite, ofPrior] = await Promise.all(needed.map(part));
  const model = makeModel(facts.model, decoder);
  const prior = makePrior(facts.model, ofPrior);
  const images = await openImages(sprite.sprite.values, model.shape, facts.images.columns);
  const space = makeSpace(facts, points, paths);
  const store = makeStore(firstState(space));
  const app = { facts, model, prior, images, space, store, latents: sortedLatents(facts.latents) };
  addHelpers(app);
  readAddress(app);

  byId("status").hidden = true;
  byId("parts").hidden = false;
  app.map = showMap(app);
  showNearness(app);
  showLatents(app);
  showSlider(app);
  showPath(app);
  showShift(app);
  showTour(app);
  window.addEventListener("hashchange", () => {
    readAddress(app);
    leadToPart(store);
  });
  store.watch(keepAddress(app));
  for (const link of document.querySelectorAll("nav a")) {
    link.onclick = (event) => {
      event.preventDefault(); // the address holds the whole state
      lead(link.getAttribute("href").slice(1));
    };
  }

  model.addEncoder(await part("encoder"));
  showOwn(app);
  if (facts.classifier) {
    app.classify = makeNetwork(facts.classifier, await part("classifier"));
    showVerdicts(app);
  }
  leadToPart(store);
  followPart(store);
  const ways = { straight, spherical };
  window.explorer = { ...model, classify: app.classify, prior, space, store, map: app.map, images, facts, ways };
  document.documentElement.dataset.ready = "";
}

function firstState(space) {
  const other = space.labels.findIndex((label) => label !== space.labels[0]);
  const [from, to] = space.pairs[0] ?? [0, other >= 0 ? other : space.count - 1];
  return {
    map: [...space.maps.keys()][0],
    image: 0,
    latent: space.latent(0),
    origin: null, // where a latent is from that is not an image's: { latent, kind }
    from,
    to,
    share: 0.5,
    hidden: new Set(),
    view: null, // what of the map is in view; null is all of it
    area: null, // corners of what is selected on the map
    slider: null, // the latent whose strips are shown; null is the strongest one
    shift: null,
    picture: null, // the reader's own image, as the address has it
    own: null, // its posterior
    part: null, // of the page, that the reader is in
  };
}

// The latents in the order of their KL, the largest first: those that vary, and the unused ones.
function sortedLatents({ kl, active }) {
  const order = kl.map((_, index) => index).sort((first, second) => kl[second] - kl[first]);
  return { used: order.filter((index) => active[index]), unused: order.filter((index) => !active[index]) };
}

function addHelpers(app) {
  const { store, space, facts, images } = app;
  const names = new Map(facts.classes.map(({ label, name }) => [label, name]));
  if (facts.classes.length > 1) {
    const [less, plus] = [store.from, store.to].map((index) => space.labels[index]);
    store.shift = { less, plus, amount: 1 };
  }
  app.nameOf = (index) => {
    const number = `Image ${count(space.numbers[index])}`;
    return names.size > 1 ? `${number}, ${names.get(space.labels[index])}` : number;
  };
  app.choose = (index) => {
    store.set({ image: index, latent: space.latent(index), origin: null });
    byId("spoken").textContent = app.nameOf(index); // for a screen reader, which does not see the map
  };
  app.begin = (latent, kind) => store.set({ image: null, origin: { latent, kind }, latent: Float32Array.from(latent) });
  const nameOfOrigin = ({ kind }) => ORIGINS[kind] ?? `A sample of ${names.get(Number(kind.replace("class-", "")))}`;
  // What the sliders began with.
  app.nameOfLatent = () => (store.image === null ? nameOfOrigin(store.origin) : app.nameOf(store.image));
  // An image that is chosen by a click.
  app.button = (index) => {
    const button = make("button", { type: "button", title: app.nameOf(index) }, images.canvas(index));
    button.setAttribute("aria-label", app.nameOf(index));
    button.onclick = () => app.choose(index);
    return button;
  };
}

function readAddress({ store, space, facts }) {
  store.set(fromFragment(location.hash, space, facts.classes.map(({ label }) => label)));
}

function keepAddress({ store, space, facts }) {
  return afterPause(() => {
    history.replaceState(null, "", `#${toFragment(store, space)}`);
    if (facts.server) window.parent.postMessage(location.href, location.origin); // to the tab of TensorBoard
  }, 250);
}

start().catch((error) => {
  byId("status").textContent = `This page could not be opened: ${error.message}. It needs a browser of 2023 or later.`;
  console.error(error);
});

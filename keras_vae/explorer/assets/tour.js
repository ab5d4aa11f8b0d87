// Three questions to begin with, each a button that leads to its answer.

import { byId, make } from "./dom.js";
import { lead } from "./part_in_view.js";

const SECONDS = 3; // of a slider's way from one end to the other

export function showTour(app) {
  const { store, space, facts } = app;
  const nameOf = new Map(facts.classes.map(({ label, name }) => [label, name]));
  const several = nameOf.size > 1;
  const steps = [[several ? "Which classes lie near each other?" : "Which images lie near each other?", showAll]];
  if (store.from !== store.to) {
    const [from, to] = [store.from, store.to].map((index) => space.labels[index]);
    const between = from === to ? "two images" : `${nameOf.get(from)} and ${nameOf.get(to)}`;
    steps.push([`What lies between ${between}?`, walk(store.from, store.to)]);
  }
  const strongest = app.latents.used;
  const chosen = Math.min(2, strongest.length - 1);
  const place = ["first", "second", "third"][chosen];
  if (chosen >= 0) steps.push([`What does the ${place} slider do?`, pull(strongest[chosen])]);
  const buttons = steps.map(([question, answer]) => {
    const button = make("button", { type: "button" }, question);
    button.onclick = answer;
    return make("li", {}, button);
  });
  byId("tour").replaceChildren(...buttons);

  function showAll() {
    store.set({ hidden: new Set(), view: null });
    if (byId("nearness").hidden) return lead("map-part", "map");
    byId("map").focus({ preventScroll: true });
    return byId("nearness").scrollIntoView({ block: "end" }); // with as much of the map above as there is room for
  }

  function walk(from, to) {
    return () => {
      lead("path-part", "path-play");
      if (byId("path-play").textContent === "Pause") byId("path-play").click();
      store.set({ from, to, share: 0 });
      byId("path-play").click();
    };
  }

  // From where the slider is to one end, to the other and back.
  function pull(index) {
    const { low, high } = facts.latents;
    return () => {
      store.set({ slider: index });
      lead("slider-figure", `latent-${index}`);
      const first = store.latent[index];
      const stops = [first, low[index], high[index], first];
      const begun = performance.now();
      let expected = store.latent;
      const move = (now) => {
        if (store.latent !== expected) return; // the reader has taken over
        const at = Math.min(stops.length - 1, Math.max(0, (now - begun) / 1000 / SECONDS));
        const step = Math.min(stops.length - 2, Math.floor(at));
        expected = Float32Array.from(store.latent);
        expected[index] = stops[step] + (at - step) * (stops[step + 1] - stops[step]);
        store.set({ latent: expected });
        if (at < stops.length - 1) requestAnimationFrame(move);
      };
      requestAnimationFrame(move);
    };
  }
}

// What the classifier of the evaluation sees along each path: under each strip, the class that it finds likeliest.

import { onPaper, whenSchemeChanges } from "./colours.js";
import { afterPause, byId, make, percent } from "./dom.js";
import { pathOf, waysBetween } from "./paths.js";
import { STRIP_STEPS } from "./path_view.js";
import { makeRunner } from "./turns.js";

const WAIT = 150; // milliseconds without a change, after which verdicts are computed: they take longer than a frame

export function showVerdicts(app) {
  const { store, space, facts, model, classify } = app;
  const classOf = new Map(facts.classes.map((each) => [each.label, each]));
  const run = makeRunner();

  function* fill() {
    const ways = waysBetween(space, store.from, store.to);
    for (const [name, way] of Object.entries(ways)) {
      const found = [];
      for (const latent of pathOf(way, space.latent(store.from), space.latent(store.to), STRIP_STEPS)) {
        found.push(likeliest(classify(model.decode(latent))));
        yield;
      }
      byId(`verdicts-${name}`).replaceChildren(...joined(found).map(makeCell));
    }
  }

  function makeCell({ label, count, share }) {
    const { name, colour } = classOf.get(label) ?? { name: `class ${label}`, colour: "#888888" };
    const cell = make("span", { title: `${name}, ${percent(share)} likely on average` }, name);
    cell.style.flexGrow = count;
    cell.style.borderColor = `rgb(${onPaper(colour)})`;
    return cell;
  }

  const afterChange = afterPause(() => run(fill()), WAIT);
  const later = () => {
    run.stop();
    for (const each of document.querySelectorAll(".verdicts")) each.replaceChildren();
    afterChange();
  };
  store.watch((changed) => (changed.has("from") || changed.has("to")) && later());
  whenSchemeChanges(later);
  for (const each of document.querySelectorAll(".verdicts")) each.hidden = false;
  later();
}

// The likeliest class by its logits, and its probability.
function likeliest(logits) {
  const label = logits.reduce((best, value, index) => (value > logits[best] ? index : best), 0);
  return { label, share: 1 / logits.reduce((sum, value) => sum + Math.exp(value - logits[label]), 0) };
}

// Equal neighbours as one, with their number and their mean probability.
function joined(verdicts) {
  const runs = [];
  for (const { label, share } of verdicts) {
    const last = runs[runs.length - 1];
    if (last?.label === label) {
      last.share = (last.share * last.count + share) / (last.count + 1);
      last.count++;
    } else runs.push({ label, share, count: 1 });
  }
  return runs;
}

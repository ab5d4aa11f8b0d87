// The classes beside the map: each switched on and off.

import { onPaper, whenSchemeChanges } from "./colours.js";
import { byId, count, make } from "./dom.js";

export function makeLegend(store, facts) {
  const legend = byId("legend");
  legend.hidden = facts.classes.length < 2;
  const entries = facts.classes.map(({ label, name, colour, shape, count: images }) => {
    const mark = make("i", { className: shape });
    const title = `${name}: ${count(images)} images`;
    const button = make("button", { type: "button", title }, mark, make("span", { dir: "auto" }, name));
    button.onclick = () => {
      const hidden = new Set(store.hidden);
      if (!hidden.delete(label)) hidden.add(label);
      store.set({ hidden });
    };
    return { label, colour, mark, button };
  });
  legend.replaceChildren(...entries.map(({ button }) => button));
  const marks = new Set(facts.classes.map(({ colour, shape }) => colour + shape)).size;
  if (marks < entries.length) legend.append(make("small", {}, `Colours and shapes repeat after ${marks} classes.`));

  const showColours = () => entries.forEach(({ mark, colour }) => (mark.style.background = `rgb(${onPaper(colour)})`));
  const showPressed = () =>
    entries.forEach(({ button, label }) => button.setAttribute("aria-pressed", String(!store.hidden.has(label))));
  whenSchemeChanges(showColours);
  store.watch((changed) => changed.has("hidden") && showPressed());
  showColours();
  showPressed();
}

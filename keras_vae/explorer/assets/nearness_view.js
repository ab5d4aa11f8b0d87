// Which classes lie near each other: of each, the classes of its images' nearest images.

import { onPaper, whenSchemeChanges } from "./colours.js";
import { byId, make, percent } from "./dom.js";

const MOST_ROWS = 12;
const LEAST_SHARE = 0.02; // of a class that is named
const MOST_NAMES = 3;

export function showNearness({ store, facts }) {
  const rows = facts.classes.filter(({ nearest }) => nearest.length);
  byId("nearness").hidden = facts.classes.length < 2 || !rows.length;
  if (byId("nearness").hidden) return;
  const classOf = new Map(facts.classes.map((each) => [each.label, each]));
  const ownShare = ({ label, nearest }) => nearest.find(([other]) => other === label)?.[1] ?? 0;
  rows.sort((first, second) => ownShare(first) - ownShare(second));

  const entries = rows.slice(0, MOST_ROWS).map((each) => {
    const others = each.nearest.filter(([label]) => label !== each.label);
    const near = others.filter(([, share]) => share >= LEAST_SHARE).slice(0, MOST_NAMES);
    const named = near.map(([label, share]) => `${classOf.get(label).name} ${percent(share)}`).join(", ");
    const bar = make("span", { className: "shares" });
    bar.setAttribute("aria-hidden", "true");
    const parts = [[each.label, ownShare(each)], ...others].map(([label, share]) => {
      const part = make("i");
      part.style.flexGrow = share;
      bar.append(part);
      return [part, classOf.get(label).colour];
    });
    const button = make(
      "button",
      { type: "button", title: "Show only these on the map" },
      make("b", { dir: "auto" }, each.name),
      bar,
      make("span", { className: "small", dir: "auto" }, named || "hardly any other class"),
    );
    const shown = new Set([each.label, ...near.map(([label]) => label)]);
    const hidden = new Set(facts.classes.map(({ label }) => label).filter((label) => !shown.has(label)));
    button.onclick = () => store.set({ hidden: areEqual(store.hidden, hidden) ? new Set() : hidden, area: null });
    return { button, parts, hidden };
  });
  byId("nearness-rows").replaceChildren(...entries.map(({ button }) => make("li", {}, button)));
  const most = `the ${MOST_ROWS} that mix most`;
  byId("nearness-note").textContent = rows.length > MOST_ROWS ? most : "those that mix most first";

  const showColours = () =>
    entries
      .flatMap(({ parts }) => parts)
      .forEach(([part, colour]) => (part.style.background = `rgb(${onPaper(colour)})`));
  const showPressed = () =>
    entries.forEach(({ button, hidden }) => {
      button.setAttribute("aria-pressed", String(hidden.size > 0 && areEqual(store.hidden, hidden)));
    });
  whenSchemeChanges(showColours);
  store.watch((changed) => changed.has("hidden") && showPressed());
  showColours();
  showPressed();
}

const areEqual = (first, second) => first.size === second.size && [...first].every((each) => second.has(each));

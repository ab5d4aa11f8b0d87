// The images of an area of the map, and their mean decoded.

import { byId, count, make, paint } from "./dom.js";
import { boxOf } from "./map_input.js";
import { rounded } from "./state.js";

const KINDS = ["map-box", "map-lasso"]; // buttons, of which one may be pressed
const SHOWN = 60; // images at first
const MORE = 240; // at each press of a button

// `select(corners)` selects an area, in pixels of the canvas; `kind()` says what a drag draws: a "box", a "lasso" or
// nothing.
export function makeSelection({ store, space, model, button }, view) {
  const isPressed = (id) => byId(id).getAttribute("aria-pressed") === "true";

  function press(chosen) {
    for (const id of KINDS) byId(id).setAttribute("aria-pressed", String(id === chosen));
  }

  function select(corners) {
    store.set({ area: corners.map((corner) => view.toMap(corner).map(rounded)) });
    press(null);
  }

  function clear() {
    const hadFocus = byId("selection").contains(document.activeElement);
    store.set({ area: null });
    press(null);
    if (hadFocus) view.canvas.focus({ preventScroll: true });
  }

  let left = []; // images of the area that are still to be shown

  function showMore(wanted) {
    byId("selection-images").append(...left.splice(0, wanted).map(button));
    byId("selection-more").hidden = !left.length;
    byId("selection-more").textContent = `Show ${count(Math.min(MORE, left.length))} more`;
  }

  function show() {
    const gallery = byId("selection-images");
    gallery.replaceChildren();
    // Not hidden: a screen reader then tells what its title becomes.
    byId("selection").classList.toggle("empty", !store.area);
    byId("selection-clear").hidden = !store.area;
    const indices = store.area ? view.map().within(store.area).filter(view.isShown) : [];
    byId("selection-note").hidden = !indices.length;
    byId("selection-title").textContent = store.area ? titleOf(indices) : "";
    left = spread(indices, Math.ceil(indices.length / SHOWN));
    byId("selection-more").hidden = true;
    if (!indices.length) return;
    const mean = make("canvas", { className: "image" });
    mean.setAttribute("role", "img");
    mean.setAttribute("aria-label", "Their mean latent decoded");
    paint(mean, model.decode(space.meanOf(indices)), model.shape);
    gallery.append(make("div", { className: "first" }, mean, make("small", {}, "mean latent")));
    showMore(SHOWN);
  }

  for (const id of KINDS) byId(id).onclick = () => press(isPressed(id) ? null : id);
  byId("map-view").onclick = () => select(boxOf([0, 0], view.size()));
  byId("selection-clear").onclick = clear;
  byId("selection-more").onclick = () => showMore(MORE);
  byId("map-part").addEventListener("keydown", ({ key }) => key === "Escape" && clear());
  store.watch((changed) => ["map", "area", "hidden"].some((name) => changed.has(name)) && show());
  show();
  return { select, kind: () => KINDS.find(isPressed)?.slice("map-".length) };
}

// Every step-th of them, then the ones that follow these, and so on: however few are shown, they are of everywhere.
function spread(indices, step) {
  const parts = Array.from({ length: step }, (_, offset) => indices.filter((_, place) => place % step === offset));
  return parts.flat();
}

function titleOf(indices) {
  if (!indices.length) return "No image in the area";
  return `${count(indices.length)} ${indices.length === 1 ? "image" : "images"} in the area`;
}

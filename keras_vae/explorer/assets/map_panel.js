// The map's part of the page: which map, which classes, the chosen image, what the decoder draws at the pointer.

import { styled, whenSchemeChanges } from "./colours.js";
import { byId, make, number, oncePerFrame, paint, percent, remembered, shareBelow } from "./dom.js";
import { makeLegend } from "./legend.js";
import { listen } from "./map_input.js";
import { drawMark, drawOutline } from "./map_marks.js";
import { makePaths } from "./map_paths.js";
import { makeMapView } from "./map_view.js";
import { makeSelection } from "./selection_view.js";
import { MAP_HOW } from "./texts.js";
import { MAP_NAMES } from "./words.js";

const NOT_DRAWN = ["latent", "slider", "part"]; // what may change while the canvas stays as it is
const FAR = 0.99; // share of the images that are nearer to their nearest one

export function showMap(app) {
  const { store, space, facts, model, prior, images } = app;
  const view = makeMapView(byId("map"), app);
  const selection = makeSelection(app, view);
  let hovered = null;
  let pointer = null; // a place on the map
  let pointedBy = null; // "key", of which a screen reader is told, or "touch", which hides what it points at

  const asked = {
    hover(place, by = null) {
      if (place) [pointer, pointedBy] = [view.toMap(place), by]; // what was drawn last stays
      else if (pointedBy === "key") pointedBy = null; // and is not told again
      const found = place && view.pick(place);
      view.canvas.style.cursor = found === null ? "crosshair" : "pointer";
      if (found !== hovered) {
        hovered = found;
        showChosen();
        view.draw();
      }
      if (by === "touch") view.draw();
      showPointer();
    },
    choose(place, within) {
      const found = view.pick(place, within);
      if (found !== null) app.choose(found);
    },
    select: selection.select,
    selects: selection.kind,
  };
  const input = listen(view, asked);

  const showPointer = oncePerFrame(() => {
    const map = view.map();
    const latent = map.invert(...pointer);
    paint(byId("pointer-image"), model.decode(latent), model.shape);
    const [{ index, distance }] = space.nearest(latent, 1);
    const usual = shareBelow(facts.usual.distance, distance);
    const share = `; ${percent(1 - usual)} of the images are farther from theirs.`;
    const density = prior.logDensity(latent);
    const below = shareBelow(facts.usual.density, density);
    const isFar = usual > FAR;
    const isEmpty = isAlone(map, pointer);
    const verdict = isEmpty ? "No image lies here."
      : isFar ? "Far from every image." : below < 0.05 ? "An unusual place." : "A usual place.";
    byId("pointer-verdict").textContent = verdict;
    if (pointedBy === "key") byId("spoken").textContent = `${verdict} ${app.nameOf(index)}`;
    byId("pointer-note").textContent = [
      isEmpty ? "The next dot is farther than dots are from each other here. Of the mean that is drawn: " : "",
      `${isEmpty ? "nearest" : "Nearest"}: ${app.nameOf(index)}, at a distance of ${number(distance)}`,
      isFar ? ", farther than images are from each other." : share,
      ` Prior: ${number(density, 1)} nats, ${percent(below)} of the images have less.`,
    ].join("");
  });

  // As long as the pointer has not moved over this map, what is told is told of the chosen image's place.
  function pointAtChosen() {
    if (hovered !== null) {
      hovered = null;
      showChosen();
    }
    const { x, y } = view.map();
    const { image, latent } = store;
    pointer = image === null ? placeOfLatent(view.map(), latent) : [x[image], y[image]];
    pointedBy = null;
    showPointer();
  }

  function showChosen() {
    const index = hovered ?? store.image;
    const none = index === null;
    byId("chosen-title").textContent = none ? "No image is chosen" : app.nameOf(index);
    for (const id of ["chosen-from", "chosen-to"]) byId(id).disabled = store.image === null;
    byId("chosen-note").textContent = none ? "Choose a dot." : index === store.image ? "chosen" : "under the pointer";
    byId("chosen-pair").classList.toggle("empty", none);
    if (none) return;
    paint(byId("chosen-image"), images.values(index), model.shape);
    paint(byId("chosen-again"), model.decode(space.latent(index)), model.shape);
  }

  function showWords() {
    const { name, linear } = view.map();
    byId("map-text").textContent = facts.texts.map;
    byId("map-how").textContent = MAP_HOW[name];
    byId("pointer-kind").textContent = linear
      ? name === "latent" ? "decoded, exactly" : "decoded from the plane of the two components"
      : "decoded from a mean of the nearest images";
    for (const button of byId("map-choice").children) {
      button.setAttribute("aria-checked", String(button.value === name));
      button.tabIndex = button.value === name ? 0 : -1;
    }
  }

  makeChoice(store, space);
  makeLegend(store, facts);
  byId("map-in").onclick = () => view.zoomAt(view.size().map((side) => side / 2), 1.5);
  byId("map-out").onclick = () => view.zoomAt(view.size().map((side) => side / 2), 1 / 1.5);
  byId("map-fit").onclick = view.fit;
  byId("chosen-from").onclick = () => store.set({ from: store.image });
  byId("chosen-to").onclick = () => store.set({ to: store.image });
  byId("chosen-random").onclick = () => app.choose(Math.floor(Math.random() * space.count));

  // Kept: on a map without a formula, to find a place is to ask all images.
  const [placeOfLatent, placeOfOwn] = Array.from({ length: 2 }, () => remembered((map, latent) => map.place(latent)));
  view.below(makePaths(app));
  view.above((context, { toScreen, width, height, map }) => {
    moveHere();
    for (const [index, wide] of [[store.image, 2.5], [hovered, 1.5]]) {
      if (index !== null) drawMark(context, toScreen([map.x[index], map.y[index]]), styled("ink"), "ring", wide);
    }
    if (store.own) drawMark(context, toScreen(placeOfOwn(map, store.own.mean)), styled("second"), "diamond");
    if (document.activeElement === view.canvas && view.canvas.matches(":focus-visible")) {
      drawMark(context, [width / 2, height / 2], styled("soft"), "cross");
    } else if (pointedBy === "touch") drawMark(context, toScreen(pointer), styled("soft"), "cross");
    const corners = input.drawn() ?? store.area?.map(toScreen);
    if (corners) drawOutline(context, corners, styled("accent"));
  });

  // Apart from the canvas, so that this need not be drawn anew for what moves at every frame while a slider is pulled.
  function moveHere() {
    const [x, y] = view.toScreen(placeOfLatent(view.map(), store.latent));
    byId("map-here").style.transform = `translate(${x}px, ${y}px)`;
  }
  const moveHereLater = oncePerFrame(() => view.isSeen() && moveHere());

  store.watch((changed) => {
    if (changed.has("map")) {
      showWords();
      pointAtChosen();
    }
    if (changed.has("image")) showChosen();
    if (["map", "view", "hidden"].some((name) => changed.has(name))) view.refresh();
    else if (![...changed].every((name) => NOT_DRAWN.includes(name))) view.draw();
    else if (changed.has("latent")) moveHereLater();
  });
  view.canvas.addEventListener("focus", view.draw);
  view.canvas.addEventListener("blur", () => {
    asked.hover(null); // the buttons beside the map are about what is chosen
    view.draw();
  });
  whenSchemeChanges(view.refresh);
  new ResizeObserver(view.resize).observe(view.canvas);
  view.resize();
  showWords();
  showChosen();
  pointAtChosen();
  return view;
}

// Whether no dot is near, on a map without a formula: the latent of a place is there a mean of images however far they
// are, and so lies among them.
function isAlone(map, place) {
  if (map.linear) return false;
  const [{ distance }] = map.near(...place, 1);
  return shareBelow(map.apart, distance) > FAR;
}

function makeChoice(store, space) {
  const names = [...space.maps.keys()];
  byId("map-choice").replaceChildren(
    ...names.map((name) => {
      const button = make("button", { type: "button", value: name }, MAP_NAMES[name]);
      button.onclick = () => store.set({ map: name, view: null, area: null });
      button.setAttribute("role", "radio");
      button.onkeydown = (event) => {
        const step = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key];
        if (!step) return;
        event.preventDefault();
        const next = names[(names.indexOf(name) + step + names.length) % names.length];
        store.set({ map: next, view: null, area: null });
        [...byId("map-choice").children].find((each) => each.value === next).focus();
      };
      return button;
    }),
  );
}

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

export function showMap(app) {
  const { store, space, facts, model, prior, images } = app;
  const view = makeMapView(byId("map"), app);
  const selection = makeSelection(app, view);
  let hovered = null;
  let pointer = null;
  let isSpoken = false; // whether a screen reader is told what is under the pointer

  const asked = {
    hover(place, byKey = false) {
      pointer = place;
      isSpoken = byKey;
      const found = place && view.pick(place);
      view.canvas.style.cursor = found === null ? "crosshair" : "pointer";
      if (found !== hovered) {
        hovered = found;
        showChosen();
        view.draw();
      }
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
    if (!pointer) return;
    const map = view.map();
    const latent = map.invert(...view.toMap(pointer));
    paint(byId("pointer-image"), model.decode(latent), model.shape);
    const [{ index, distance }] = space.nearest(latent, 1);
    const usual = shareBelow(facts.usual.distance, distance);
    const share = `; ${percent(1 - usual)} of the images are farther from theirs.`;
    const density = prior.logDensity(latent);
    const below = shareBelow(facts.usual.density, density);
    const isFar = usual > 0.99;
    const verdict = isFar ? "Far from every image." : below < 0.05 ? "An unusual place." : "A usual place.";
    byId("pointer-verdict").textContent = verdict;
    if (isSpoken) byId("spoken").textContent = `${verdict} ${app.nameOf(index)}`;
    byId("pointer-note").textContent = [
      `Nearest: ${app.nameOf(index)}, at a distance of ${number(distance)}`,
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
    pointer = view.toScreen(image === null ? placeOfLatent(view.map(), latent) : [x[image], y[image]]);
    isSpoken = false;
    showPointer();
  }

  function showChosen() {
    const index = hovered ?? store.image;
    const none = index === null;
    byId("chosen-title").textContent = none ? "No image is chosen" : app.nameOf(index);
    byId("chosen-note").textContent = none ? "Choose a dot." : index === store.image ? "chosen" : "under the pointer";
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
  byId("chosen-from").onclick = () => store.image !== null && store.set({ from: store.image });
  byId("chosen-to").onclick = () => store.image !== null && store.set({ to: store.image });
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
    }
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
    else if (![...changed].every((name) => name === "latent" || name === "slider")) view.draw();
    else if (changed.has("latent")) moveHereLater();
  });
  view.canvas.addEventListener("focus", view.draw);
  view.canvas.addEventListener("blur", view.draw);
  whenSchemeChanges(view.refresh);
  new ResizeObserver(view.resize).observe(view.canvas);
  view.resize();
  showWords();
  showChosen();
  pointAtChosen();
  return view;
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

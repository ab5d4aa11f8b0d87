// The map's part of the page: which map, which classes, the chosen image, what the decoder draws at the pointer.

import { styled, whenSchemeChanges } from "./colours.js";
import { byId, count, make, number, oncePerFrame, paint, percent, shareBelow } from "./dom.js";
import { makeLegend } from "./legend.js";
import { boxOf, listen } from "./map_input.js";
import { drawMark, drawOutline } from "./map_marks.js";
import { makeMapView } from "./map_view.js";
import { pathOf, waysBetween } from "./paths.js";
import { rounded } from "./state.js";
import { MAP_HOW } from "./texts.js";
import { MAP_NAMES } from "./words.js";

const PATH_STEPS = 25; // of a path as it is drawn on the map
const STROKES = { straight: ["accent", []], spherical: ["second", [6, 4]], shortest: ["third", [2, 3]] };
const SELECTIONS = ["map-box", "map-lasso"]; // buttons, of which one may be pressed
const MOST_SELECTED = 60; // images shown of an area

export function showMap(app) {
  const { store, space, facts, model, prior, images } = app;
  const view = makeMapView(byId("map"), app);
  let hovered = null;
  let pointer = null;
  let isSpoken = false; // whether a screen reader is told what is under the pointer
  let placed = {};

  const asked = {
    hover(place, byKey = false) {
      pointer = place;
      isSpoken = byKey;
      const found = place && view.pick(place);
      view.canvas.style.cursor = found === null ? "crosshair" : "pointer";
      if (found !== hovered) {
        hovered = found;
        showChosen();
      }
      showPointer();
      view.draw();
    },
    choose(place, within) {
      const found = view.pick(place, within);
      if (found !== null) app.choose(found);
    },
    select(corners) {
      store.set({ area: corners.map((corner) => view.toMap(corner).map(rounded)) });
      press(null);
    },
    selects: () => SELECTIONS.find((id) => byId(id).getAttribute("aria-pressed") === "true")?.slice(4),
  };
  const input = listen(view, asked);

  function press(chosen) {
    for (const id of SELECTIONS) byId(id).setAttribute("aria-pressed", String(id === chosen));
  }

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

  function showChosen() {
    const index = hovered ?? store.image;
    const none = index === null;
    byId("chosen-title").textContent = none ? "No image is chosen" : app.nameOf(index);
    byId("chosen-note").textContent = none ? "Choose a dot." : index === store.image ? "chosen" : "under the pointer";
    if (none) return;
    paint(byId("chosen-image"), images.values(index), model.shape);
    paint(byId("chosen-again"), model.decode(space.latent(index)), model.shape);
  }

  function showSelection() {
    const gallery = byId("selection-images");
    gallery.replaceChildren();
    byId("selection").hidden = !store.area;
    if (!store.area) return;
    const indices = view.map().within(store.area).filter(view.isShown);
    const cut = indices.length > MOST_SELECTED ? `, of which ${MOST_SELECTED} are shown` : "";
    const found = `${count(indices.length)} ${indices.length === 1 ? "image" : "images"} in the area`;
    byId("selection-title").textContent = indices.length ? `${found}${cut}` : "No image in the area";
    if (!indices.length) return;
    const mean = make("canvas", { className: "image" });
    mean.setAttribute("role", "img");
    mean.setAttribute("aria-label", "Their mean latent decoded");
    paint(mean, model.decode(space.meanOf(indices)), model.shape);
    gallery.append(make("div", { className: "first" }, mean, make("small", {}, "mean latent")));
    const step = Math.max(1, indices.length / MOST_SELECTED);
    for (let at = 0; at < indices.length; at += step) gallery.append(app.button(indices[Math.floor(at)]));
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
  byId("map-view").onclick = () => asked.select(boxOf([0, 0], view.size()));
  byId("map-in").onclick = () => view.zoomAt(view.size().map((side) => side / 2), 1.5);
  byId("map-out").onclick = () => view.zoomAt(view.size().map((side) => side / 2), 1 / 1.5);
  byId("map-fit").onclick = view.fit;
  for (const id of SELECTIONS) {
    byId(id).onclick = ({ currentTarget: button }) => press(button.getAttribute("aria-pressed") === "true" ? null : id);
  }
  byId("chosen-from").onclick = () => store.image !== null && store.set({ from: store.image });
  byId("chosen-to").onclick = () => store.image !== null && store.set({ to: store.image });
  byId("chosen-random").onclick = () => app.choose(Math.floor(Math.random() * space.count));

  view.below(drawPaths);
  view.above((context, { toScreen, width, height, map }) => {
    moveHere();
    for (const [index, wide] of [[store.image, 2.5], [hovered, 1.5]]) {
      if (index !== null) drawMark(context, toScreen([map.x[index], map.y[index]]), styled("ink"), "ring", wide);
    }
    if (store.own) drawMark(context, toScreen(map.place(store.own.mean)), styled("second"), "diamond");
    if (document.activeElement === view.canvas && view.canvas.matches(":focus-visible")) {
      drawMark(context, [width / 2, height / 2], styled("soft"), "cross");
    }
    const corners = input.drawn() ?? store.area?.map(toScreen);
    if (corners) drawOutline(context, corners, styled("accent"));
  });

  function drawPaths(context, { toScreen, map }) {
    if (store.from === store.to) return;
    const [start, end] = [space.latent(store.from), space.latent(store.to)];
    const key = `${map.name} ${store.from} ${store.to}`;
    if (placed.key !== key) {
      const ways = waysBetween(space, store.from, store.to);
      const lines = Object.values(ways).map((way) => pathOf(way, start, end, PATH_STEPS).map(map.place));
      placed = { key, ways, lines }; // to find the nearest images of all its points takes longer than a frame
    }
    for (const [number, [name, way]] of Object.entries(placed.ways).entries()) {
      const [colour, dash] = STROKES[name];
      context.beginPath();
      const places = placed.lines[number].map(toScreen);
      for (const place of places) context.lineTo(...place);
      context.setLineDash(dash);
      context.lineWidth = 5;
      context.strokeStyle = styled("raised");
      context.stroke();
      context.lineWidth = 2.2;
      context.strokeStyle = context.fillStyle = styled(colour);
      context.stroke();
      context.setLineDash([]);
      // Where a map tears apart what is near, a path leaps from one dot to the next.
      if (!map.linear) for (const [x, y] of places) context.fillRect(x - 2.5, y - 2.5, 5, 5);
      drawMark(context, toScreen(map.place(way(start, end, store.share))), styled(colour), "disc");
    }
  }

  // Apart from the canvas, so that this need not be drawn anew for what moves at every frame while a slider is pulled.
  function moveHere() {
    const [x, y] = view.toScreen(view.map().place(store.latent));
    byId("map-here").style.transform = `translate(${x}px, ${y}px)`;
  }
  const moveHereLater = oncePerFrame(moveHere);

  store.watch((changed) => {
    if (changed.has("map")) showWords();
    if (changed.has("image")) showChosen();
    if (["map", "area", "hidden"].some((name) => changed.has(name))) showSelection();
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
  showSelection();
  const { x, y } = view.map();
  if (store.image !== null) pointer = view.toScreen([x[store.image], y[store.image]]);
  showPointer();
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

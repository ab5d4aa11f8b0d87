// The map's part of the page: which map, which classes, the chosen image, what the decoder draws at the pointer.

import { onPaper, styled, whenSchemeChanges } from "./colours.js";
import { byId, count, make, number, oncePerFrame, paint, percent, shareBelow } from "./dom.js";
import { listen } from "./map_input.js";
import { makeMapView } from "./map_view.js";
import { pathOf, waysBetween } from "./paths.js";
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
  let placed = {};

  const input = listen(view, {
    hover(place) {
      pointer = place;
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
      showSelection(view.map().within(corners.map(view.toMap)).filter(view.isShown));
      press(null);
    },
    selects: () => SELECTIONS.find((id) => byId(id).getAttribute("aria-pressed") === "true")?.slice(4),
  });

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
    byId("pointer-note").textContent = [
      `Nearest: ${app.nameOf(index)}, at a distance of ${number(distance)}`,
      usual > 0.99 ? ", farther than images are from each other." : share,
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

  function showSelection(indices) {
    const gallery = byId("selection-images");
    gallery.replaceChildren();
    byId("selection").hidden = false;
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
    byId("map-text").textContent = facts.mapTexts[name];
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
  for (const id of SELECTIONS) {
    byId(id).onclick = ({ currentTarget: button }) => press(button.getAttribute("aria-pressed") === "true" ? null : id);
  }
  byId("chosen-from").onclick = () => store.image !== null && store.set({ from: store.image });
  byId("chosen-to").onclick = () => store.image !== null && store.set({ to: store.image });
  byId("chosen-random").onclick = () => app.choose(Math.floor(Math.random() * space.count));

  view.below(drawPaths);
  view.above((context, { toScreen, width, height, map }) => {
    drawMark(context, toScreen(map.place(store.latent)), styled("ink"), "cross");
    for (const [index, wide] of [[store.image, 2.5], [hovered, 1.5]]) {
      if (index !== null) drawMark(context, toScreen([map.x[index], map.y[index]]), styled("ink"), "ring", wide);
    }
    if (store.own) drawMark(context, toScreen(map.place(store.own.mean)), styled("second"), "diamond");
    if (document.activeElement === view.canvas && view.canvas.matches(":focus-visible")) {
      drawMark(context, [width / 2, height / 2], styled("soft"), "cross");
    }
    const corners = input.drawn();
    if (corners) {
      context.beginPath();
      for (const corner of corners) context.lineTo(...corner);
      context.closePath();
      context.fillStyle = context.strokeStyle = styled("accent");
      context.lineWidth = 1.5;
      context.globalAlpha = 0.12;
      context.fill();
      context.globalAlpha = 1;
      context.stroke();
    }
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

  store.watch((changed) => {
    if (changed.has("map")) view.fit();
    if (changed.has("map")) showWords();
    if (changed.has("image")) showChosen();
    if (changed.has("hidden")) view.refresh();
    view.draw();
  });
  view.canvas.addEventListener("focus", view.draw);
  view.canvas.addEventListener("blur", view.draw);
  whenSchemeChanges(() => {
    makeLegend(store, facts);
    view.refresh();
  });
  new ResizeObserver(view.resize).observe(view.canvas);
  view.resize();
  view.fit();
  showWords();
  showChosen();
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
      button.onclick = () => store.set({ map: name });
      button.setAttribute("role", "radio");
      button.onkeydown = (event) => {
        const step = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key];
        if (!step) return;
        event.preventDefault();
        const next = names[(names.indexOf(name) + step + names.length) % names.length];
        store.set({ map: next });
        [...byId("map-choice").children].find((each) => each.value === next).focus();
      };
      return button;
    }),
  );
}

function makeLegend(store, facts) {
  const legend = byId("legend");
  legend.hidden = facts.classes.length < 2;
  legend.replaceChildren(
    ...facts.classes.map(({ label, name, colour, count: images }) => {
      const mark = make("i");
      mark.style.background = `rgb(${onPaper(colour)})`;
      const title = `${name}: ${count(images)} images`;
      const button = make("button", { type: "button", title }, mark, make("span", { dir: "auto" }, name));
      button.setAttribute("aria-pressed", String(!store.hidden.has(label)));
      button.onclick = () => {
        const hidden = new Set(store.hidden);
        if (!hidden.delete(label)) hidden.add(label);
        button.setAttribute("aria-pressed", String(!hidden.has(label)));
        store.set({ hidden });
      };
      return button;
    }),
  );
}

function drawMark(context, [x, y], colour, kind, wide = 2) {
  context.beginPath();
  if (kind === "ring") context.arc(x, y, 7.5, 0, 2 * Math.PI);
  if (kind === "disc") context.arc(x, y, 5, 0, 2 * Math.PI);
  if (kind === "diamond") {
    for (const [right, down] of [[0, -8], [8, 0], [0, 8], [-8, 0], [0, -8]]) context.lineTo(x + right, y + down);
  }
  if (kind === "cross") {
    for (const [right, down] of [[9, 0], [0, 9]]) {
      context.moveTo(x - right, y - down);
      context.lineTo(x + right, y + down);
    }
  }
  context.lineWidth = wide + 3;
  context.strokeStyle = styled("raised");
  context.stroke();
  context.lineWidth = wide;
  context.strokeStyle = context.fillStyle = colour;
  if (kind === "disc" || kind === "diamond") context.fill();
  else context.stroke();
}

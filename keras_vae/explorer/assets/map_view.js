// The map on its canvas: where points lie on the screen, and how they are drawn.

import { isDark, onPaper } from "./colours.js";
import { oncePerFrame } from "./dom.js";
import { makeNames } from "./map_names.js";
import { makeBackdrop } from "./backdrop.js";
import { BY_PROCESSOR, makeDots } from "./dots.js";

const MARGIN = 0.06; // of the smaller side, around a map as a whole
const LARGEST_ZOOM = 60;
const EDGE = 12; // pixels from the edge, within which a mark is not wholly in view
const AROUND = { rootMargin: "200px" }; // of the screen, where the map is drawn before it comes into view
const THUMBNAILS = 320; // images in view, up to which they stand in place of their dots

// A view of the store's map. `below(draw)` and `above(draw)` add what is drawn under and over the names of the classes,
// at every change.
export function makeMapView(canvas, { store, space, images, facts, model }) {
  const context = canvas.getContext("2d", BY_PROCESSOR);
  const base = document.createElement("canvas");
  const [below, above] = [[], []];
  const dots = makeDots();
  const order = Int32Array.from({ length: space.count }, (_, index) => index).sort(
    (first, second) => (Math.imul(first, 0x9e3779b1) >>> 0) - (Math.imul(second, 0x9e3779b1) >>> 0),
  ); // in no order of the classes, so that none lies on top of all others
  const drawNames = makeNames(space.labels);
  const shapes = new Map(facts.classes.map(({ label, shape }) => [label, shape]));
  let [width, height, ratio] = [1, 1, 1];
  const fitted = new Map(); // the middle and the sides of each map
  let stale = true;
  let named = []; // classes whose names are written
  let isSeen = true; // whether any of the canvas is on the screen or close to it
  const draw = oncePerFrame(drawNow);
  const backdrop = makeBackdrop(space, model, refresh);

  const map = () => space.maps.get(store.map);
  const room = () => Math.min(width, height) * (1 - 2 * MARGIN); // pixels of the map's longer side before a zoom
  const at = () => store.view ?? whole();
  const unit = () => room() * at().zoom; // pixels of the map's longer side
  const toScreen = ([x, y]) => [width / 2 + (x - at().x) * unit(), height / 2 - (y - at().y) * unit()];
  const toMap = ([x, y]) => [at().x + (x - width / 2) / unit(), at().y - (y - height / 2) / unit()];
  const isShown = (index) => !store.hidden.has(space.labels[index]);

  function refresh() {
    stale = true;
    draw();
  }

  function resize() {
    const box = canvas.getBoundingClientRect();
    [width, height, ratio] = [Math.max(1, box.width), Math.max(1, box.height), window.devicePixelRatio || 1];
    for (const each of [canvas, base]) Object.assign(each, { width: width * ratio, height: height * ratio });
    refresh();
  }

  // All of the map; one that is wider than high may fill a view that is, too.
  function whole() {
    const { name, x, y } = map();
    if (!fitted.has(name)) fitted.set(name, { x: middle(x), y: middle(y), wide: extent(x), high: extent(y) });
    const { wide, high, ...center } = fitted.get(name);
    return { ...center, zoom: (Math.min(width / wide, height / high) * (1 - 2 * MARGIN)) / room() };
  }

  function zoomAt(place, factor) {
    const before = toMap(place);
    const zoom = Math.min(LARGEST_ZOOM, Math.max(0.5, at().zoom * factor));
    const pixels = room() * zoom;
    const [x, y] = [before[0] - (place[0] - width / 2) / pixels, before[1] + (place[1] - height / 2) / pixels];
    store.set({ view: { x, y, zoom } });
  }

  function panBy(right, down) {
    const clamp = (value) => Math.min(1.2, Math.max(-0.2, value));
    const { x, y, zoom } = at();
    store.set({ view: { x: clamp(x - right / unit()), y: clamp(y + down / unit()), zoom } });
  }

  const fit = () => store.set({ view: null });

  // Bring a place of the map into view, where it is not.
  function reach(place) {
    const [[left, top], [x, y]] = [toScreen(place), place];
    const isWithin = (value, side) => value > EDGE && value < side - EDGE;
    if (!isWithin(left, width) || !isWithin(top, height)) store.set({ view: { x, y, zoom: at().zoom } });
  }

  // The image nearest to a place on the screen, or null where none is within some pixels.
  function pick(place, within = 14) {
    const [found] = map().near(...toMap(place), 1, isShown);
    return found && found.distance * unit() <= within ? found.index : null;
  }

  // To draw what nobody sees would take time from what is seen.
  new IntersectionObserver((entries) => {
    const { isIntersecting } = entries.at(-1);
    if (isIntersecting && !isSeen) draw();
    isSeen = isIntersecting;
  }, AROUND).observe(canvas);

  function drawNow() {
    if (!isSeen && !stale) return;
    if (stale) drawBase();
    stale = false;
    context.setTransform(1, 0, 0, 1, 0, 0);
    context.clearRect(0, 0, canvas.width, canvas.height);
    context.drawImage(base, 0, 0);
    context.setTransform(ratio, 0, 0, ratio, 0, 0);
    const given = { toScreen, width, height, map: map() };
    for (const work of below) work(context, given);
    drawNames(context, named, given);
    for (const work of above) work(context, given);
  }

  function drawBase() {
    const target = base.getContext("2d", BY_PROCESSOR);
    target.setTransform(1, 0, 0, 1, 0, 0);
    target.clearRect(0, 0, base.width, base.height);
    target.setTransform(ratio, 0, 0, ratio, 0, 0);
    const { x, y, name } = map();
    if (name === "latent") backdrop.draw(target, toScreen([0, 1]), toScreen([1, 0]));
    const [left, top] = toMap([-20, -20]);
    const [right, bottom] = toMap([width + 20, height + 20]);
    const visible = order.filter(
      (index) => isShown(index) && x[index] > left && x[index] < right && y[index] > bottom && y[index] < top,
    );
    const colours = new Map(facts.classes.map(({ label, colour }) => [label, onPaper(colour)]));
    if (visible.length <= THUMBNAILS && at().zoom > 1.5) drawThumbnails(target, visible, colours);
    else drawDots(target, visible, colours);
    const isNamed = facts.classes.length > 1 && visible.length > THUMBNAILS;
    named = isNamed ? facts.classes.filter(({ label }) => !store.hidden.has(label)) : [];
  }

  function drawDots(target, visible, colours) {
    const [scale, { x: middleX, y: middleY, zoom }] = [unit(), at()];
    dots.draw(target, {
      ratio, scale, colours, shapes,
      indices: visible,
      x: map().x,
      y: map().y,
      start: [width / 2 - middleX * scale, height / 2 + middleY * scale],
      labels: space.labels,
      radius: Math.min(5.5, 90 / Math.sqrt(space.count) + 0.9 + 0.35 * Math.log2(Math.max(1, zoom))),
      opacity: isDark() ? 0.8 : 0.72,
    });
  }

  function drawThumbnails(target, visible, colours) {
    const [tall, wide] = model.shape;
    const { x, y } = map();
    const side = Math.min(64, Math.max(18, 0.5 * Math.sqrt((width * height) / Math.max(1, visible.length))));
    const [across, down] = [(side * wide) / Math.max(tall, wide), (side * tall) / Math.max(tall, wide)];
    target.imageSmoothingEnabled = side < Math.max(tall, wide);
    for (const index of visible) {
      const [left, top] = toScreen([x[index], y[index]]);
      target.fillStyle = `rgb(${colours.get(space.labels[index])})`;
      target.fillRect(left - across / 2 - 1.5, top - down / 2 - 1.5, across + 3, down + 3);
      images.draw(target, index, left - across / 2, top - down / 2, across, down);
    }
  }

  return {
    canvas, toScreen, toMap, pick, zoomAt, panBy, fit, reach, resize, refresh, draw, isShown,
    below: (work) => below.push(work),
    above: (work) => above.push(work),
    size: () => [width, height],
    isSeen: () => isSeen,
    map,
  };
}

const middle = (values) => (values.reduce((a, b) => Math.min(a, b)) + values.reduce((a, b) => Math.max(a, b))) / 2;
const extent = (values) =>
  Math.max(0.05, values.reduce((a, b) => Math.max(a, b)) - values.reduce((a, b) => Math.min(a, b)));

// What a reader has chosen: views are told what has changed, and the address keeps it.

import { ORIGINS } from "./words.js";

// A store of values. `set` tells every view, by the names of what has changed.
export function makeStore(first) {
  const views = [];
  const store = {
    ...first,
    set(values) {
      const changed = new Set();
      for (const [name, value] of Object.entries(values)) {
        if (store[name] !== value) changed.add(name);
        store[name] = value;
      }
      if (changed.size) views.forEach((view) => view(changed));
    },
    watch(view) {
      views.push(view);
    },
  };
  return store;
}

const PARTS = ["map", "latents", "path", "shift", "own"];
const DECIMALS = 2; // of latents in the address
const PLACE_DECIMALS = 5; // of places on a map, whose longer side is 1
export const LONGEST_PICTURE = 30_000; // characters: a longer address is cut by some programs

// The fragment of an address for a state: images by their numbers among the test images, so that a page with fewer of
// them means the same; a latent by what differs from the image, or else the latent, that it began with.
export function toFragment(store, space) {
  const parts = [`map=${store.map}`];
  const { image, origin } = store;
  if (image !== null) parts.push(`image=${space.numbers[image]}`);
  else parts.push(`origin=${origin.kind}`, `base=${differences(origin.latent, new Float32Array(space.size))}`);
  const changed = differences(store.latent, image === null ? origin.latent : space.latent(image));
  if (changed) parts.push(`latents=${changed}`);
  parts.push(`from=${space.numbers[store.from]}`, `to=${space.numbers[store.to]}`, `at=${store.share.toFixed(3)}`);
  if (store.hidden.size) parts.push(`hidden=${[...store.hidden].join(",")}`);
  if (store.view) parts.push(`view=${[store.view.x, store.view.y, store.view.zoom].map(rounded).join(",")}`);
  if (store.area) parts.push(`area=${store.area.map((corner) => corner.map(rounded).join(":")).join(",")}`);
  if (store.slider !== null) parts.push(`slider=${store.slider}`);
  if (store.picture && store.picture.length <= LONGEST_PICTURE) parts.push(`own=${store.picture}`);
  if (store.shift) parts.push(`shift=${store.shift.less},${store.shift.plus},${store.shift.amount.toFixed(2)}`);
  if (store.part) parts.push(`part=${store.part.replace("-part", "")}`);
  return parts.join("&");
}

// The values that a fragment gives, each only where it can be used; what the fragment of a state leaves out is as it
// was at the beginning.
export function fromFragment(fragment, space, labels) {
  const given = new URLSearchParams(fragment.replace(/^#/, ""));
  const values = given.has("map") ? { hidden: new Set(), view: null, area: null, slider: null, picture: null,
    part: null } : {};
  if (space.maps.has(given.get("map"))) values.map = given.get("map");
  for (const name of ["image", "from", "to"]) {
    const index = space.numbers.indexOf(Number.parseInt(given.get(name), 10));
    if (index >= 0) values[name] = index;
  }
  if (!given.has("image") && (given.has("base") || given.has("latents"))) values.image = null;
  if (given.has("at")) values.share = Math.min(1, Math.max(0, Number(given.get("at")) || 0));
  if (given.has("hidden")) {
    values.hidden = new Set(given.get("hidden").split(",").map(Number).filter((label) => labels.includes(label)));
  }
  const [x, y, zoom] = numbers(given.get("view"), ",");
  if (Number.isFinite(x + y) && zoom > 0) values.view = { x, y, zoom };
  const corners = (given.get("area") ?? "").split(",").map((corner) => numbers(corner, ":"));
  if (corners.length > 2 && corners.every(([left, up]) => Number.isFinite(left + up))) values.area = corners;
  const slider = Number.parseInt(given.get("slider"), 10);
  if (slider >= 0 && slider < space.size) values.slider = slider;
  if (/^[\w-]+$/.test(given.get("own") ?? "")) values.picture = given.get("own");
  const [less, plus, amount] = (given.get("shift") ?? "").split(",").map(Number);
  if (labels.includes(less) && labels.includes(plus) && Number.isFinite(amount)) {
    values.shift = { less, plus, amount: Math.min(1.5, Math.max(-0.5, amount)) };
  }
  if (PARTS.includes(given.get("part"))) values.part = `${given.get("part")}-part`;
  if (values.image !== undefined) {
    const isImage = values.image !== null;
    const base = isImage ? space.latent(values.image) : changedBy(given.get("base"), new Float32Array(space.size));
    values.latent = changedBy(given.get("latents"), Float32Array.from(base));
    const kind = kinds(labels).includes(given.get("origin")) ? given.get("origin") : "address";
    values.origin = isImage ? null : { latent: given.has("base") ? base : Float32Array.from(values.latent), kind };
  }
  return values;
}

const kinds = (labels) => [...Object.keys(ORIGINS), ...labels.map((label) => `class-${label}`)];

// What a latent has that another one has not, as an address writes it.
function differences(latent, base) {
  const isOther = (value, index) => Math.abs(value - base[index]) > 0.5 * 10 ** -DECIMALS;
  return [...latent.entries()]
    .filter(([index, value]) => isOther(value, index))
    .map(([index, value]) => `${index}:${value.toFixed(DECIMALS)}`)
    .join(",");
}

// Changes a latent by what an address says.
function changedBy(text, latent) {
  for (const pair of (text ?? "").split(",").filter(Boolean)) {
    const [index, value] = pair.split(":").map(Number);
    if (index >= 0 && index < latent.length && Number.isFinite(Math.fround(value))) latent[index] = value;
  }
  return latent;
}

const numbers = (text, separator) => (text ?? "").split(separator).map(Number);

// A place on a map, as exact as the address has it.
export const rounded = (value) => Number(value.toFixed(PLACE_DECIMALS));

// Names of classes on a map, each where its class is densest, and none upon another.

import { styled } from "./colours.js";
import { remembered } from "./dom.js";
import { shortened } from "./words.js";

const BINS = 40;
const MOST_NAMES = 24;
const LONGEST = 20; // characters
const APART = 18; // pixels from the middle of one name to that of another below it

// What writes the names of some classes on the context of a map. Where they belong, and how wide they are, is kept.
export function makeNames(labels) {
  const members = new Map();
  labels.forEach((label, index) => {
    if (!members.has(label)) members.set(label, []);
    members.get(label).push(index);
  });
  const family = getComputedStyle(document.body).fontFamily;
  const placesOn = remembered(() => new Map());
  const widthsIn = remembered(() => new Map());

  return (context, classes, { toScreen, width, height, map }) => {
    const [places, font] = [placesOn(map), `600 ${width < 500 ? 12 : 13}px ${family}`];
    const widths = widthsIn(font);
    Object.assign(context, { font, textAlign: "center", textBaseline: "middle", lineJoin: "round" });
    const placed = [];
    for (const { label, name } of classes.slice(0, MOST_NAMES)) {
      if (!places.has(label)) places.set(label, densest(map, members.get(label)));
      let [left, top] = toScreen(places.get(label));
      if (left < 0 || left > width || top < 0 || top > height) continue; // its place is out of view
      const text = shortened(name, LONGEST);
      if (!widths.has(text)) widths.set(text, context.measureText(text).width + 8);
      const wide = widths.get(text);
      left = Math.min(Math.max(left, wide / 2 + 4), width - wide / 2 - 4);
      const isFree = (y) =>
        placed.every(([x, other, size]) => Math.abs(x - left) > (size + wide) / 2 || Math.abs(y - other) > APART);
      const y = MOVES.map((move) => top + move).find((each) => each > 12 && each < height - 12 && isFree(each));
      if (y === undefined) continue;
      placed.push([left, y, wide]);
      context.strokeStyle = styled("raised");
      context.lineWidth = 4;
      context.strokeText(text, left, y);
      context.fillStyle = styled("ink");
      context.fillText(text, left, y);
    }
  };
}

// Up and down, to where no other name stands.
const MOVES = Array.from({ length: 40 }, (_, step) => Math.ceil(step / 2) * (step % 2 ? 6 : -6));

// The middle of those points of a class that lie in and around the fullest field of a grid.
function densest({ x, y }, members) {
  const counts = new Float32Array((BINS + 2) * (BINS + 2));
  const field = (value) => 1 + Math.min(BINS - 1, Math.floor(value * BINS));
  for (const index of members) {
    for (let row = -1; row <= 1; row++) {
      for (let column = -1; column <= 1; column++) {
        counts[(field(y[index]) + row) * (BINS + 2) + field(x[index]) + column]++;
      }
    }
  }
  let best = 0;
  counts.forEach((value, place) => value > counts[best] && (best = place));
  const [row, column] = [Math.floor(best / (BINS + 2)), best % (BINS + 2)];
  const isNear = (index) => Math.abs(field(y[index]) - row) <= 1 && Math.abs(field(x[index]) - column) <= 1;
  const near = members.filter(isNear);
  const mean = (values) => near.reduce((sum, index) => sum + values[index], 0) / near.length;
  return [mean(x), mean(y)];
}

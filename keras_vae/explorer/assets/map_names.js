// Names of classes on a map, each where its class is densest, and none upon another.

import { shortened } from "./words.js";

const BINS = 40;
const MOST_NAMES = 24;
const APART = 18; // pixels from the middle of one name to that of another below it

// For each class the middle of the points in and around the fullest field of a grid.
export function densest({ x, y }, labels, classes) {
  const places = new Map();
  for (const { label } of classes) {
    const members = [];
    labels.forEach((each, index) => each === label && members.push(index));
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
    places.set(label, [mean(x), mean(y)]);
  }
  return places;
}

// Write the names, moved up or down to where no other one stands.
export function drawNames(context, classes, places, toScreen, [width, height], styled) {
  context.font = `600 ${width < 500 ? 12 : 13}px ${getComputedStyle(document.body).fontFamily}`;
  context.textAlign = "center";
  context.textBaseline = "middle";
  context.lineJoin = "round";
  const placed = [];
  for (const { label, name } of classes.slice(0, MOST_NAMES)) {
    const text = shortened(name, 20);
    const wide = context.measureText(text).width + 8;
    let [left, top] = toScreen(places.get(label));
    if (left < 0 || left > width || top < 0 || top > height) continue; // its place is out of view
    left = Math.min(Math.max(left, wide / 2 + 4), width - wide / 2 - 4);
    const isFree = (y) =>
      placed.every(([x, other, size]) => Math.abs(x - left) > (size + wide) / 2 || Math.abs(y - other) > APART);
    const moves = Array.from({ length: 40 }, (_, step) => Math.ceil(step / 2) * (step % 2 ? 6 : -6));
    const y = moves.map((move) => top + move).find((each) => each > 12 && each < height - 12 && isFree(each));
    if (y === undefined) continue;
    placed.push([left, y, wide]);
    context.strokeStyle = styled("raised");
    context.lineWidth = 4;
    context.strokeText(text, left, y);
    context.fillStyle = styled("ink");
    context.fillText(text, left, y);
  }
}

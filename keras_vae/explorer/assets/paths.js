// Ways from one latent to another.

// The point of a straight line at a share of its length.
export function straight(start, end, share) {
  return start.map((value, index) => (1 - share) * value + share * end[index]);
}

// The point of a great circle at a share of its angle: the direction turns evenly, the norm changes linearly. Where the
// circle is not unique, between opposite ends, it is one of them; between parallel ends, the straight line.
export function spherical(start, end, share) {
  if (share <= 0 || share >= 1) return Float32Array.from(share <= 0 ? start : end);
  const [startNorm, endNorm] = [norm(start), norm(end)];
  let first = unit(start, startNorm);
  let second = unit(end, endNorm);
  if (!startNorm) first = second; // the origin has no direction: it takes that of the other end
  if (!endNorm) second = first;
  const difference = norm(first.map((value, index) => value - second[index]));
  const angle = 2 * Math.atan2(difference, norm(first.map((value, index) => value + second[index])));
  const along = dot(first, second);
  let across = second.map((value, index) => value - along * first[index]);
  if (norm(across) <= 1e-9) across = perpendicular(first);
  across = unit(across, norm(across));
  const length = (1 - share) * startNorm + share * endNorm;
  const [cosine, sine] = [Math.cos(share * angle), Math.sin(share * angle)];
  return Float32Array.from(first, (value, index) => length * (cosine * value + sine * across[index]));
}

// A way along points that were computed, straight from each to the next.
export function through(points) {
  return (start, end, share) => {
    const at = share * (points.length - 1);
    const step = Math.min(points.length - 2, Math.floor(at));
    return straight(points[step], points[step + 1], at - step);
  };
}

// The ways from one image to another, by their names: the shortest one only where it was computed.
export function waysBetween(space, from, to) {
  const points = space.shortest(from, to);
  return { straight, spherical, ...(points && { shortest: through(points) }) };
}

// Points at equal shares, both ends included.
export function pathOf(way, start, end, steps) {
  return Array.from({ length: steps }, (_, step) => way(start, end, step / (steps - 1)));
}

const dot = (first, second) => first.reduce((sum, value, index) => sum + value * second[index], 0);
const norm = (vector) => Math.sqrt(dot(vector, vector));
const unit = (vector, length) => Float64Array.from(vector, (value) => (length ? value / length : 0));

function perpendicular(direction) {
  let axis = 0;
  direction.forEach((value, index) => {
    if (Math.abs(value) < Math.abs(direction[axis])) axis = index;
  });
  return direction.map((value, index) => (index === axis ? 1 : 0) - direction[axis] * value);
}

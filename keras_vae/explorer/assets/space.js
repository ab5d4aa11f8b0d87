// Images as points of the latent space and of its maps, and the ways between the two.

const GRID = 65535;
const NEIGHBOURS = 8; // whose weighted mean stands for a place that has no formula
const CELLS = 64; // of a grid in each direction, by which points near a place are found

// Points, the maps by their names, and the shortest paths that were computed.
export function makeSpace(facts, points, paths) {
  const size = facts.model.latent_dim;
  const means = points.means.values;
  const space = {
    count: facts.images.count,
    size,
    labels: points.labels.values,
    numbers: points.numbers.values,
    latent: (index) => means.slice(index * size, (index + 1) * size),
    // The images nearest to a latent: { index, distance }, the nearest first.
    nearest(latent, wanted = NEIGHBOURS) {
      const best = makeBest(wanted);
      for (let index = 0, at = 0; index < space.count; index++, at += size) {
        let sum = 0;
        for (let place = 0; place < size; place++) sum += (latent[place] - means[at + place]) ** 2;
        best.offer(index, sum);
      }
      return best.found();
    },
    // The mean latent of some images.
    meanOf(indices) {
      const mean = new Float32Array(size);
      for (const index of indices) {
        for (let place = 0; place < size; place++) mean[place] += means[index * size + place] / indices.length;
      }
      return mean;
    },
  };
  space.pairs = readPairs(paths.ends);
  // The latents of the shortest path between two images, where it was computed in this or the other direction.
  space.shortest = (from, to) => {
    const isOf = ([first, last]) => (first === from && last === to) || (first === to && last === from);
    const found = space.pairs.findIndex(isOf);
    if (found < 0) return null;
    const [, steps] = paths.shortest.shape;
    const at = (step) => (found * steps + step) * size;
    const latents = Array.from({ length: steps }, (_, step) => paths.shortest.values.slice(at(step), at(step + 1)));
    return space.pairs[found][0] === from ? latents : latents.reverse();
  };
  space.maps = new Map(facts.maps.map((each) => [each.name, makeMap(each, points[each.name].values, space)]));
  return space;
}

function readPairs(ends) {
  return ends ? Array.from({ length: ends.shape[0] }, (_, row) => [...ends.values.slice(2 * row, 2 * row + 2)]) : [];
}

// A map, whose coordinates lie between 0 and 1: `place(latent)` -> [x, y], `invert(x, y)` -> latent; `apart` are
// quantiles of the distances from dots to their nearest ones.
function makeMap({ name, low, extent, linear, apart }, values, space) {
  const x = Float32Array.from({ length: space.count }, (_, index) => values[2 * index] / GRID);
  const y = Float32Array.from({ length: space.count }, (_, index) => values[2 * index + 1] / GRID);
  const grid = makeGrid(x, y);

  function place(latent) {
    if (!linear) return weighted(space.nearest(latent), ({ index }) => [x[index], y[index]], 2);
    return low.map((least, axis) => {
      const along = linear.components[axis].reduce(
        (sum, value, index) => sum + value * (latent[index] - linear.mean[index]),
        0,
      );
      return (along - least) / extent;
    });
  }

  function invert(atX, atY) {
    if (!linear) return weighted(grid.nearest(atX, atY, NEIGHBOURS), ({ index }) => space.latent(index), space.size);
    const [first, second] = [low[0] + atX * extent, low[1] + atY * extent];
    const [along, across] = linear.components;
    return Float32Array.from(linear.mean, (value, index) => value + first * along[index] + second * across[index]);
  }

  return { name, x, y, linear: Boolean(linear), apart, place, invert, near: grid.nearest, within: grid.within };
}

// The mean of what belongs to some points, each weighted by the inverse of its squared distance.
function weighted(points, valuesOf, size) {
  const mean = new Float32Array(size);
  let total = 0;
  for (const point of points) {
    const weight = 1 / (point.distance ** 2 + 1e-12);
    valuesOf(point).forEach((value, index) => (mean[index] += weight * value));
    total += weight;
  }
  return mean.map((value) => value / total);
}

// Points in cells, so that those near a place are found without asking all.
function makeGrid(x, y) {
  const cell = (value) => Math.min(CELLS - 1, Math.max(0, Math.floor(value * CELLS)));
  const cells = Array.from({ length: CELLS * CELLS }, () => []);
  x.forEach((value, index) => cells[cell(y[index]) * CELLS + cell(value)].push(index));

  return {
    nearest(atX, atY, wanted, accepts = () => true) {
      const best = makeBest(wanted);
      const [column, row] = [cell(atX), cell(atY)];
      // Cells in growing squares; what is outside of a square is at least so far away.
      for (let ring = 0; ring < CELLS; ring++) {
        for (let cellY = row - ring; cellY <= row + ring; cellY++) {
          if (cellY < 0 || cellY >= CELLS) continue;
          const step = Math.abs(cellY - row) === ring || ring === 0 ? 1 : 2 * ring;
          for (let cellX = column - ring; cellX <= column + ring; cellX += step) {
            if (cellX < 0 || cellX >= CELLS) continue;
            for (const index of cells[cellY * CELLS + cellX]) {
              if (accepts(index)) best.offer(index, (x[index] - atX) ** 2 + (y[index] - atY) ** 2);
            }
          }
        }
        const reach = Math.min(
          atX - (column - ring) / CELLS,
          (column + ring + 1) / CELLS - atX,
          atY - (row - ring) / CELLS,
          (row + ring + 1) / CELLS - atY,
        );
        const inside = atX >= 0 && atX <= 1 && atY >= 0 && atY <= 1;
        if (inside && best.isFull() && best.worst() <= reach * reach) break;
      }
      return best.found();
    },
    // The points within a polygon, given by its corners.
    within(corners) {
      const found = [];
      const [left, right] = reach(corners.map(([cornerX]) => cornerX));
      const [bottom, top] = reach(corners.map(([, cornerY]) => cornerY));
      for (let row = cell(bottom); row <= cell(top); row++) {
        for (let column = cell(left); column <= cell(right); column++) {
          for (const index of cells[row * CELLS + column]) {
            if (isInside([x[index], y[index]], corners)) found.push(index);
          }
        }
      }
      return found;
    },
  };
}

const reach = (values) => [Math.min(...values), Math.max(...values)];

// Whether a ray from a point to the right crosses the polygon's sides an odd number of times (Shimrat 1962).
function isInside([x, y], corners) {
  let inside = false;
  corners.forEach(([atX, atY], index) => {
    const [lastX, lastY] = corners[(index || corners.length) - 1];
    if (atY > y !== lastY > y && x < atX + ((lastX - atX) * (y - atY)) / (lastY - atY)) inside = !inside;
  });
  return inside;
}

// The smallest of many squared distances, in order.
function makeBest(wanted) {
  const indices = [];
  const squares = [];
  return {
    isFull: () => indices.length === wanted,
    worst: () => squares[squares.length - 1],
    offer(index, square) {
      if (indices.length === wanted && square >= squares[wanted - 1]) return;
      let at = squares.length;
      while (at > 0 && squares[at - 1] > square) at--;
      squares.splice(at, 0, square);
      indices.splice(at, 0, index);
      if (indices.length > wanted) {
        squares.pop();
        indices.pop();
      }
    },
    found: () => indices.map((index, at) => ({ index, distance: Math.sqrt(squares[at]) })),
  };
}

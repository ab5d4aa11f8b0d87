// The distribution that new latents are drawn from, and how likely a latent is under it.

import { drawn, gaussianOf, klBetween, LOG_TWO_PI, logDensityOf, noise, standardGaussian } from "./gaussian.js";
import { makeNetwork } from "./network.js";

const NEGLIGIBLE = 60; // nats below another Gaussian, so that one adds nothing to their sum

// A prior: `logDensity(latent)` in nats, `sample()` and, where the Gaussians of a mixture belong to classes,
// `sampleOfClass(label)` of the `labels` of these. `klByLatent(posterior)` is that of each latent to N(0, 1), of a
// lower one to its prior given the upper ones.
export function makePrior({ prior: description, latent_dim: latents, upper_dim: upper, log_var: bounds }, arrays) {
  const prior = oneLevel(description, arrays, upper);
  if (description.lower) return twoLevels(prior, makeNetwork(description.lower, arrays), latents - upper, bounds);
  return { ...prior, klByLatent: (posterior) => klBetween(posterior, standardGaussian(latents)) };
}

function oneLevel(description, arrays, latents) {
  if (description.kind === "standard_normal") return standardNormal(latents);
  if (description.kind === "mixture") return mixture(arrays, latents);
  return description.kind === "vamp" ? posteriors(arrays, latents) : flow(description, arrays, latents);
}

// p(z2) p(z1|z2): the lower latents z1, which come first, are Gaussian given the upper ones.
function twoLevels(upperPrior, network, lower, bounds) {
  const lowerGiven = (upper) => gaussianOf(network(Float32Array.from(upper)), bounds);
  const withLower = (upper) => Float32Array.from([...drawn(lowerGiven(upper)), ...upper]);
  return {
    labels: upperPrior.labels,
    logDensity(latent) {
      const upper = latent.slice(lower);
      return upperPrior.logDensity(upper) + logDensityOf(latent.slice(0, lower), lowerGiven(upper));
    },
    sample: () => withLower(upperPrior.sample()),
    sampleOfClass: (label) => withLower(upperPrior.sampleOfClass(label)),
    klByLatent({ mean, logVar }) {
      const upper = mean.slice(lower);
      const ofLower = klBetween({ mean: mean.slice(0, lower), logVar: logVar.slice(0, lower) }, lowerGiven(upper));
      const ofUpper = klBetween({ mean: upper, logVar: logVar.slice(lower) }, standardGaussian(upper.length));
      return Float32Array.from([...ofLower, ...ofUpper]);
    },
  };
}

function standardNormal(latents) {
  return {
    labels: new Set(),
    logDensity: (latent) => logDensityOf(latent, standardGaussian(latents)),
    sample: () => noise(latents),
  };
}

// Gaussians with precisions L L': L by its logarithmic diagonal and the rows below it.
function mixture(arrays, size) {
  const logWeights = arrays.log_weights.values;
  const means = arrays.means.values;
  const below = arrays.below_diagonal.values;
  const diagonal = arrays.log_diagonal.values.map(Math.exp);
  const classOf = arrays.class_of.values;
  const count = logWeights.length;
  const entries = (size * (size - 1)) / 2;
  const heights = Float64Array.from(logWeights, (log, number) => {
    const ofScales = arrays.log_diagonal.values.subarray(number * size, (number + 1) * size);
    return ofScales.reduce((sum, value) => sum + value, log - 0.5 * size * LOG_TWO_PI);
  });

  // From the last column of each L to the first, and no further than until its Gaussian adds nothing.
  function logDensity(latent) {
    const logs = new Float64Array(count);
    const apart = new Float64Array(size);
    let largest = -Infinity;
    for (let number = 0; number < count; number++) {
      let log = heights[number];
      const begins = number * entries;
      for (let column = size - 1; column >= 0 && log > largest - NEGLIGIBLE; column--) {
        apart[column] = latent[column] - means[number * size + column];
        let turned = apart[column] * diagonal[number * size + column];
        for (let row = column + 1, at = begins + ((column + 1) * column) / 2 + column; row < size; at += row, row++) {
          turned += apart[row] * below[at];
        }
        log -= 0.5 * turned * turned;
      }
      logs[number] = log;
      largest = Math.max(largest, log);
    }
    return logSumExp(logs);
  }

  function draw(allowed) {
    const number = choose(logWeights, allowed);
    const latent = noise(size);
    // L'^-1 times white noise, from the last latent back to the first.
    for (let row = size - 1; row >= 0; row--) {
      latent[row] /= diagonal[number * size + row];
      const at = number * entries + (row * (row - 1)) / 2;
      for (let column = 0; column < row; column++) latent[column] -= below[at + column] * latent[row];
    }
    return latent.map((value, index) => value + means[number * size + index]);
  }

  return {
    labels: new Set(classOf.filter((label) => label >= 0)),
    logDensity,
    sample: () => draw(() => true),
    sampleOfClass: (label) => draw((number) => classOf[number] === label),
  };
}

// The equal mixture of diagonal Gaussians.
function posteriors({ mean: { values: mean }, log_var: { values: logVar } }, size) {
  const count = mean.length / size;
  const gaussians = Array.from({ length: count }, (_, number) => ({
    mean: mean.slice(number * size, (number + 1) * size),
    logVar: logVar.slice(number * size, (number + 1) * size),
  }));
  return {
    labels: new Set(),
    logDensity: (latent) => logSumExp(gaussians.map((each) => logDensityOf(latent, each))) - Math.log(count),
    sample: () => drawn(gaussians[Math.floor(Math.random() * count)]),
  };
}

// N(0, I) carried through affine couplings: each moves half of the latents by what a network sees in the other half.
function flow({ couplings, largest_log_scale: bound }, arrays, size) {
  const normalDensity = standardNormal(size).logDensity;
  const half = Math.floor(size / 2);
  const steps = couplings.map(({ order, network }) => ({ order, compute: makeNetwork(network, arrays) }));

  function scalesAndShifts(compute, latent) {
    const found = compute(Float32Array.from(latent.slice(0, half)));
    const logScales = found.slice(0, size - half).map((value) => bound * Math.tanh(value / bound));
    return [logScales, found.slice(size - half)];
  }

  return {
    labels: new Set(),
    logDensity(given) {
      let latent = Array.from(given);
      let total = 0;
      for (const { order, compute } of steps) {
        latent = order.map((place) => latent[place]);
        const [logScales, shifts] = scalesAndShifts(compute, latent);
        logScales.forEach((logScale, index) => {
          latent[half + index] = (latent[half + index] - shifts[index]) * Math.exp(-logScale);
          total += logScale;
        });
      }
      return normalDensity(latent) - total;
    },
    sample() {
      let latent = Array.from(noise(size));
      for (const { order, compute } of [...steps].reverse()) {
        const [logScales, shifts] = scalesAndShifts(compute, latent);
        const moved = latent.map((value, index) =>
          index < half ? value : value * Math.exp(logScales[index - half]) + shifts[index - half],
        );
        latent = new Array(size);
        order.forEach((place, index) => (latent[place] = moved[index]));
      }
      return Float32Array.from(latent);
    },
  };
}

function choose(logWeights, allowed) {
  const weights = Float64Array.from(logWeights, (log, number) => (allowed(number) ? Math.exp(log) : 0));
  let left = Math.random() * weights.reduce((sum, weight) => sum + weight, 0);
  let last = 0;
  for (let number = 0; number < weights.length; number++) {
    if (weights[number] > 0) {
      last = number;
      left -= weights[number];
      if (left < 0) break;
    }
  }
  return last;
}

function logSumExp(logs) {
  const top = logs.reduce((largest, value) => Math.max(largest, value), -Infinity);
  return top + Math.log(logs.reduce((sum, value) => sum + Math.exp(value - top), 0));
}

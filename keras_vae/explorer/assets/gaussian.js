// Diagonal Gaussians: { mean, logVar }.

export const LOG_TWO_PI = Math.log(2 * Math.PI);

// The Gaussian that a network gives: means beside log-variances, which are brought between two bounds.
export function gaussianOf(parameters, [low, high]) {
  const size = parameters.length / 2;
  const [middle, reach] = [(high + low) / 2, (high - low) / 2];
  return {
    mean: parameters.slice(0, size),
    logVar: parameters.slice(size).map((value) => middle + reach * Math.tanh(value / reach)),
  };
}

export const standardGaussian = (size) => ({ mean: new Float32Array(size), logVar: new Float32Array(size) });

// Log density of some values, in nats.
export function logDensityOf(values, { mean, logVar }) {
  let sum = 0;
  for (let index = 0; index < values.length; index++) {
    const apart = values[index] - mean[index];
    sum -= 0.5 * (LOG_TWO_PI + logVar[index] + apart * apart * Math.exp(-logVar[index]));
  }
  return sum;
}

// KL of one Gaussian to another for each latent, in nats.
export function klBetween(posterior, reference) {
  return posterior.mean.map((value, index) => {
    const ratio = posterior.logVar[index] - reference.logVar[index];
    const apart = value - reference.mean[index];
    return 0.5 * (apart * apart * Math.exp(-reference.logVar[index]) + Math.expm1(ratio) - ratio);
  });
}

// One draw.
export function drawn({ mean, logVar }) {
  return mean.map((value, index) => value + Math.exp(0.5 * logVar[index]) * normal());
}

export const noise = (count) => Float32Array.from({ length: count }, normal);

// One draw from N(0, 1) (Box & Muller 1958).
function normal() {
  return Math.sqrt(-2 * Math.log(1 - Math.random())) * Math.cos(2 * Math.PI * Math.random());
}

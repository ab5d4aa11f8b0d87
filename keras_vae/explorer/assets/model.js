// The autoencoder: images to posteriors, latents to expected images.

import { gaussianOf } from "./gaussian.js";
import { makeNetwork } from "./network.js";

// A model that decodes at once, and encodes as soon as its encoder is there.
export function makeModel(description, decoderArrays) {
  const decoder = makeNetwork(description.decoder, decoderArrays);
  const toMean = MEANS[description.likelihood];
  let [encoder, lowerPosterior] = [null, null];
  return {
    shape: description.image_shape,
    latents: description.latent_dim,
    // Expected image of a latent: h * w * c values in [0, 1].
    decode: (latent) => toMean(Float32Array.from(decoder(Float32Array.from(latent))), description),
    addEncoder(arrays) {
      encoder = makeNetwork(description.encoder, arrays);
      lowerPosterior = description.lower_posterior && makeNetwork(description.lower_posterior, arrays);
    },
    // Posterior of an image of h * w * c values in [0, 1]: mean and logVar; those of a lower level, which come first,
    // given the mean of the upper one.
    encode(image) {
      const hidden = encoder(Float32Array.from(image));
      const upper = gaussianOf(hidden.slice(0, 2 * description.upper_dim), description.log_var);
      if (!lowerPosterior) return upper;
      const features = hidden.slice(2 * description.upper_dim);
      const lower = gaussianOf(lowerPosterior(features, upper.mean), description.log_var);
      const joined = (name) => Float32Array.from([...lower[name], ...upper[name]]);
      return { mean: joined("mean"), logVar: joined("logVar") };
    },
  };
}

const sigmoid = (value) => 1 / (1 + Math.exp(-value));
const softplus = (value) => Math.max(value, 0) + Math.log1p(Math.exp(-Math.abs(value)));

const MEANS = {
  gaussian: (logits) => logits.map(sigmoid),
  laplace: (logits) => logits.map(sigmoid),
  bernoulli: (logits, { largest_logit: bound }) => logits.map((logit) => sigmoid(bound * Math.tanh(logit / bound))),
  // A logistic distribution whose tails lie at 0 and 1.
  discretized_logistic: (logits, { spread }) =>
    logits.map((logit) => {
      const center = 0.5 + 0.25 * logit;
      return spread * (softplus(center / spread) - softplus((center - 1) / spread));
    }),
  // 1/2 + (coth(t/2) - 2/t) / 2, by its series near 0.
  continuous_bernoulli: (logits) =>
    logits.map((logit) => {
      const half = 0.5 * logit;
      const langevin = Math.abs(half) < 0.1 ? half / 3 - half ** 3 / 45 : 1 / Math.tanh(half) - 1 / half;
      return 0.5 + 0.5 * langevin;
    }),
};

// Words about maps, models and images.

export const MAP_NAMES = { latent: "Latent plane", umap: "UMAP", tsne: "t-SNE", pca: "PCA" };

export const LIKELIHOODS = {
  gaussian: "Gaussian pixels",
  laplace: "Laplace pixels",
  bernoulli: "Bernoulli pixels",
  discretized_logistic: "discretised logistic pixels",
  continuous_bernoulli: "continuous Bernoulli pixels",
};

export const PRIORS = {
  standard_normal: "N(0, I)",
  mixture: "a mixture of Gaussians",
  vamp: "a VampPrior",
  flow: "a flow",
};

// Where a latent is from that is not an image's; a class's sample is called by the class.
export const ORIGINS = {
  prior: "A sample of the prior",
  own: "Your image",
  draw: "A draw from the posterior of your image",
  address: "A latent from the address",
};

export function shortened(text, length) {
  const letters = Array.from(text);
  return letters.length <= length ? text : `${letters.slice(0, length - 1).join("")}…`;
}

// Which slider a latent has, from 1 on: the strongest first.
export function rankOf({ used, unused }, index) {
  return [...used, ...unused].indexOf(index) + 1;
}

// In which level a latent is, where there are two.
export function levelOf({ latent_dim: size, upper_dim: upper }, index) {
  if (upper === size) return "";
  return index < size - upper ? ", of the lower level" : ", of the upper level";
}

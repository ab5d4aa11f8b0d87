// What stands beside each part: what one sees, and how it was computed.

import { count } from "./dom.js";
import { LIKELIHOODS, PRIORS } from "./words.js";

export function lead({ dataset, model, server }) {
  const layers = (network) => network.filter(({ kind }) => kind === "Dense" || kind === "Conv2D").length;
  return [
    `A variational autoencoder learned to describe an image of ${dataset} by ${plural(model.latent_dim, "number")},`,
    `its latents. Its encoder and decoder, ${layers(model.encoder)} and ${layers(model.decoder)} layers with weights,`,
    server ? "" : "are in this page and",
    server ? "compute in your browser." : "compute in your browser: nothing is loaded, nothing is sent.",
  ].join(" ");
}

export function kicker({ title, images, model }) {
  const all = count(images.available);
  const shown = images.count < images.available ? `${count(images.count)} of ${all}` : all;
  const [pixels, prior] = [LIKELIHOODS[model.likelihood], PRIORS[model.prior.kind]];
  return `Run ${title} · ${shown} test images · ${pixels} · prior: ${prior}`;
}

export function footer({ version, images, is_small: isSmall }) {
  const notes = [`Written by keras_vae ${version}.`];
  if (images.count < images.available) {
    notes.push(`Of ${count(images.available)} test images, ${count(images.count)} are here, each class by its share:`);
    notes.push("a file has no room for more.");
  }
  if (images.shades < 256) {
    notes.push(`The test images are kept in ${images.shades} shades;`);
    notes.push("where they lie was computed from all 256.");
  }
  if (isSmall) {
    notes.push("This is the smaller page of the run: the encoder's weights are rounded, which changes a latent by at");
    notes.push("most 0.02, and the prior's, which changes its log density by a nat or less.");
  }
  notes.push("In the browser's console, explorer.encode, explorer.decode and explorer.prior compute with the model.");
  return notes.join(" ");
}

const COMMON = "Each dot is a test image, where the mean of its posterior lies";
const NOT_EXACT = [
  "No formula leads back from this map: what is drawn under the pointer is the mean of the latents of the 8 nearest",
  "dots, weighted by the inverse of their squared distance, and decoded. Paths are placed likewise, by the nearest",
  "latents, and leap where the map tears apart what is near.",
].join(" ");

export const MAP_TEXTS = {
  latent: [
    `${COMMON}: this model has two latents, and they are the axes. Behind the dots, and under the pointer, is what the`,
    "decoder draws at each place.",
  ].join(" "),
  pca: [
    `${COMMON} along the two directions in which the means vary most (principal components). A place on this map is a`,
    "latent, with all other components at their mean: the decoder draws it exactly.",
  ].join(" "),
  umap: `${COMMON}, laid out by UMAP: neighbours stay neighbours, distances between groups mean little. ${NOT_EXACT}`,
  tsne: `${COMMON}, laid out by t-SNE: neighbours stay neighbours, sizes and gaps of groups mean little. ${NOT_EXACT}`,
};

export const texts = ({ latents, model, classifier }) => ({
  latents: [
    `${plural(latents.active.filter(Boolean).length, "latent")} of ${latents.active.length} vary from image to image.`,
    "They are ordered by how much they say: the bar under each is its mean KL to N(0, 1) over the test images. A",
    "slider reaches from the smallest to the largest mean that a test image has; at its ends stands what the image",
    "would become there. A sample is drawn from the prior,",
    `${PRIORS[model.prior.kind]}.`,
  ].join(" "),
  path: [
    "The straight path goes evenly from one posterior mean to the other. The spherical one turns its direction evenly",
    "while its norm changes linearly: where latents lie near a sphere, it does not cut through the emptier middle.",
    "The shortest one, where it was computed, goes where the decoded image changes least. They are decoded step by",
    "step, and drawn on the map.",
    classifier ? "Under each strip stands what a classifier sees that was trained on the true classes." : "",
  ].join(" "),
  shift: [
    "The mean latent of one class less that of another is a direction. Added to an image's latent in part, as a",
    "whole, or more, it makes the image more like the one class and less like the other, and often keeps the rest.",
  ].join(" "),
  own: [
    model.image_shape[2] === 1 ? "Draw something, in white on black, or choose a picture:" : "Choose a picture:",
    `it is scaled to ${model.image_shape[0]} × ${model.image_shape[1]} pixels, encoded and decoded. The model knows`,
    "only what it was trained on, and draws whatever it is given as the most similar thing that it can draw. How",
    "unusual an image is shows in its reconstruction error, the squared differences summed over the pixels, beside",
    "those of the test images. It stays in your browser.",
  ].join(" "),
});

function plural(number, word) {
  return `${count(number)} ${word}${number === 1 ? "" : "s"}`;
}

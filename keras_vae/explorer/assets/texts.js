// What stands beside each part: what one sees, and how it was computed.

import { count } from "./dom.js";
import { LIKELIHOODS, PRIORS } from "./words.js";

export function opening({ dataset, model, server }) {
  return [
    `A neural network learned from images of ${dataset} to write each of them down as`,
    `${plural(model.latent_dim, "number")}, and to draw it again from these alone. The numbers are called latents, and`,
    "every choice of them is a place in a space, the latent space. Wherever you go in it, the network draws what",
    "belongs there.",
    server ? "" : "It is inside this page: nothing is loaded, nothing is sent.",
  ].join(" ");
}

export function kicker({ title, dataset, images }) {
  const all = count(images.available);
  const shown = images.count < images.available ? `${count(images.count)} of ${all}` : all;
  return `Run ${title} · ${dataset} · ${shown} test images`;
}

export function footer({ version, images, classes, model, rounded, is_small: isSmall }) {
  const layers = (network) => network.filter(({ kind }) => kind === "Dense" || kind === "Conv2D").length;
  const notes = [
    `Written by keras_vae ${version}. The model is a variational autoencoder: encoder and decoder of`,
    `${layers(model.encoder)} and ${layers(model.decoder)} layers with weights,`,
    hasLevels(model) ? "latents in two levels," : "",
    `${LIKELIHOODS[model.likelihood]}, prior: ${PRIORS[model.prior.kind]}.`,
  ].filter(Boolean);
  notes.push(...leftOut(images, classes.length > 1, isSmall));
  if (images.shades < 256) {
    notes.push(`The test images are kept in ${images.shades} shades;`);
    notes.push("where they lie was computed from all 256.");
  }
  if (isSmall) notes.push("This is the smaller page of the run.");
  if (rounded.length) {
    const changes = rounded.map((part) => ROUNDED[part]).join(", ");
    notes.push(`Weights are rounded: of the images here, and of a thousand samples at most, that changes ${changes}.`);
  }
  notes.push("In the browser's console, explorer.encode, explorer.decode and explorer.prior compute with the model.");
  return notes.join(" ");
}

const ROUNDED = {
  decoder: "no pixel by more than a grey value",
  encoder: "no latent by more than 0.02",
  prior: "no log density by more than a nat",
};

// How many of the test images are here, and why not more: the exploring took the first ones, the page a part of these.
function leftOut({ count: shown, explored, available }, hasClasses, isSmall) {
  const notes = [];
  if (explored < available) {
    notes.push(`Of ${count(available)} test images, the first ${count(explored)} were explored.`);
  }
  if (shown < explored) {
    const shares = hasClasses ? ", each class by its share" : "";
    const all = explored < available ? "Of these," : `Of ${count(available)} test images,`;
    notes.push(`${all} ${count(shown)} are here${shares}:`);
    notes.push(isSmall ? "this page is to be small." : "a file has no room for more.");
  }
  return notes;
}

const COMMON = "Each dot lies where the encoder puts its image: at the mean of its posterior";
const NOT_EXACT = [
  "No formula leads back from this map: what is drawn under the pointer is the mean of the latents of the 8 nearest",
  "dots, weighted by the inverse of their squared distance, and decoded. Paths are placed likewise, by the nearest",
  "latents, and leap where the map tears apart what is near.",
].join(" ");

export const MAP_HOW = {
  latent: [
    `${COMMON}. This model has two latents, and they are the axes. Behind the dots, and under the pointer, is what the`,
    "decoder draws at each place.",
  ].join(" "),
  pca: [
    `${COMMON}, seen along the two directions in which the means vary most (principal components). A place on this map`,
    "is a latent, with all other components at their mean: the decoder draws it exactly.",
  ].join(" "),
  umap: `${COMMON}, laid out by UMAP: neighbours stay neighbours, distances between groups mean little. ${NOT_EXACT}`,
  tsne: `${COMMON}, laid out by t-SNE: neighbours stay neighbours, sizes and gaps of groups mean little. ${NOT_EXACT}`,
};

export const texts = ({ classes, latents, model, classifier }) => ({
  map: [
    `Each dot is one test image${classes.length > 1 ? ", in the colour of its class" : ""}. Images that the network`,
    "finds alike lie side by side. Move over the map, and the network draws what belongs at that place, between the",
    "dots too. Choose a dot to go on with its image below.",
  ].join(" "),
  latents: [
    `${plural(latents.active.filter(Boolean).length, "number")} of ${latents.active.length} tell images apart, each`,
    "with a slider; those that say most come first. Pull one, and see what it changes. At the ends of each stands what",
    "the image would become there.",
  ].join(" "),
  latentsHow: [
    `The bar under a slider is the latent's mean KL to ${latents.reference} over the test images: how much it says. A`,
    "slider reaches from the smallest to the largest posterior mean that a test image has. A sample is drawn from the",
    `prior, ${PRIORS[model.prior.kind]}; where it lies beyond all images, an arrow at the number says so.`,
    hasLevels(model) ? `${TWO_LEVELS} The upper ones begin at latent ${model.latent_dim - model.upper_dim}.` : "",
  ].join(" "),
  path: [
    "The network turns one image into another in small steps. Choose the two on the map,",
    `${classes.length > 1 ? "by class " : ""}or by number; the slider and Play walk from the one to the other.`,
    classifier ? "Under each strip stands what a classifier sees in it." : "",
  ].join(" "),
  pathHow: [
    "The straight path goes evenly from one posterior mean to the other. The spherical one turns its direction evenly",
    "while its norm changes linearly: where latents lie near a sphere, it does not cut through the emptier middle.",
    "The shortest one, where it was computed, goes where the decoded image changes least. They are decoded step by",
    "step, and drawn on the map.",
    classifier ? "The classifier is that of the evaluation, trained on the true classes." : "",
  ].join(" "),
  shift: "What sets one class apart from another, added to the chosen image: a little of it, all of it, or more.",
  shiftHow: [
    "The mean latent of one class less that of another is a direction. Added to an image's latent, it makes the image",
    "more like the one class and less like the other, and often keeps the rest.",
  ].join(" "),
  own: [
    `Draw something, in ${model.image_shape[2] === 1 ? "white on black" : "any colour"}, or choose a picture.`,
    "The network writes it down as its numbers and draws it again. It knows only what it was trained on, and draws",
    "whatever it is given as the most similar thing that it can draw.",
  ].join(" "),
  posterior: [
    `mean, a standard deviation to either side, and KL to ${latents.reference}, by the number of the slider`,
    latents.active.every(Boolean) ? "" : `; of the ${count(latents.active.filter(Boolean).length)} used latents`,
  ].join(""),
  ownHow: [
    `The picture is scaled to ${model.image_shape[0]} × ${model.image_shape[1]} pixels, encoded and decoded. How`,
    "unusual an image is shows in its reconstruction error, the squared differences summed over the pixels, beside",
    "those of the test images. A draw takes each latent from its own Gaussian, as the chart shows it. The picture",
    "stays in your browser, and in a link of this page that you give away.",
  ].join(" "),
});

const hasLevels = ({ latent_dim: size, upper_dim: upper }) => upper < size;
const TWO_LEVELS = [
  "The latents are in two levels: the upper ones are drawn first, and the lower ones given them. A lower one stays",
  "what it is where an upper one is moved.",
].join(" ");

function plural(number, word) {
  return `${count(number)} ${word}${number === 1 ? "" : "s"}`;
}

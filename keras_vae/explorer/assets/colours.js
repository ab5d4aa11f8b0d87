// Colours that can be told from the paper, in the light as in the dark.

const DARK = matchMedia("(prefers-color-scheme: dark)");

// Those of the classes that dark paper has in place of the ones of light paper: colour-blind readers tell these apart
// too, which they would not if each were only made lighter.
const ON_DARK = {
  "#cc6677": "#d68592",
  "#332288": "#7064ac",
  "#ddcc77": "#e7dba0",
  "#117733": "#298547",
  "#88ccee": "#b8e0f5",
  "#882255": "#ac6488",
  "#44aa99": "#8fccc2",
  "#999933": "#999933",
  "#aa4499": "#c47cb8",
  "#000000": "#f2f2ee",
};

export const isDark = () => DARK.matches;
export const whenSchemeChanges = (work) => DARK.addEventListener("change", work);

const found = new Map(); // asked for many times a frame
DARK.addEventListener("change", () => found.clear());

// A colour of the style sheet.
export function styled(name) {
  if (!found.has(name)) {
    found.set(name, getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim());
  }
  return found.get(name);
}

// Red, green and blue of a class as they are on light paper; on dark paper others, or a dark one made lighter.
export function onPaper(colour) {
  if (!isDark()) return channelsOf(colour);
  return colour in ON_DARK ? channelsOf(ON_DARK[colour]) : lightened(channelsOf(colour));
}

const channelsOf = (colour) => [1, 3, 5].map((at) => Number.parseInt(colour.slice(at, at + 2), 16));

function lightened(channels) {
  const [red, green, blue] = channels;
  const light = (0.3 * red + 0.59 * green + 0.11 * blue) / 255;
  if (light > 0.42) return channels;
  if (light < 0.02) return [242, 242, 238];
  const share = 0.62 - light;
  return channels.map((value) => Math.round(value + (255 - value) * share));
}

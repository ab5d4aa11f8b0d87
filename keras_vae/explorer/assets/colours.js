// Colours that can be told from the paper, in the light as in the dark.

const DARK = matchMedia("(prefers-color-scheme: dark)");

// Those of the classes that dark paper has in place of the ones of light paper: readers without one kind of cones tell
// these apart too (at least 22 apart in CIELAB), which they would not if each were only made lighter.
const ON_DARK = {
  "#cc6677": "#c66a74",
  "#332288": "#645eb8",
  "#ddcc77": "#e2cb81",
  "#117733": "#30782b",
  "#88ccee": "#badbfd",
  "#882255": "#955380",
  "#44aa99": "#69bcb1",
  "#999933": "#84901d",
  "#aa4499": "#b886cc",
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

// Colours that can be told from the paper, in the light as in the dark.

const DARK = matchMedia("(prefers-color-scheme: dark)");

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

// Red, green and blue of a class as they are on light paper; on dark paper the dark ones are made lighter.
export function onPaper(colour) {
  const channels = [1, 3, 5].map((at) => Number.parseInt(colour.slice(at, at + 2), 16));
  const [red, green, blue] = channels;
  const light = (0.3 * red + 0.59 * green + 0.11 * blue) / 255;
  if (!isDark() || light > 0.42) return channels;
  if (light < 0.02) return [242, 242, 238];
  const share = 0.62 - light;
  return channels.map((value) => Math.round(value + (255 - value) * share));
}

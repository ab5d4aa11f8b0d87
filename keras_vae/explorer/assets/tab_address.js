// What is chosen in the tab, in the fragment of TensorBoard's own address: `#explorer&p.explorer.run=…`, as TensorBoard
// writes what belongs to a plugin. The tab is a frame of the same origin.

const TAB = "explorer";
const PREFIX = `p.${TAB}.`;

// The run, and the fragment of its page; null where another tab is open, or no run is named.
export function readAddress() {
  const [tab, ...entries] = window.parent.location.hash.slice(1).split("&");
  if (tab !== TAB) return null;
  const given = new Map(entries.map((entry) => entry.split("=").map(decoded)));
  const [run, state] = ["run", "state"].map((name) => given.get(PREFIX + name));
  return run === undefined ? null : { run, state: state ?? "" };
}

export function writeAddress({ run, state }) {
  const [tab, ...entries] = window.parent.location.hash.slice(1).split("&");
  if (tab !== TAB) return; // the reader has gone to another one
  const others = entries.filter((entry) => entry && !entry.startsWith(PREFIX));
  const own = Object.entries({ run, state }).map(([name, value]) => `${PREFIX}${name}=${encodeURIComponent(value)}`);
  const { history } = window.parent;
  history.replaceState(history.state, "", `#${[tab, ...own, ...others].join("&")}`);
}

function decoded(text) {
  try {
    return decodeURIComponent(text);
  } catch {
    return text; // an address that is cut
  }
}

// Work that takes longer than a frame, a few milliseconds at a time, so that the page goes on answering.

const SLICE = 8; // milliseconds

// A runner of work whose steps lie between its `yield`s. It leaves undone what is left of the work before; its promise
// says whether all steps were done.
export function makeRunner() {
  let latest = null;
  const run = async (steps) => {
    latest = steps;
    let end = performance.now() + SLICE;
    for (const _ of steps) {
      if (performance.now() < end) continue;
      await new Promise((resume) => setTimeout(resume));
      if (latest !== steps) return false;
      end = performance.now() + SLICE;
    }
    return true;
  };
  run.stop = () => (latest = null);
  return run;
}

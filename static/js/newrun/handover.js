// A run that was begun on another page, for the form to go on with.

const PLACE = "traindeck-begun-run";

export function handOver(spec) {
  sessionStorage.setItem(PLACE, JSON.stringify(spec));
  location.assign("/runs/new?begun=1");
}

/** What was handed over, once. */
export function handedOver() {
  if (!new URLSearchParams(location.search).has("begun")) return null;
  const spec = sessionStorage.getItem(PLACE);
  return spec ? JSON.parse(spec) : null;
}

// A run that is being described goes from one page to another: from its form to the builder of models, and back.

const PLACE = "traindeck-begun-run";

export const FORM = "/runs/new";
export const BUILDER = "/models/new";

export function handOver(spec, page) {
  sessionStorage.setItem(PLACE, JSON.stringify(spec));
  location.assign(`${page}?begun=1`);
}

/** What was handed over to this page, or null. */
export function handedOver() {
  if (!new URLSearchParams(location.search).has("begun")) return null;
  const spec = sessionStorage.getItem(PLACE);
  return spec ? JSON.parse(spec) : null;
}

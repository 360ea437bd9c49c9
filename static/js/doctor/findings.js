// What the data doctor found, as elements: the gravity, the words, the rows to look at, and what mends it.

import { h } from "../dom.js";
import * as format from "../format.js";
import { icon } from "../icons.js";

/** One finding. `onFix` is called with its patch; without it there is no button. */
export function findingItem(finding, { datasetId, onFix = null }) {
  const { severity, title, explanation, rows, fix } = finding;
  const mend =
    fix && onFix
      ? h("button", { class: "button small", type: "button", onclick: () => onFix(fix.patch) }, fix.label)
      : null;
  return h(
    "li",
    { class: "doctor-finding", data: { kind: finding.kind, severity } },
    h("p", { class: "doctor-title" }, icon(severity), h("span", { class: "visually-hidden" }, `${severity}: `), title),
    h("p", {}, explanation),
    mend || rows.length ? h("div", { class: "row" }, mend, rows.length ? rowsLink(rows, datasetId) : null) : null,
  );
}

/** The dataset's page with these rows; a draft on this page stays. */
const rowsLink = (rows, datasetId) =>
  h(
    "a",
    { href: `/datasets/${datasetId}?rows=${rows.join(",")}#picked-rows`, target: "_blank", rel: "noopener" },
    rows.length === 1 ? "Show the row" : `Show ${format.plural(rows.length, "row")}`,
  );

/** How it went, in a line. */
export function summaryOf({ findings, num_rows: numRows, num_examined: numExamined }) {
  const looked =
    numExamined < numRows
      ? `${format.count(numExamined)} of ${format.plural(numRows, "row")}`
      : format.plural(numRows, "row");
  return findings.length
    ? `${format.plural(findings.length, "finding")} in ${looked}`
    : `Nothing stood out in ${looked}.`;
}

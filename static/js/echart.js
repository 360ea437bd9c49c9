// Statistical pictures. The only module that knows ECharts; whoever needs it imports this one late, for it is large.
//
// Everything that ECharts would put into the page as HTML is off (tooltips, style attributes): the Content Security
// Policy forbids it, and what is pointed at is told elsewhere on the page.

import { init } from "../vendor/echarts/echarts.esm.js";

export class Picture {
  constructor(element) {
    this.chart = init(element, null, { renderer: "canvas" });
    this.observer = new ResizeObserver(() => this.chart.resize());
    this.observer.observe(element);
  }

  draw(option) {
    this.chart.setOption({ animation: false, ...option }, { notMerge: true });
  }

  /** Change parts of what is drawn, brushes stay. */
  change(option) {
    this.chart.setOption(option);
  }

  /** `act(params)` on an event: "click", "mouseover", "mouseout", "axisareaselected". */
  on(event, act) {
    this.chart.on(event, act);
  }

  /** The indexes of the lines of parallel coordinates that lie inside every brush; null where nothing is brushed. */
  brushed() {
    const model = this.chart.getModel();
    if (!model) return null; // nothing is drawn yet
    const isActive = (axis) => axis.activeIntervals?.length > 0;
    if (!model.queryComponents({ mainType: "parallelAxis" }).some(isActive)) return null;
    return model.getSeriesByIndex(0).getRawIndicesByActiveState("active");
  }

  dispose() {
    this.observer.disconnect();
    this.chart.dispose();
  }
}

export { init, use } from "echarts/core";
import { use } from "echarts/core";
import { ParallelChart, ScatterChart } from "echarts/charts";
import { GridComponent, ParallelComponent } from "echarts/components";
import { CanvasRenderer } from "echarts/renderers";
use([ScatterChart, ParallelChart, GridComponent, ParallelComponent, CanvasRenderer]);

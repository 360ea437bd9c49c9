export { init, use } from "echarts/core";
import { use } from "echarts/core";
import { BarChart, BoxplotChart, HeatmapChart, LineChart, ParallelChart, ScatterChart } from "echarts/charts";
import { GridComponent, ParallelComponent } from "echarts/components";
import { CanvasRenderer } from "echarts/renderers";
use([BarChart, BoxplotChart, HeatmapChart, LineChart, ScatterChart, ParallelChart, GridComponent, ParallelComponent, CanvasRenderer]);

/** A report as plots: SVG, drawn by echarts without a browser. It is large, and loaded when a plot is first asked for. */
import type { Say } from '../sentences.ts';
import type { UsageReport } from './report.ts';

export const PLOTS = ['gpu', 'waits'] as const;
export type Plot = (typeof PLOTS)[number];

/** Of the page's themes (adapters/web/page/theme.css); `paper` has a ground of its own, for chats. */
export const INKS = {
  light: { text: '#675c52', line: '#ddd3c4', main: '#b5371a', second: '#8a7d70', ground: 'transparent' },
  dark: { text: '#a99d92', line: '#352e2a', main: '#ff6f47', second: '#7d7168', ground: 'transparent' },
  paper: { text: '#5c5148', line: '#ddd3c4', main: '#b5371a', second: '#8a7d70', ground: '#f6f1e8' },
} as const;
export type Ink = keyof typeof INKS;

interface PlotWords {
  /** Names of the two lines of `waits`; of the bars of `gpu` only the first. */
  readonly series: readonly [string, string?];
  readonly font: string;
}

/** Pixels; `narrow` for phones, where letters of a wide plot would be too small to read. */
export const PLOT_SIZES = { wide: { width: 720, height: 240 }, narrow: { width: 336, height: 220 } } as const;
export type PlotSize = keyof typeof PLOT_SIZES;

export async function drawPlot(
  report: UsageReport,
  plot: Plot,
  { ink, words, size = 'wide' }: { readonly ink: Ink; readonly words: PlotWords; readonly size?: PlotSize },
): Promise<string> {
  const [{ init, use }, { BarChart, LineChart }, { GridComponent, LegendComponent }, { SVGRenderer }] =
    await Promise.all([
      import('echarts/core'),
      import('echarts/charts'),
      import('echarts/components'),
      import('echarts/renderers'),
    ]);
  use([BarChart, LineChart, GridComponent, LegendComponent, SVGRenderer]);
  const { text, line, main, second, ground } = INKS[ink];
  const [first, other = ''] = words.series;
  const label = { color: text, fontFamily: words.font, fontSize: 12 };
  const lines =
    plot === 'gpu'
      ? [report.byDay.map(({ gpuSeconds }) => gpuSeconds)]
      : [report.byDay.map(({ median }) => median), report.byDay.map(({ p95 }) => p95)];
  const unit = unitOf(Math.max(...lines.flat().map((value) => value ?? 0)));
  const [data = [], others = []] = lines.map((values) =>
    values.map((value) => (value === undefined ? '-' : value / unit.seconds)),
  );
  const chart = init(null, null, { renderer: 'svg', ssr: true, ...PLOT_SIZES[size] });
  try {
    chart.setOption({
      animation: false,
      backgroundColor: ground,
      textStyle: { fontFamily: words.font },
      grid: { left: 56, right: 16, top: plot === 'waits' ? 36 : 16, bottom: 28 },
      ...(plot === 'waits' && {
        legend: { top: 4, right: 16, icon: 'rect', itemWidth: 12, itemHeight: 3, textStyle: label },
      }),
      xAxis: {
        type: 'category',
        data: report.byDay.map(({ day }) => day.slice(5)),
        axisLabel: { ...label, hideOverlap: true },
        axisLine: { lineStyle: { color: line } },
        axisTick: { show: false },
      },
      yAxis: {
        type: 'value',
        axisLabel: { ...label, formatter: `{value} ${unit.name}` },
        splitLine: { lineStyle: { color: line } },
      },
      series:
        plot === 'gpu'
          ? [
              {
                type: 'bar',
                name: first,
                data,
                color: main,
                barMaxWidth: 32,
              },
            ]
          : [
              {
                type: 'line',
                name: first,
                data,
                ...lineOf(second),
              },
              { type: 'line', name: other, data: others, ...lineOf(main) },
            ],
    });
    return chart.renderToSVGString();
  } finally {
    chart.dispose();
  }
}

const lineOf = (color: string) => ({ color, showSymbol: true, symbolSize: 4, lineStyle: { width: 2 } });

/** A plot writes them as they are named here, in every language. */
function unitOf(seconds: number): { readonly name: 's' | 'min' | 'h'; readonly seconds: number } {
  if (seconds < 120) return { name: 's', seconds: 1 };
  return seconds < 7200 ? { name: 'min', seconds: 60 } : { name: 'h', seconds: 3600 };
}

/** `90 s`, `15 min`, `3 h`; `90초`, `15분`, `3시간`. */
export function briefSeconds(seconds: number, say: Say): string {
  const unit = unitOf(seconds);
  const value = seconds / unit.seconds;
  return say(`usage.${unit.name}`, { value: value < 10 ? Math.round(value * 10) / 10 : Math.round(value) });
}

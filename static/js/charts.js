/* Charts of the reports. Each [data-chart] draws the JSON block named by data-source: {labels, series: [{name, fen}]}.
   The table beside it holds the same figures; lines differ by dashes and bars by hatching, never by colour alone. */
(function () {
  "use strict";
  var drawn = [];

  function token(name) { return getComputedStyle(document.documentElement).getPropertyValue(name).trim(); }
  function rem() { return parseFloat(getComputedStyle(document.documentElement).fontSize) || 16; }
  function wan(fen) { return fen / 1000000; }
  function plain(value) { return Number(value).toLocaleString("zh-CN", { maximumFractionDigits: 2 }); }

  function options(kind, data) {
    var small = 0.75 * rem();
    var text = { color: token("--ink-2"), fontSize: small };
    var names = { type: "category", data: data.labels, axisLabel: text, axisLine: { lineStyle: { color: token("--line-field") } } };
    var amounts = { type: "value", axisLabel: { color: text.color, fontSize: small, formatter: plain }, splitLine: { lineStyle: { color: token("--line") } } };
    var bar = kind === "bar";
    if (bar) names.inverse = true;
    return {
      animation: false,
      aria: { enabled: true, label: { enabled: false }, decal: { show: bar } },
      color: [token("--brand"), token("--wait")],
      grid: { left: 8, right: 24, top: bar ? 8 : 3 * small, bottom: 8, containLabel: true },
      legend: { show: !bar, top: 0, textStyle: text, itemWidth: 36 },
      tooltip: { trigger: "axis", renderMode: "richText", valueFormatter: function (value) { return plain(value) + " 万元"; }, textStyle: { fontSize: small } },
      xAxis: bar ? amounts : names,
      yAxis: bar ? names : amounts,
      series: data.series.map(function (one, at) {
        return {
          name: one.name, type: kind, data: one.fen.map(wan), barMaxWidth: 28,
          symbol: at ? "rect" : "circle", symbolSize: 8,
          lineStyle: { width: 2.5, type: at ? [8, 5] : "solid" }
        };
      })
    };
  }

  function draw(element) {
    var source = document.getElementById(element.dataset.source);
    if (!source || !window.echarts) return;
    var data = JSON.parse(source.textContent);
    var chart = window.echarts.init(element, null, { renderer: "canvas" });
    chart.setOption(options(element.dataset.chart, data));
    drawn.push(function () { chart.resize(); chart.setOption(options(element.dataset.chart, data), true); });
  }
  function redraw() { drawn.forEach(function (again) { again(); }); }

  document.querySelectorAll("[data-chart]").forEach(draw);
  window.addEventListener("resize", redraw);
  new MutationObserver(redraw).observe(document.documentElement, { attributes: true, attributeFilter: ["data-bs-theme", "data-text"] });
})();

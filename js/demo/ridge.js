// The chart: how long the session still had, over the last minute. A session that is kept alive draws the ridge of a
// dragon's back; one that is left alone draws a slope down to nothing.

/** @typedef {{ at: number, ttl: number, asked: boolean }} Sample one known or estimated time to live, in milliseconds */

const MARGIN = { top: 14, right: 20, bottom: 42, left: 46 };

export class Ridge {
  /** @type {Sample[]} */
  #samples = [];
  /** @type {{ at: number, answered: boolean }[]} */
  #beats = [];
  /** @type {{ from: number, to: number | undefined }[]} */
  #gaps = [];
  #canvas;
  #context;
  #ttlMax = 10_000;

  /** @param {HTMLCanvasElement} canvas */
  constructor(canvas) {
    this.#canvas = canvas;
    this.#context = /** @type {CanvasRenderingContext2D} */ (canvas.getContext("2d"));
  }

  /** The full time to live: the chart's height. Its width is at least a minute. @param {number} ttl */
  set ttlMax(ttl) {
    this.#ttlMax = ttl;
  }

  get #window() {
    return Math.max(60_000, this.#ttlMax * 3);
  }

  /** @param {Sample} sample */
  sample(sample) {
    const last = this.#samples.at(-1);
    if (last && sample.ttl > last.ttl) {
      // A refresh is a jump, not a slope. It gave the session its full time, so what is gone of it tells when that was.
      const at = Math.max(last.at, sample.at - Math.max(0, this.#ttlMax - sample.ttl));
      this.#samples.push(
        { at, ttl: Math.max(0, last.ttl - (at - last.at)), asked: last.asked },
        { at, ttl: sample.ttl + (sample.at - at), asked: sample.asked },
      );
    }
    this.#samples.push(sample);
    // Not only when drawing: a tab in the background is not drawn, and goes on all night.
    this.#forget(sample.at - this.#window - 1000);
  }

  /** @param {number} at */
  beat(at) {
    this.#beats.push({ at, answered: false });
  }

  answered() {
    const last = this.#beats.at(-1);
    if (last) last.answered = true;
  }

  /** @param {number} at */
  lost(at) {
    if (!this.#gaps.length || this.#gaps.at(-1)?.to) this.#gaps.push({ from: at, to: undefined });
  }

  /** @param {number} at */
  back(at) {
    const gap = this.#gaps.at(-1);
    if (gap) gap.to ??= at;
  }

  /** A new session starts a new line. */
  restart() {
    this.#samples = [];
    this.#beats = [];
    this.#gaps = [];
  }

  /** @param {number} now @param {number | undefined} ttl the head of the line, estimated since the last sample */
  draw(now, ttl) {
    const { width, height } = this.#fit();
    const plot = { left: MARGIN.left, top: MARGIN.top, right: width - MARGIN.right, bottom: height - MARGIN.bottom };
    const span = this.#window;
    const x = (/** @type {number} */ at) => plot.right - ((now - at) / span) * (plot.right - plot.left);
    const y = (/** @type {number} */ left) => plot.bottom - (left / this.#ttlMax) * (plot.bottom - plot.top);

    this.#forget(now - span - 1000);
    const ink = colours(this.#canvas);
    const c = this.#context;
    c.clearRect(0, 0, width, height);

    this.#drawAxes(plot, span, ink);
    c.save();
    c.beginPath();
    c.rect(plot.left, 0, width - plot.left, height);
    c.clip();
    for (const gap of this.#gaps) this.#drawGap(x(gap.from), x(gap.to ?? now), plot, ink);
    const head = ttl === undefined ? [] : [{ at: now, ttl, asked: true }];
    const points = [...this.#samples, ...head].map((sample) => ({ ...sample, x: x(sample.at), y: y(sample.ttl) }));
    this.#drawLine(points, plot, ink);
    for (const beat of this.#beats) this.#drawBeat(x(beat.at), plot.bottom + 12, beat.answered, ink);
    c.restore();
    if (ttl !== undefined) this.#drawHead(x(now), y(ttl), this.#freshness(now), ttl > 0, ink);
  }

  #freshness(/** @type {number} */ now) {
    const beat = this.#beats.at(-1);
    return beat?.answered ? Math.max(0, 1 - (now - beat.at) / 900) : 0;
  }

  #forget(/** @type {number} */ before) {
    // One sample beyond the left edge stays, for the line to come from.
    while (this.#samples.length > 2 && this.#samples[1].at < before) this.#samples.shift();
    while (this.#beats.length && this.#beats[0].at < before) this.#beats.shift();
    while (this.#gaps.length && (this.#gaps[0].to ?? Infinity) < before) this.#gaps.shift();
  }

  #fit() {
    const { clientWidth: width, clientHeight: height } = this.#canvas;
    const ratio = window.devicePixelRatio || 1;
    if (this.#canvas.width !== Math.round(width * ratio) || this.#canvas.height !== Math.round(height * ratio)) {
      this.#canvas.width = Math.round(width * ratio);
      this.#canvas.height = Math.round(height * ratio);
    }
    this.#context.setTransform(ratio, 0, 0, ratio, 0, 0);
    return { width, height };
  }

  #drawAxes(plot, span, ink) {
    const c = this.#context;
    c.font = `12px ${ink.font}`;
    c.fillStyle = ink.muted;
    c.strokeStyle = ink.line;
    c.lineWidth = 1;
    c.textBaseline = "middle";
    c.textAlign = "right";
    for (const part of [0, 0.5, 1]) {
      const at = Math.round(plot.bottom - part * (plot.bottom - plot.top)) + 0.5;
      c.beginPath();
      c.setLineDash(part ? [2, 4] : []);
      c.moveTo(plot.left, at);
      c.lineTo(plot.right, at);
      c.stroke();
      c.fillText(seconds(this.#ttlMax * part), plot.left - 10, at);
    }
    c.setLineDash([]);
    c.textBaseline = "alphabetic";
    c.textAlign = "left";
    c.fillText(`${seconds(span)} ago`, plot.left, plot.bottom + 36);
    c.textAlign = "right";
    c.fillText("now", plot.right, plot.bottom + 36);
  }

  #drawGap(from, to, plot, ink) {
    const c = this.#context;
    c.save();
    c.beginPath();
    c.rect(from, plot.top, Math.max(to - from, 1), plot.bottom - plot.top);
    c.clip();
    c.strokeStyle = ink.gap;
    c.lineWidth = 1;
    c.beginPath();
    // The hatching is anchored to the band, so that it scrolls with it.
    const depth = plot.bottom - plot.top;
    for (let at = from - depth; at < to; at += 7) {
      c.moveTo(at, plot.bottom);
      c.lineTo(at + depth, plot.top);
    }
    c.stroke();
    c.restore();
  }

  #drawLine(points, plot, ink) {
    if (points.length < 2) return;
    const c = this.#context;
    const fill = c.createLinearGradient(0, plot.top, 0, plot.bottom);
    fill.addColorStop(0, ink.moss);
    fill.addColorStop(0.55, ink.moss);
    fill.addColorStop(1, ink.ember);

    c.beginPath();
    c.moveTo(points[0].x, plot.bottom);
    for (const point of points) c.lineTo(point.x, point.y);
    c.lineTo(points.at(-1).x, plot.bottom);
    c.closePath();
    c.globalAlpha = 0.2;
    c.fillStyle = fill;
    c.fill();
    c.globalAlpha = 1;

    c.strokeStyle = fill;
    c.lineWidth = 2.25;
    c.lineJoin = "round";
    for (let start = 0; start < points.length - 1; ) {
      let end = start + 1;
      while (end < points.length - 1 && points[end].asked === points[start].asked) end += 1;
      c.setLineDash(points[start].asked ? [] : [4, 5]);
      c.beginPath();
      c.moveTo(points[start].x, points[start].y);
      for (let at = start + 1; at <= end; at += 1) c.lineTo(points[at].x, points[at].y);
      c.stroke();
      start = end;
    }
    c.setLineDash([]);
  }

  #drawBeat(x, y, answered, ink) {
    const c = this.#context;
    c.beginPath();
    c.moveTo(x, y - 5.5);
    c.lineTo(x + 5.5, y);
    c.lineTo(x, y + 5.5);
    c.lineTo(x - 5.5, y);
    c.closePath();
    c.lineWidth = 1.5;
    c.strokeStyle = ink.ember;
    c.fillStyle = answered ? ink.ember : ink.card;
    c.fill();
    c.stroke();
  }

  #drawHead(x, y, freshness, alive, ink) {
    const c = this.#context;
    if (freshness > 0) {
      c.beginPath();
      c.arc(x, y, 6 + 10 * freshness, 0, Math.PI * 2);
      c.globalAlpha = 0.3 * freshness;
      c.fillStyle = ink.ember;
      c.fill();
      c.globalAlpha = 1;
    }
    c.beginPath();
    c.arc(x, y, 5.5, 0, Math.PI * 2);
    c.fillStyle = alive ? ink.ember : ink.muted;
    c.fill();
    c.lineWidth = 2;
    c.strokeStyle = ink.card;
    c.stroke();
  }
}

/** @param {HTMLElement} element */
function colours(element) {
  const style = getComputedStyle(element);
  const read = (/** @type {string} */ name) => style.getPropertyValue(name).trim();
  return {
    moss: read("--moss"),
    ember: read("--ember"),
    muted: read("--muted"),
    line: read("--line"),
    gap: read("--gap"),
    card: read("--card"),
    font: style.fontFamily,
  };
}

/** @param {number} ms */
function seconds(ms) {
  return ms >= 120_000 ? `${Math.round(ms / 60_000)} min` : `${Math.round(ms / 100) / 10} s`;
}

/**
 * Draws the countries at build time, from Natural Earth's public-domain shapes: the page gets paths, no projection.
 * Countries too small to be seen or hit get a dot.
 */
import { geoEqualEarth, geoPath, type GeoContext } from 'd3-geo';
import countries from 'i18n-iso-countries';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { feature } from 'topojson-client';
import type { GeometryCollection, Topology } from 'topojson-specification';
import type { Shapes } from './src/shapes';

/** In units of the drawing, which are whole numbers: a panel has a third of them in pixels. */
const WIDTH = 1800;
/** Less on its longer side is a dot. */
const SMALL = 15;
const ANTARCTICA = 'AQ';
/** Shapes without a code of their own, and the code that location databases use there. */
const COUNTED_AS: Record<string, string> = { Kosovo: 'XK', 'N. Cyprus': 'CY', Somaliland: 'SO' };

type Named = Topology<{ countries: GeometryCollection<{ name: string }> }>;

function shapesOf(scale: '110m' | '50m') {
  const file = createRequire(import.meta.url).resolve(`world-atlas/countries-${scale}.json`);
  const atlas = JSON.parse(readFileSync(file, 'utf8')) as Named;
  return feature(atlas, atlas.objects.countries).features.flatMap((shape) => {
    const own = shape.id === undefined ? undefined : countries.numericToAlpha2(shape.id);
    const code = own ?? COUNTED_AS[shape.properties.name];
    return code === undefined || code === ANTARCTICA ? [] : [{ code, shape }];
  });
}

/** Gathers the rings of a shape as whole points. */
class Rings implements GeoContext {
  rings: [number, number][][] = [];

  moveTo(x: number, y: number): void {
    this.rings.push([[Math.round(x), Math.round(y)]]);
  }
  lineTo(x: number, y: number): void {
    const ring = this.rings.at(-1)!;
    const [to, [lastX, lastY]] = [[Math.round(x), Math.round(y)] as [number, number], ring.at(-1)!];
    if (to[0] !== lastX || to[1] !== lastY) ring.push(to);
  }
  beginPath(): void {}
  closePath(): void {}
  arc(): void {}

  /** An SVG path in steps from point to point, half as long as one of places. */
  text(): string {
    const steps = (ring: [number, number][]) =>
      ring.slice(1).map(([x, y], i) => [x - ring[i]![0], y - ring[i]![1]].map((n, at) => (n < 0 || i + at === 0 ? n : ` ${n}`)).join(''));
    return this.rings.filter((ring) => ring.length > 2).map((ring) => `M${ring[0]!.join(' ')}l${steps(ring).join('')}z`).join('');
  }
}

export function draw(): Shapes {
  const coarse = shapesOf('110m');
  const all = { type: 'FeatureCollection' as const, features: coarse.map(({ shape }) => shape) };
  const projection = geoEqualEarth().fitWidth(WIDTH, all);
  const path = geoPath(projection);
  const sizeOf = (shape: (typeof coarse)[0]['shape']) => {
    const [[left, top], [right, bottom]] = path.bounds(shape);
    return Math.max(right - left, bottom - top);
  };
  const land = coarse.map(({ code, shape }): Shapes['land'][0] => {
    const rings = new Rings();
    geoPath(projection, rings)(shape);
    return [code, rings.text()];
  });
  const drawn = new Set(coarse.filter(({ shape }) => sizeOf(shape) >= SMALL).map(({ code }) => code));
  const dots: Shapes['dots'] = [];
  for (const { code, shape } of shapesOf('50m')) {
    if (drawn.has(code) || sizeOf(shape) >= SMALL) continue;
    drawn.add(code);
    const [x, y] = path.centroid(shape).map(Math.round) as [number, number];
    dots.push([code, x, y]);
  }
  return { width: WIDTH, height: Math.ceil(path.bounds(all)[1][1]), land, dots };
}

/** The module `virtual:shapes`. */
export function drawnShapes(): { name: string; resolveId(id: string): string | null; load(id: string): string | null } {
  return {
    name: 'drawn-shapes',
    resolveId: (id) => (id === 'virtual:shapes' ? '\0virtual:shapes' : null),
    load: (id) => (id === '\0virtual:shapes' ? `export default ${JSON.stringify(draw())}` : null),
  };
}
